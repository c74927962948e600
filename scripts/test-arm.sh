#!/usr/bin/env bash
# Unit and property tests on aarch64: built here, run under user-mode qemu as a Raspberry Pi 4, a Pi 5 and all that qemu has.
# On Debian it installs what it lacks. CORES and TESTS choose others, as in `CORES=max TESTS=engine scripts/test-arm.sh`.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra cores <<< "${CORES:-cortex-a72 cortex-a76 max}"
read -ra tests <<< "${TESTS:-frame:: mask:: engine:: select::}"
. scripts/static.sh
set_up aarch64 qemu-aarch64-static=qemu-user-static

# Checks that a release leaves out; the dependencies stay as they are built for everything else.
checks=(--config profile.release.package.foveate.overflow-checks=true
    --config profile.release.package.foveate.debug-assertions=true)
programs=$(build --lib "${checks[@]}")
binary=$(program foveate)
for core in "${cores[@]}"; do
    echo "test-arm: $core"
    qemu-aarch64-static -cpu "$core" "$binary" "${tests[@]}"
done
