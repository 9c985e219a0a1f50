#!/usr/bin/env bash
# A backlog of N submissions (1 M unless given) with recorded readings: catch-up at 1 and 2 workers, then a start from
# the journal that it left (hydration). Then photos a second of the whole pipeline beside a bare loop of the same decoding and
# model on the same threads. Built with all optimisation. Figures are of this machine, as it is now.
#
#   benches/run.sh [SUBMISSIONS]     both; 0 submissions: photos only
set -euo pipefail
cd "$(dirname "$0")/.."
count=${1:-1000000}
cargo build --release --quiet -p inkflow
cargo build --release --quiet -p inkflow-connectors --example bare_loop
release=$(realpath "${CARGO_TARGET_DIR:-target}/release")
inkflow=$release/inkflow
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ "$count" -gt 0 ]; then
    python3 benches/backlog.py "$count" "$work/backlog"
    now=1795248000000
    for workers in 1 2; do
        python3 benches/measure.py "catch-up, $workers worker(s)" "$count" "$inkflow" run --folder "$work/backlog" --until-end --now $now \
            --journal "$work/journal$workers" -w $workers
    done
    python3 benches/measure.py "start from the journal, 2 workers" "$count" "$inkflow" run --folder "$work/backlog" --until-end --now $now \
        --journal "$work/journal1" -w 2
fi

# Decoding and models share the processors with nothing else: as many threads as there are, as in a flow that says nothing.
ORT_DYLIB_PATH=$(deploy/onnxruntime.sh) python3 benches/photos.py "$inkflow" "$release/examples/bare_loop" 1500 "$(nproc)"
