# Sourced by the scripts that build for aarch64 and run the result under qemu. `set_up NAME QEMU PACKAGE` finds a compiler, a
# linker and the command QEMU, on Debian installs what is lacking (PACKAGE has QEMU), and points cargo at them.
target=aarch64-unknown-linux-gnu
rustflags="target.$target.rustflags=[\"-C\",\"target-feature=+crt-static\"]"

set_up() {
    local missing=() as_root=() rustc=${RUSTC:-rustc}
    command -v aarch64-linux-gnu-gcc >/dev/null || missing+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
    command -v "$2" >/dev/null || missing+=("$3")
    # A toolchain of rustup's brings the standard library with `rustup target add`; Debian's is a package.
    if [ ! -d "$("$rustc" --print sysroot)/lib/rustlib/$target" ]; then
        rustc=/usr/bin/rustc
        [ -d "/usr/lib/rustlib/$target" ] || missing+=(rustc-web libstd-rust-web-dev:arm64)
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        if ! command -v apt-get >/dev/null; then
            echo "$1: please install ${missing[*]} (or their equivalents) and run make again" >&2
            exit 1
        fi
        [ "$(id -u)" = 0 ] || as_root=(sudo)
        echo "$1: installing ${missing[*]}" >&2
        "${as_root[@]}" dpkg --add-architecture arm64 >&2
        "${as_root[@]}" apt-get update -qq >&2
        "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}" >&2
    fi
    export RUSTC=$rustc CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}-arm"
}
