#!/usr/bin/env bash
# Unit and property tests on aarch64: built here, run under user-mode qemu as a Raspberry Pi 4, a Pi 5 and all that qemu has.
# On Debian it installs what it lacks. CORES and TESTS choose others, as in `CORES=max TESTS=engine scripts/test-arm.sh`.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra cores <<< "${CORES:-cortex-a72 cortex-a76 max}"
read -ra tests <<< "${TESTS:-frame:: mask:: engine:: select::}"
target=aarch64-unknown-linux-gnu

missing=()
command -v aarch64-linux-gnu-gcc >/dev/null || missing+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
command -v qemu-aarch64-static >/dev/null || missing+=(qemu-user-static)
# A toolchain of rustup's brings the standard library with `rustup target add`; Debian's is a package.
rustc=${RUSTC:-rustc}
if [ ! -d "$("$rustc" --print sysroot)/lib/rustlib/$target" ]; then
    rustc=/usr/bin/rustc
    [ -d "/usr/lib/rustlib/$target" ] || missing+=(rustc-web libstd-rust-web-dev:arm64)
fi
if [ ${#missing[@]} -gt 0 ]; then
    if ! command -v apt-get >/dev/null; then
        echo "test-arm: please install ${missing[*]} (or their equivalents) and run make again" >&2
        exit 1
    fi
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    echo "test-arm: installing ${missing[*]}"
    "${as_root[@]}" dpkg --add-architecture arm64
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}"
fi

# Static, for qemu runs it without an aarch64 system around it; lightly optimised, for it is not timed.
export RUSTC=$rustc CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}-arm" CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=0
binary=$("${CARGO:-cargo}" test --locked --no-default-features --lib --no-run --target "$target" \
    --config "target.$target.rustflags=[\"-C\",\"target-feature=+crt-static\"]" --message-format=json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
for core in "${cores[@]}"; do
    echo "test-arm: $core"
    qemu-aarch64-static -cpu "$core" "$binary" "${tests[@]}"
done
