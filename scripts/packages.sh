#!/usr/bin/env bash
# Installs the Debian packages that the build lacks, and says so. Elsewhere it only names what is missing.
set -euo pipefail
. "$(dirname "$0")/common.sh"

have_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] || ldconfig -p 2>/dev/null | grep -q 'libclang[-.0-9]*\.so' ||
        compgen -G '/usr/lib/llvm-*/lib/libclang[.-]*so*' | grep -qv cpp
}

[ "$(uname -s)" = Linux ] || exit 0
missing=()
# The v4l crate generates its bindings with bindgen, which loads libclang.
have_libclang || missing+=(libclang1)
command -v cc >/dev/null || missing+=(gcc libc6-dev)
[ ${#missing[@]} -gt 0 ] || exit 0

for i in "${!missing[@]}"; do
    if [ "${missing[i]}" = libclang1 ] && command -v apt-get >/dev/null; then
        # Debian names it by version; the newest one there is will do.
        as_root apt-get update -qq
        package=$(apt-cache search --names-only '^libclang1-[0-9]+$' | awk '{print $1}' | sort -V | tail -n 1)
        missing[i]=${package:-libclang-dev}
    fi
done
install_packages "${missing[@]}"
