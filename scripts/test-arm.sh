#!/usr/bin/env bash
# Unit and property tests on aarch64: built here, run under user-mode qemu as a Raspberry Pi 4, a Pi 5 and all that qemu has.
# On Debian it installs what it lacks. CORES and TESTS choose others, as in `CORES=max TESTS=engine scripts/test-arm.sh`.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra cores <<< "${CORES:-cortex-a72 cortex-a76 max}"
read -ra tests <<< "${TESTS:-frame:: mask:: engine:: select::}"
. scripts/arm.sh
set_up test-arm qemu-aarch64-static qemu-user-static

# Static, for qemu runs it without an aarch64 system around it; lightly optimised, for it is not timed.
export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=0
binary=$("${CARGO:-cargo}" test --locked --no-default-features --lib --no-run --target "$target" \
    --config "$rustflags" --message-format=json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
for core in "${cores[@]}"; do
    echo "test-arm: $core"
    qemu-aarch64-static -cpu "$core" "$binary" "${tests[@]}"
done
