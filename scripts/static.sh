# Sourced by the scripts that build static programs: they run in a virtual machine, under user-mode qemu, and on boards of any
# distribution. One profile, one set of features and one way to call cargo, so that dependencies compile once for all of them.
#
# `set_up ARCH [COMMAND=PACKAGE]...`, ARCH being x86_64 or aarch64, finds compiler and linker and the commands named, and on
# Debian installs what is lacking. Then `programs=$(build CARGO_ARGUMENTS)`, and `program NAME` prints a path.
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$repository/scripts/common.sh"

set_up() {
    local arch=$1 missing rustc=${RUSTC:-rustc}
    shift
    "$repository/scripts/packages.sh" >&2
    target=$arch-unknown-linux-gnu
    mapfile -t missing < <(lacking "$@")
    case $arch in
        x86_64)
            [ "$(uname -m)" = x86_64 ] || fail "static programs for x86_64 are built on x86_64 only"
            strip=strip
            ;;
        aarch64)
            command -v aarch64-linux-gnu-gcc >/dev/null || missing+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
            # A toolchain of rustup's brings the standard library with `rustup target add`; Debian's is a package.
            if [ ! -d "$("$rustc" --print sysroot)/lib/rustlib/$target" ]; then
                rustc=/usr/bin/rustc
                [ -d "/usr/lib/rustlib/$target" ] || missing+=(rustc-web libstd-rust-web-dev:arm64)
            fi
            if [[ " ${missing[*]} " = *:arm64* ]]; then as_root dpkg --add-architecture arm64; fi
            export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$repository/scripts/link-aarch64.sh
            export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}-arm"
            strip=aarch64-linux-gnu-strip
            ;;
        *) fail "no such architecture: $arch" ;;
    esac
    install_packages "${missing[@]}"
    export RUSTC=$rustc
    release=${CARGO_TARGET_DIR:-target}/$target/release
}

# Builds the test programs that the arguments name, as in `--lib --test hardware-touch`, and prints their paths. With a
# --test comes `foveate` itself, in $release: it is always built this way, for a plain `cargo build` leaves out features that
# the tests switch on in shared dependencies, and would compile these a second time.
build() {
    "${CARGO:-cargo}" test --locked --release --no-run --target "$target" \
        --config "target.$target.rustflags=[\"-C\",\"target-feature=+crt-static\"]" \
        --message-format=json-render-diagnostics "$@" | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p'
}

# The path of the test program $1 among $programs.
program() {
    grep "/deps/${1//-/_}-[0-9a-f]*$" <<< "$programs" || fail "cargo built no program $1"
}
