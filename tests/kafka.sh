#!/usr/bin/env bash
# The whole command on a real Kafka against the oracle: hostile histories in topics, in stages, killed with -9 on the way;
# what it exports equals the recompute, and its changelogs, folded by a reader of their own, equal the export.
# Needs the broker of KAFKA_BROKERS and what else tests/broker.sh prints. The last line is N passed, N failed.
set -uo pipefail
cd "$(dirname "$0")/.."
: "${KAFKA_BROKERS:?where Kafka is: eval "$(INKFLOW_RUN=... tests/broker.sh start)"}"
bin=${CARGO_TARGET_DIR:-target}/debug
cargo build --quiet -p inkflow -p inkflow-oracle -p inkflow-demo -p inkflow-topics || exit 1
for name in inkflow inkflow-oracle inkflow-topics; do declare "${name#inkflow-}=$(realpath "$bin/$name")"; done
work=$(mktemp -d)
trap 'kill -9 $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
run=$$-$RANDOM
passed=0 failed=0

check() { # WHAT COMMAND...
    local what=$1 start=$SECONDS; shift
    if "$@" >"$work/out" 2>&1; then
        passed=$((passed + 1)); echo "ok      $what ($((SECONDS - start)) s)"
    else
        failed=$((failed + 1)); echo "FAILED  $what ($((SECONDS - start)) s)"; tail -n 30 "$work/out" | sed 's/^/        /'
    fi
}

flow() { # DIR PREFIX: a flow over the topics PREFIX*
    local dir=$1 prefix=$2 topic
    mkdir -p "$dir"
    {
        echo "version: 1"
        echo "kafka: {brokers: \"$KAFKA_BROKERS\"}"
        echo "source: {kafka: {group: \"${prefix}lag\", topics: {$(
            for topic in submissions enrolments assignments reviews models erasures; do printf '%s: "%s", ' $topic "$prefix$topic"; done
        )}}}"
        echo "readers: {recorded: {path: readings.jsonl}}"
        echo "journal: {folder: journal}"
        echo "dead_letters: {kafka: {topic: \"${prefix}dead\"}}"
        echo "sinks: [{sqlite: {path: views.sqlite}}, {changelog: {prefix: \"${prefix}view.\"}}]"
    } >"$dir/flow.yaml"
    "$topics" make "${prefix}dead"
}

# equal DIR HISTORY PREFIX NOW WORKERS: a run to the end exports what the oracle recomputes of that history, and so does the
# changelog, to the byte.
equal() {
    local dir=$1 history=$2 prefix=$3 now=$4 workers=$5
    rm -rf "$dir/out" "$dir/want" "$dir/folded"
    timeout 300 "$inkflow" run "$dir/flow.yaml" --until-end --now "$now" --export "$dir/out" -w "$workers" || return
    "$oracle" recompute "$history" --now "$now" --out "$dir/want" && "$oracle" compare "$dir/want" "$dir/out" || return
    "$topics" fold --prefix "${prefix}view." --like "$dir/out" --out "$dir/folded" && diff -r "$dir/out" "$dir/folded"
}

# A topic for each kind of record, with one partition, or as many as the history has: one journal over topics that grow
# three times, at changing numbers of workers, killed with -9 five times in each stage.
in_stages() { # SEED PARTITIONS
    local seed=$1 history=$work/history$1 dir=$work/flow$1 prefix=k$run-$1. now stage kill_after topic
    "$oracle" history --seed "$seed" --records 3000 --out "$history.all" >/dev/null || return
    now=$(cat "$history.all/now.txt")
    if [ "$2" = 1 ]; then
        for topic in "$history.all"/*/; do
            # A last line without its LF gets one.
            LC_ALL=C sed -s -e '$a\' "$topic"*.jsonl >"$topic/all" && rm "$topic"*.jsonl && mv "$topic/all" "$topic/0.jsonl" || return
        done
    fi
    "$oracle" stages "$history.all" --seed "$seed" --count 3 --out "$history.cut" >/dev/null || return
    flow "$dir" "$prefix" || return
    cp "$history.all/readings.jsonl" "$dir/"
    RANDOM=$seed
    for stage in 1 2 3; do
        # The records come while it runs.
        "$topics" produce "$history.cut/$stage" --prefix "$prefix" &
        for _ in 1 2 3 4 5; do
            kill_after=$(printf '%d.%03d' $((RANDOM % 2)) $((RANDOM % 1000)))
            timeout -s KILL "$kill_after" "$inkflow" run "$dir/flow.yaml" --now "$now" -w $((RANDOM % 3 + 1)) >/dev/null 2>&1
        done
        wait $! || return
        equal "$dir" "$history.cut/$stage" "$prefix" "$now" $((RANDOM % 3 + 1)) || return
    done
    letters_say_what_was_rejected "$dir" "$prefix"
}

# Every row of the view `rejected` has its letter, with the reason and where it was.
letters_say_what_was_rejected() {
    "$topics" read "${2}dead" >"$1/dead.jsonl" || return
    python3 - "$1" <<'PY'
import csv, json, sys
with open(f"{sys.argv[1]}/out/rejected.csv", newline="") as file:
    rejected = {(row["topic"], row["partition"], row["offset"], row["reason"]) for row in csv.DictReader(file)}
headers = [json.loads(line)["headers"] for line in open(f"{sys.argv[1]}/dead.jsonl")]
letters = {tuple(of[f"inkflow-{name}"] for name in ("topic", "partition", "offset", "reason")) for of in headers}
# A student who was erased has no letter; a letter written again after a kill is one too many, and the same.
assert letters <= rejected, sorted(letters - rejected)[:5]
assert len(letters) > len(rejected) * 0.8 > 0, (len(letters), len(rejected))
print(len(rejected), "rejected,", len(letters), "letters,", len(headers), "written")
PY
}

check "a history in topics of one partition, in stages, killed 15 times, equals the recompute" in_stages 31 1
check "a history in topics that get more partitions, in stages, killed 15 times, equals the recompute" in_stages 32 many
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
