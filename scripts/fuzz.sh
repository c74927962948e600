#!/usr/bin/env bash
# Fuzzes every parser of outside data, or the targets named: `fuzz.sh [TARGET]...`. FUZZ_SECONDS is the time for each, 60 unless
# given. The flags are those that cargo-fuzz gives, less the address sanitizer, which needs a nightly toolchain; where there is
# one, `cargo fuzz run TARGET` finds more in what little unsafe code there is.
#
# What a target finds lies in fuzz/artifacts/TARGET. Mended, it goes to fuzz/regressions/TARGET, and `make test` runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh
seconds=${FUZZ_SECONDS:-60}
target=$("${RUSTC:-rustc}" -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}-fuzz"

# libFuzzer itself is C++.
need c++=g++
# With --target, build scripts and procedural macros stay without these.
flags=(-Cpasses=sancov-module)
for option in -sanitizer-coverage-level=4 -sanitizer-coverage-inline-8bit-counters -sanitizer-coverage-pc-table \
    -sanitizer-coverage-trace-compares -simplifycfg-branch-fold-threshold=0; do
    flags+=("-Cllvm-args=$option")
done
flags+=(--cfg fuzzing)
RUSTFLAGS="${flags[*]}" "${CARGO:-cargo}" build --release --locked --manifest-path fuzz/Cargo.toml --target "$target"

targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(basename -s .rs fuzz/fuzz_targets/*.rs)
failed=()
for name in "${targets[@]}"; do
    mkdir -p "fuzz/corpus/$name" "fuzz/artifacts/$name"
    log=fuzz/artifacts/$name/log
    # The first folder is written to; the others are read.
    folders=("fuzz/corpus/$name" "fuzz/seeds/$name")
    [ ! -d "fuzz/regressions/$name" ] || folders+=("fuzz/regressions/$name")
    if "$CARGO_TARGET_DIR/$target/release/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
        -artifact_prefix="fuzz/artifacts/$name/" -print_final_stats=1 "${folders[@]}" > "$log" 2>&1; then
        printf '%-26s %s runs, %s\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
            "$(grep -o 'cov: [0-9]*' "$log" | tail -n 1)"
    else
        failed+=("$name")
        printf '%-26s FAILED, see %s\n' "$name" "$log"
        grep -E 'panicked|ERROR|Test unit written' -A1 "$log" | head -n 8 || true
    fi
done
[ ${#failed[@]} -eq 0 ] || fail "${#failed[@]} of ${#targets[@]} targets found something: ${failed[*]}"
