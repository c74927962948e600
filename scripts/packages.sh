#!/usr/bin/env bash
# Installs the Debian packages that the build lacks, and says so. Elsewhere it only names what is missing.
set -euo pipefail

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

if ! command -v apt-get >/dev/null; then
    echo "packages: please install ${missing[*]} (or their equivalents) and run make again" >&2
    exit 1
fi
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
echo "packages: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
for package in "${missing[@]}"; do
    if [ "$package" = libclang1 ]; then
        # Debian names it by version; the newest one there is will do.
        package=$(apt-cache search --names-only '^libclang1-[0-9]+$' | awk '{print $1}' | sort -V | tail -n 1)
        package=${package:-libclang-dev}
    fi
    "${as_root[@]}" apt-get install -y --no-install-recommends "$package"
done
