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
# shellcheck source=tests/lib.sh
. tests/lib.sh

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

# A photo that is put into a bucket is a submission: the store tells Kafka by itself. A key that tells of no page is a dead
# letter, and one with a name in it that a store would write in escapes is read as it is.
an_upload_is_a_submission() {
    local dir=$work/upload prefix=k$run-up. minio=deploy/services/minio.sh key
    local records=$dir/records
    "$topics" make "${prefix}submissions" && flow "$dir" "$prefix" || return
    sed -i 's/^source: {kafka: {/&notifications: {key: "in\/{student_id}\/{assignment_id}\/{page}.jpg"}, /' "$dir/flow.yaml"
    mkdir -p "$records/enrolments" "$records/assignments"
    echo '{"key":"ann 4|7b","value":{"student_id":"ann 4","class_id":"7b","school_id":"x"}}' >"$records/enrolments/0.jsonl"
    echo '{"key":"a","value":{"assignment_id":"a","class_id":"7b","subject":"maths","pages":1,"due_at":1999999999999}}' \
        >"$records/assignments/0.jsonl"
    echo '{"uri":"s3://pages/in/ann 4/a/1.jpg","quality":"ok","completion_bp":9000}' >"$dir/readings.jsonl"
    "$topics" produce "$records" --prefix "$prefix" || return
    export MINIO_PORT=0 MINIO_NOTIFY_KAFKA_ENABLE_UP=on MINIO_NOTIFY_KAFKA_BROKERS_UP=$KAFKA_BROKERS
    export MINIO_NOTIFY_KAFKA_TOPIC_UP=${prefix}submissions
    eval "$($minio start)" && $minio bucket pages && $minio notify pages || return
    for key in in/ann%204/a/1.jpg in/nobody.jpg; do
        $minio put models/demo-photos/0000.jpg "pages/$key" || return
    done
    for _ in $(seq 100); do
        [ "$("$topics" read "${prefix}submissions" | wc -l)" -lt 2 ] || break
        sleep 0.1
    done
    timeout 60 "$inkflow" run "$dir/flow.yaml" --until-end --export "$dir/out" || return
    cat "$dir/out/page_status.csv" "$dir/out/rejected.csv"
    grep -q '^ann 4,a,1,s3://pages/in/ann 4/a/1.jpg@.*,complete,9000,' "$dir/out/page_status.csv" &&
        [ "$(grep -c 'not of the pattern' "$dir/out/rejected.csv")" = 1 ] &&
        "$topics" read "${prefix}dead" | grep -q nobody.jpg
}
# With a store of its own, as a store is told at its start whom to tell.
upload() { (export INKFLOW_RUN=$work/minio; an_upload_is_a_submission; code=$?; deploy/services/minio.sh wipe >/dev/null 2>&1; exit $code); }

# docs/examples/kafka.yaml as it is, but for where things lie, with the servers of `make services`: a page put into the bucket is
# read, and its row stands in the changelog.
example() { (export INKFLOW_RUN=$work/example-run; the_example; code=$?; deploy/services/minio.sh wipe >/dev/null 2>&1; exit $code); }
the_example() {
    local dir=$work/example minio=deploy/services/minio.sh
    ORT_DYLIB_PATH=${ORT_DYLIB_PATH:-$(deploy/onnxruntime.sh)} || return
    export ORT_DYLIB_PATH
    "$topics" make submissions enrolments assignments reviews models erasures dead-letters || return
    mkdir -p "$dir/records/enrolments" "$dir/records/assignments"
    sed "s#\.\./\.\./models#$PWD/models#; s#127.0.0.1:8080#127.0.0.1:0#" docs/examples/kafka.yaml >"$dir/kafka.yaml"
    echo '{"key":"ann|7b","value":{"student_id":"ann","class_id":"7b","school_id":"x"}}' >"$dir/records/enrolments/0.jsonl"
    echo '{"key":"a","value":{"assignment_id":"a","class_id":"7b","subject":"maths","pages":1,"due_at":1999999999999}}' \
        >"$dir/records/assignments/0.jsonl"
    "$topics" produce "$dir/records" --prefix "" || return
    export MINIO_PORT=0 MINIO_NOTIFY_KAFKA_ENABLE_UP=on MINIO_NOTIFY_KAFKA_BROKERS_UP=$KAFKA_BROKERS
    export MINIO_NOTIFY_KAFKA_TOPIC_UP=submissions
    eval "$($minio start)" && $minio bucket photos && $minio notify photos || return
    $minio put models/demo-photos/0000.jpg photos/x/7b/ann/a/1.jpg || return
    for _ in $(seq 100); do
        [ "$("$topics" read submissions | wc -l)" = 0 ] || break
        sleep 0.1
    done
    "$inkflow" check "$dir/kafka.yaml" && timeout 120 "$inkflow" run "$dir/kafka.yaml" --until-end || return
    "$topics" read inkflow.page_status | tee "$dir/page_status"
    grep -q '"key":"ann|a|1"' "$dir/page_status" && grep -q 'page@16' "$dir/page_status"
}

# docs/examples/kafka-secured.yaml, at brokers that want what it says; and with a password that is not the one.
secured() {
    local dir=$work/secured wrong=sesame-7f3a9 code
    mkdir -p "$dir"
    cp docs/examples/kafka-secured.yaml "$dir/flow.yaml" && touch "$dir/readings.jsonl" || return
    local -x KAFKA_BROKERS=$KAFKA_SASL_TLS KAFKA_AUTHORITY=$KAFKA_CERTIFICATES/authority.pem
    local -x KAFKA_PASSWORD_FILE=$KAFKA_CERTIFICATES/password
    "$inkflow" check "$dir/flow.yaml" && timeout 60 "$inkflow" run "$dir/flow.yaml" --until-end || return
    echo "$wrong" >"$dir/wrong"
    KAFKA_PASSWORD_FILE=$dir/wrong "$inkflow" check "$dir/flow.yaml" >"$dir/said" 2>&1
    code=$?
    cat "$dir/said"
    [ "$code" = 1 ] && grep -q 'Authentication failed' "$dir/said" && ! grep -q "$wrong" "$dir/said"
}

check "docs/examples/kafka.yaml: a page put into the bucket is read, and stands in the changelog" example
check "docs/examples/kafka-secured.yaml: TLS and a password, and one that is wrong is told" secured
check "a photo put into a bucket is a submission, and a key of no page a dead letter" upload
check "a history in topics of one partition, in stages, killed 15 times, equals the recompute" in_stages 31 1
check "a history in topics that get more partitions, in stages, killed 15 times, equals the recompute" in_stages 32 many
counted
