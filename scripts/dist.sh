#!/usr/bin/env bash
# Static release binaries, the model inside them, with board profiles and what a service needs, packed for boards without Rust:
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
    mkdir -p "$root"
    "$strip" -o "$root/foveate" "$release/foveate"
    # There is no folder of models here, so this is the model in the program.
    (cd "$root" && env -u FOVEATE_MODELS XDG_DATA_HOME=/nonexistent "${here[@]}" ./foveate models verify) >&2
    cp models/MODEL_CARD.md "$root/"
    cp -r board-configs packaging README.md LICENSE-* "$root/"
    tar -C "$dist" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$stamp" -cf - "$(basename "$root")" |
        gzip -9n > "$root.tar.gz"
    bytes() { echo "$(($(du -bc "$@" | tail -n 1 | cut -f 1) / 1000)) kB"; }
    printf '%-8s binary with the model %s, tarball %s\n' "$1" "$(bytes "$root/foveate")" "$(bytes "$root.tar.gz")"
    rm -rf "$root"
)

mkdir -p "$dist"
for arch in "$@"; do pack "$arch"; done
(cd "$dist" && sha256sum foveate-"$version"-*.tar.gz | tee SHA256SUMS)
