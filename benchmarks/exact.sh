#!/usr/bin/env bash
# Instructions a request, counted by callgrind: the same figure at each run, whatever else the machine does.
set -euo pipefail
cd "$(dirname "$0")"
cargo build --release --quiet
binary="${CARGO_TARGET_DIR:-target}/release/cloakroom-benchmarks"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

count() {
    valgrind --tool=callgrind --callgrind-out-file="$scratch/out" \
        --toggle-collect='cloakroom_benchmarks::counting' "$binary" "$@" >"$scratch/log" 2>&1 ||
        { cat "$scratch/log" >&2; exit 1; }
    awk '/^totals:/ { print int($2 / 1000) }' "$scratch/out"
}

printf '%-16s %-10s %8s %12s\n' library scenario members instructions
count_row() { printf '%-16s %-10s %8s %12s\n' "$1" "$2" "$3" "$(count "$1" "$2" "$3")"; }
count_row bare untouched 5
count_row noop untouched 5
for library in tower-sessions cloakroom; do
    count_row "$library" nocookie 5
    count_row "$library" untouched 5
    for members in 5 40; do
        for scenario in read change new; do
            count_row "$library" "$scenario" "$members"
        done
    done
done
