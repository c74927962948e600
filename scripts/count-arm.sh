#!/usr/bin/env bash
# Instructions that the bundled encoder executes a frame on aarch64, under user-mode qemu as a Raspberry Pi 5 and 4: a
# measure that an emulator can give, unlike time. On Debian it installs what it lacks.
# WAYS chooses others, as in `CORES=max WAYS=int8 scripts/count-arm.sh`.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra cores <<< "${CORES:-cortex-a76 cortex-a72}"
read -ra ways <<< "${WAYS:-f32 plain f16 int8}"
target=aarch64-unknown-linux-gnu

missing=()
command -v aarch64-linux-gnu-gcc >/dev/null || missing+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
# The static build of qemu takes no plugins.
command -v qemu-aarch64 >/dev/null || missing+=(qemu-user)
rustc=${RUSTC:-rustc}
if [ ! -d "$("$rustc" --print sysroot)/lib/rustlib/$target" ]; then
    rustc=/usr/bin/rustc
    [ -d "/usr/lib/rustlib/$target" ] || missing+=(rustc-web libstd-rust-web-dev:arm64)
fi
if [ ${#missing[@]} -gt 0 ]; then
    if ! command -v apt-get >/dev/null; then
        echo "count-arm: please install ${missing[*]} (or their equivalents) and run make again" >&2
        exit 1
    fi
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    echo "count-arm: installing ${missing[*]}" >&2
    "${as_root[@]}" dpkg --add-architecture arm64
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}"
fi

export RUSTC=$rustc CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}-arm"
"${CARGO:-cargo}" build --locked --release --no-default-features --bin foveate --target "$target" \
    --config "target.$target.rustflags=[\"-C\",\"target-feature=+crt-static\"]" >&2
binary=$CARGO_TARGET_DIR/$target/release/foveate
plugin=$CARGO_TARGET_DIR/count.so
"${CC:-cc}" -O2 -shared -fPIC -o "$plugin" benches/arm/count.c

# Of a whole run of `foveate bench` with $2 measured frames.
executed() {
    qemu-aarch64 -cpu "$1" -plugin "$plugin" "$binary" bench --onnx "$3" --shape image=1x3x256x256 --threads 1 \
        --precision "$4" --runs "$2" --json 2>&1 >/dev/null | sed -n 's/^instructions //p'
}

printf '{"encoder": "256x256, one thread, instructions a frame", "counts": [\n'
separator=
for core in "${cores[@]}"; do
    for way in "${ways[@]}"; do
        file=models/foveate-encoder.onnx precision=$way
        export FOVEATE_WINOGRAD=1
        case $way in
            plain) precision=f32 FOVEATE_WINOGRAD=0 ;;
            int8) file=models/foveate-encoder-int8.onnx ;;
        esac
        few=$(executed "$core" 1 "$file" "$precision")
        more=$(executed "$core" 3 "$file" "$precision")
        printf '%s  {"core": "%s", "way": "%s", "millions": %d}' "$separator" "$core" "$way" $(((more - few) / 2000000))
        separator=$',\n'
    done
done
printf '\n]}\n'
