#!/usr/bin/env bash
# From a real Kafka, with all optimisation: a backlog (2 M submissions unless said otherwise) at 1 and 2 workers, with its
# memory; then a burst admitted live: how long records waited for their seal, and for the row of the changelog that
# reflects them. Recorded readings. Figures are of this machine, as it is now, with the broker and the producer on it.
#
#   benches/kafka.sh [RECORDS [RATE [SECONDS]]]      2000000 10000 30 unless given; 0 leaves that part out
set -euo pipefail
cd "$(dirname "$0")/.."
records=${1:-2000000} rate=${2:-10000} seconds=${3:-30}
work=$(mktemp -d)
export INKFLOW_RUN=$work/run
trap 'kill $(jobs -p) 2>/dev/null || true; wait; tests/broker.sh stop >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
cargo build --release --quiet -p inkflow -p inkflow-topics
release=$(realpath "${CARGO_TARGET_DIR:-target}/release")
mkdir "$work/run" && eval "$(tests/broker.sh start)"

flow() { # DIR PREFIX
    mkdir -p "$1"
    cat >"$1/flow.yaml" <<YAML
version: 1
kafka: {brokers: "$KAFKA_BROKERS"}
source: {kafka: {topics: {submissions: "$2submissions", enrolments: "$2enrolments", assignments: "$2assignments", reviews: "$2reviews", models: "$2models", erasures: "$2erasures"}}}
readers: {recorded: {path: readings.jsonl}}
journal: {folder: journal}
sinks: [{changelog: {prefix: "$2view."}}]
http: {listen: "127.0.0.1:$port"}
YAML
}
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')

if [ "$records" -gt 0 ]; then
    echo "backlog: $("$release/inkflow-topics" fill --prefix backlog. --records "$records")"
    for workers in 1 2; do
        flow "$work/backlog$workers" backlog. && sed -i '/^sinks/d; /^http/d' "$work/backlog$workers/flow.yaml"
        : >"$work/backlog$workers/readings.jsonl"
        python3 benches/measure.py "$workers worker(s)" "$records" "$release/inkflow" run "$work/backlog$workers/flow.yaml" --until-end -w "$workers"
        rm -rf "$work/backlog$workers"
    done
fi

if [ "$rate" -gt 0 ]; then
    flow "$work/burst" burst.
    "$release/inkflow-topics" readings --records $((rate * seconds)) >"$work/burst/readings.jsonl"
    # A broker that has just started takes a core for itself until its code is compiled.
    "$release/inkflow-topics" burst --prefix warm. --rate "$rate" --seconds 20 >/dev/null
    "$release/inkflow-topics" read warm.submissions >/dev/null
    # The rosters first: their 160,000 rows of views are another load than a burst.
    "$release/inkflow-topics" rosters --prefix burst.
    "$release/inkflow-topics" make --partitions 6 burst.submissions
    "$release/inkflow" run "$work/burst/flow.yaml" 2>"$work/burst/log" &
    running=$!
    until curl -fsS "http://127.0.0.1:$port/metrics" 2>/dev/null | awk '/^inkflow_records_total/ {n = $2}
        /^inkflow_epoch / {e = $2} /^inkflow_sink_epoch/ {s = $2} END {exit !(n >= 24000 && e == s)}'; do
        kill -0 $running || { cat "$work/burst/log"; exit 1; }
        sleep 0.1
    done
    echo "burst: $("$release/inkflow-topics" burst --prefix burst. --rate "$rate" --seconds "$seconds")"
    # Until all is sealed, and its photos answered.
    until curl -fsS "http://127.0.0.1:$port/metrics" | awk -v want=$((rate * seconds + 24000)) \
        '/^inkflow_records_total/ {n = $2} /^inkflow_pending_questions/ {p = $2} END {exit !(n >= want && p == 0)}'; do
        sleep 0.2
    done
    sleep 1
    curl -fsS "http://127.0.0.1:$port/metrics" | python3 -c '
import re, sys
buckets = re.findall(r"inkflow_admission_seconds_bucket\{.*?le=\"(.*?)\"\} (\d+)", sys.stdin.read())
total = int(buckets[-1][1])
for share in (0.5, 0.99, 1.0):
    print(f"epochs whose oldest record was sealed within: {share:.0%} of {total}: {next(b for b, n in buckets if int(n) >= share * total)} s")
'
    kill $running && wait $running
    echo "record to changelog: $("$release/inkflow-topics" latency --prefix burst. --views burst.view.)"
fi
