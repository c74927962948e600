#!/usr/bin/env bash
# Static release binaries with models, board profiles and what a service needs, packed for boards without Rust:
#
#   dist.sh [ARCH]...     x86_64 and aarch64 unless given; into ${DIST:-dist}
#
# It runs where it is unpacked; packaging/README.md tells how to install it and run it as a service.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- x86_64 aarch64
dist=${DIST:-dist}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# The same input makes the same bytes.
stamp=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}

# Stores the float encoder in the folder $1 with weights in half precision, which the program widens when it loads them: half the
# size, and the same masks. $2... runs the program where it is another processor's.
halve() {
    local root=$1 encoder=$1/models/foveate-encoder.onnx before
    shift
    before=$(sha256sum "$encoder" | cut -d ' ' -f 1)
    "$@" "$root/foveate" quantize --model foveate --precision f16 --calibration docs --out "$encoder.half"
    mv "$encoder.half" "$encoder"
    sed -i "s/$before/$(sha256sum "$encoder" | cut -d ' ' -f 1)/" "$root/models/manifest.toml"
    "$@" "$root/foveate" models verify
}

pack() (
    . scripts/static.sh
    local here=()
    if [ "$1" = "$(uname -m)" ]; then
        set_up "$1"
    else
        here=("qemu-$1-static" -cpu max)
        set_up "$1" "${here[0]}=qemu-user-static"
    fi
    build --test hardware-system >&2
    root=$dist/foveate-$version-$1-linux
    rm -rf "$root"
    mkdir -p "$root/models"
    "$strip" -o "$root/foveate" "$release/foveate"
    cp models/*.onnx models/manifest.toml models/MODEL_CARD.md "$root/models/"
    halve "$root" "${here[@]}" >&2
    cp -r board-configs packaging README.md LICENSE-* "$root/"
    tar -C "$dist" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$stamp" -cf - "$(basename "$root")" |
        gzip -9n > "$root.tar.gz"
    bytes() { echo "$(($(du -bc "$@" | tail -n 1 | cut -f 1) / 1000)) kB"; }
    printf '%-8s binary %s, models %s, tarball %s\n' "$1" "$(bytes "$root/foveate")" \
        "$(bytes "$root"/models/*)" "$(bytes "$root.tar.gz")"
    rm -rf "$root"
)

mkdir -p "$dist"
for arch in "$@"; do pack "$arch"; done
(cd "$dist" && sha256sum foveate-"$version"-*.tar.gz | tee SHA256SUMS)
