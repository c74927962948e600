#!/usr/bin/env bash
# Instructions that the bundled encoder executes a frame on aarch64, under user-mode qemu as a Raspberry Pi 5 and 4: a
# measure that an emulator can give, unlike time. On Debian it installs what it lacks.
# WAYS chooses others, as in `CORES=max WAYS=int8 scripts/count-arm.sh`.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra cores <<< "${CORES:-cortex-a76 cortex-a72}"
read -ra ways <<< "${WAYS:-f32 plain f16 int8}"
# The static build of qemu takes no plugins.
. scripts/static.sh
set_up aarch64 qemu-aarch64=qemu-user

build --test hardware-system >&2
binary=$release/foveate
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
