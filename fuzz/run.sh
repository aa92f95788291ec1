#!/bin/sh
# Runs the fuzz targets one after the other.
#
#   fuzz/run.sh                     every target, 60 seconds each
#   fuzz/run.sh 3600 decode pcapng  these, an hour each
#   fuzz/run.sh 0                   only the kept corpus, once through (for CI)
#
# SANITIZER=address looks for memory faults too, at half the speed. synfin forbids unsafe
# code of its own; what such a fault could be in are the crates that decompress.
set -eu
cd "$(dirname "$0")"

seconds=${1:-60}
[ $# -gt 0 ] && shift
sanitizer=${SANITIZER:-none}

if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
    echo "fuzz: skipped, needs a nightly toolchain and cargo-fuzz (cargo install cargo-fuzz)"
    exit 0
fi

cargo +nightly fuzz build --sanitizer "$sanitizer" >&2
./seeds.py >&2

targets=${*:-$(cargo +nightly fuzz list)}
failed=
for target in $targets; do
    corpus="corpus/$target"
    mkdir -p "$corpus" "kept/$target"
    # 1 GB would be a quarter of what a small machine has; the reader's own bound is 256 MB.
    options="-rss_limit_mb=512 -timeout=10 -print_final_stats=1"
    if [ "$seconds" -eq 0 ]; then
        options="$options -runs=0"
    else
        options="$options -max_total_time=$seconds"
    fi
    log="target/$target.log"
    # shellcheck disable=SC2086 # the options are words
    if cargo +nightly fuzz run --sanitizer "$sanitizer" "$target" "$corpus" "kept/$target" -- $options >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        cover=$(grep -o 'cov: [0-9]*' "$log" | tail -1)
        echo "$target: fine (${runs:-?} runs, ${cover:-no coverage told})"
    else
        echo "$target: FAILED, see fuzz/$log"
        grep -m3 -E 'panicked|ERROR|Test unit written|timeout|out-of-memory' "$log" || true
        failed="$failed $target"
    fi
done
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
