#!/usr/bin/env bash
# The whole of it on real services: 500 photos in MinIO, told of by its own notifications and by others in a cluster of three
# brokers, with duplicates and disorder; views in PostgreSQL, in SQLite and in changelogs. One process, two workers, two
# processes, and readers that come and go; processes, a broker and PostgreSQL killed on the way. Each time every view equals
# the oracle's recompute of what the topics hold.
#
# Photos are those of models/demo-photos and, where they are, those of DEVREAL (../shared/devreal) whose licence is open.
# Needs ORT_DYLIB_PATH; starts its own servers. The last line is N passed, N failed.
set -uo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
: "${ORT_DYLIB_PATH:?where ONNX Runtime is: deploy/onnxruntime.sh prints it}"
bin=${CARGO_TARGET_DIR:-target}/debug
cargo build --quiet -p inkflow -p inkflow-oracle -p inkflow-demo -p inkflow-topics || exit 1
for name in inkflow inkflow-oracle inkflow-topics; do declare "${name#inkflow-}=$(realpath "$bin/$name")"; done
work=$(mktemp -d)
# shellcheck source=tests/lib.sh
. tests/lib.sh
export INKFLOW_RUN=$work/run PYTHONPATH=$repository/tests PYTHONDONTWRITEBYTECODE=1
export PGHOST=127.0.0.1 PGUSER=inkflow PGDATABASE=inkflow TOPICS=world. PHOTOS_NOTED=noted PHOTOS_TOLD=told
NOW=$(($(date +%s) * 1000 + 3600000))
export NOW
SERVERS=(kafka minio postgres)
KINDS=(submissions enrolments assignments reviews models erasures)
running=()

server() { "$repository/deploy/services/$1.sh" "${@:2}"; }
world() { python3 "$repository/tests/services_world.py" "$@"; }
finish() {
    local process
    for process in "${running[@]}"; do pkill -9 -P "$process"; kill -9 "$process"; done 2>/dev/null
    for name in "${SERVERS[@]}"; do server "$name" wipe; done >/dev/null 2>&1
    rm -rf "$work"
}
trap finish EXIT

servers_and_topics() {
    # A broker that is killed is missed, and taken back, sooner than by default.
    export KAFKA_NODES=3 KAFKA_HEAP=384m KAFKA_CONF='broker.session.timeout.ms=3000 broker.heartbeat.interval.ms=500'
    KAFKA_PORT=$(free_port 1 2 100 101 102 200 201 202) POSTGRES_PORT=$(free_port) MINIO_PORT=$(free_port)
    export KAFKA_PORT POSTGRES_PORT MINIO_PORT
    server kafka start >/dev/null && server postgres start >/dev/null || return
    eval "$(server kafka env; server postgres env)"
    # What it could not tell a broker lies in its queue until it can.
    export MINIO_NOTIFY_KAFKA_ENABLE_UP=on MINIO_NOTIFY_KAFKA_BROKERS_UP=$KAFKA_BROKERS MINIO_NOTIFY_KAFKA_QUEUE_DIR_UP=$work/queue
    export MINIO_NOTIFY_KAFKA_TOPIC_UP=${TOPICS}submissions
    "$topics" make --partitions 3 "${KINDS[@]/#/$TOPICS}" && "$topics" make dead || return
    server minio start >/dev/null && server minio bucket "$PHOTOS_NOTED" "$PHOTOS_TOLD" journals || return
    eval "$(server minio env)"
    world notify arn:minio:sqs::UP:kafka || return
    # A second model, that is the first one under another name.
    mkdir -p "$work/models/page" && cp -r models/page/1 "$work/models/page/1" && cp -r models/page/1 "$work/models/page/2" &&
        sed 's/"version": "1"/"version": "2"/' models/page/1/manifest.json >"$work/models/page/2/manifest.json"
}

# The oracle is told what the model says of each picture by a run that knows neither store nor Kafka.
what_models_say() {
    world plain "$work" "$repository" "${DEVREAL:-../shared/devreal}" || return
    cat >"$work/plain/flow.yaml" <<YAML
version: 1
source: {folder: {path: in}}
photos: {folder: {path: photos}}
readers: {model: {folder: $repository/models, name: page@1}}
journal: {folder: journal}
YAML
    timeout 120 "$inkflow" run "$work/plain/flow.yaml" --until-end --now "$NOW" || return
    "$inkflow" readings --journal "$work/plain/journal" | world answers "$work"
}

# flow NAME [KIND]: a flow over all that, with sinks and a journal of its own, read by the model; or as KIND says by the model
# a `few` photos at a time, `joined`, or `recorded`; and more fields from stdin.
flow() {
    local name=$1 kind=${2:-model} topic
    local keys='access_key_id: {env: AWS_ACCESS_KEY_ID}, secret_access_key: {env: AWS_SECRET_ACCESS_KEY}'
    local bucket="endpoint: \"$S3_ENDPOINT\", $keys"
    mkdir -p "$work/$name"
    {
        cat <<YAML
version: 1
kafka: {brokers: "$KAFKA_BROKERS"}
source:
  kafka:
    topics: {$(for topic in "${KINDS[@]}"; do printf '%s: "%s", ' "$topic" "$TOPICS$topic"; done)}
    notifications: {key: "{school_id}/{class_id}/{student_id}/{assignment_id}/{page}.jpg"}
dead_letters: {kafka: {topic: dead}}
sinks:
  - sqlite: {path: views.sqlite}
  - postgres: {host: 127.0.0.1, port: $PGPORT, database: inkflow, user: inkflow, schema: views_$name, tls: disable}
  - changelog: {prefix: "$name."}
YAML
        [ "$kind" = recorded ] || cat <<YAML
photos:
  - s3: {bucket: {name: $PHOTOS_NOTED, $bucket}, match_etag: true}
  - s3: {bucket: {name: $PHOTOS_TOLD, $bucket}, match_etag: true}
YAML
        case $kind in
            model) echo "readers: {model: {folder: $work/models, name: page@1, threads: 1}}" ;;
            few) echo "readers: {model: {folder: $work/models, name: page@1, threads: 1, in_flight_max: 16}}" ;;
            joined) echo "readers: {joined: {name: page@1}}" ;;
            recorded) echo "readers: {recorded: {path: readings.jsonl}}" ;;
        esac
        cat
    } >"$work/$name/flow.yaml"
}
in_bucket() { # NAME: its journal there
    echo "journal: {s3: {bucket: {name: journals, endpoint: \"$S3_ENDPOINT\", access_key_id: {env: AWS_ACCESS_KEY_ID}, \
secret_access_key: {env: AWS_SECRET_ACCESS_KEY}}, path: $1, seal_every_ms: 50}}"
}

# supervised NAME ARGUMENT...: NAME holds the process that keeps it running; what it says is in NAME.log.
supervised() {
    local name=$1; shift
    "$inkflow" supervise "$@" 2>>"$work/$name.log" &
    running+=("$!"); declare -g "$name=$!"
}
killed() { # NAME: with -9, as soon as it runs
    until_so 60 "$1 runs, and is killed" pkill -9 -P "${!1}" && echo "killed $1"
}
ended() { # NAME: asked to
    kill "${!1}"; wait "${!1}"
    local code=$?
    # A process of a cluster whose other one has ended waits for it when it is asked.
    [ "$code" = 0 ] || [ "$code" = 6 ] || { echo "$1 ended with $code"; tail -n 5 "$work/$1.log"; return 1; }
}
of() { sql "SELECT count(*) FROM views_$1.page_status WHERE status NOT IN ('pending', 'unassigned')" 2>/dev/null; }
is_past() { local now; now=$(of "$1") && [ "$now" -ge "$2" ]; }
reached() { # NAME COUNT: so many pages of its views are judged
    until_so 120 "$2 pages of $1" is_past "$1" "$2" && echo "$(of "$1") pages, $SECONDS s"
}

happens() { # STAGE
    world happen "$work" "$1" >"$work/events$1" && "$topics" append <"$work/events$1"
}
all_are_told() { "$topics" read "${TOPICS}submissions" | world noted "$work"; }
held() {
    local kind
    for kind in "${KINDS[@]}"; do echo "topic $kind"; "$topics" read "$TOPICS$kind" || return; done
}

as_two_processes() {
    local addresses
    addresses="\"127.0.0.1:$(free_port)\", \"127.0.0.1:$(free_port)\""
    { in_bucket two; echo "cluster: {processes: [$addresses], gather_s: 30}"; } | flow two
    supervised first run "$work/two/flow.yaml" --process 0 --now "$NOW"
    supervised second run "$work/two/flow.yaml" --process 1
    happens 1 || return
    reached two 40 && killed first || return
    reached two 80 && killed second || return
    happens 2 & local happening=$!
    reached two 120 && server postgres kill || return
    until_so 60 "it waits for PostgreSQL" grep -q 'and is waited for' "$work/first.log" || return
    server postgres start >/dev/null && wait "$happening" || return
    server kafka kill 2 && echo "killed a broker" || return
    reached two 200 && killed first || return
    server kafka start 2 >/dev/null && happens 3 || return
    reached two 260 && killed second || return
    reached two 320 && killed first || return
    [ "$(of two)" -lt 430 ] || { echo "it was over before all was killed"; return 1; }
    until_so 60 "all photos are told of" all_are_told || return
    "$topics" read "${TOPICS}submissions" | world again | "$topics" append || return
    ended first || return
    timeout 200 "$inkflow" supervise run "$work/two/flow.yaml" --process 0 --until-end --now "$NOW" --export "$work/two/out" || return
    ended second
}

# What the topics hold now is what every run was given, or will be.
recomputed() {
    local view
    held | world records "$work" && cp "$work/answers.jsonl" "$work/records/readings.jsonl" &&
        "$oracle" recompute "$work/records" --now "$NOW" --out "$work/want" || return
    for view in "$work"/want/*.csv; do
        [ "$(wc -l <"$view")" -gt 1 ] || { echo "$view shows nothing"; return 1; }
    done
}

equal() { # NAME: wherever its views are
    local where
    rm -rf "$work/$1"/{sqlite,postgres,changelog}
    world sqlite "$work/$1/views.sqlite" "$work/want" "$work/$1/sqlite" || return
    export_schema "views_$1" "$work/want" "$work/$1/postgres" || return
    "$topics" fold --prefix "$1." --like "$work/want" --out "$work/$1/changelog" || return
    for where in out sqlite postgres changelog; do
        echo "$where:"; "$oracle" compare "$work/want" "$work/$1/$where" || return
    done
}

with_readers_that_come_and_go() {
    local port
    port=$(free_port)
    { in_bucket joined; echo "cluster: {processes: [\"127.0.0.1:$port\"]}"; } | flow joined joined
    # One that holds all photos that are left would read them all before it ends.
    echo "journal: {folder: journal}" | flow reader few
    supervised main run "$work/joined/flow.yaml" --now "$NOW"
    supervised reader0 reader --join "127.0.0.1:$port" "$work/reader/flow.yaml"
    supervised reader1 reader --join "127.0.0.1:$port" "$work/reader/flow.yaml"
    reached joined 60 && killed reader0 || return
    reached joined 120 && ended reader1 || return
    reached joined 160 && killed main || return
    supervised reader1 reader --join "127.0.0.1:$port" "$work/reader/flow.yaml"
    reached joined 220 && killed reader1 || return
    reached joined 280 && killed reader0 && killed main || return
    [ "$(of joined)" -lt 430 ] || { echo "it was over before all was killed"; return 1; }
    ended main || return
    timeout 200 "$inkflow" run "$work/joined/flow.yaml" --until-end --now "$NOW" --export "$work/joined/out" || return
    ended reader0 && ended reader1 || return
    # A process that ends lets readers in, and out again: they do not join it as often as they can.
    [ "$(grep -c 'joined, and reading' "$work/reader0.log")" -le 20 ] || { tail -n 5 "$work/reader0.log"; return 1; }
    equal joined
}

at_one_worker() {
    echo "journal: {folder: journal}" | flow one
    timeout 200 "$inkflow" run "$work/one/flow.yaml" --until-end --now "$NOW" --export "$work/one/out" && equal one
}

# By the answers that the run before recorded.
at_two_workers() {
    echo "journal: {folder: journal}" | flow pair recorded
    "$inkflow" readings --journal "$work/one/journal" >"$work/pair/readings.jsonl" || return
    timeout 100 "$inkflow" run "$work/pair/flow.yaml" --until-end --now "$NOW" --export "$work/pair/out" -w 2 && equal pair
}

check "three brokers, a store that tells of its photos, PostgreSQL" servers_and_topics
check "what models say of each picture" what_models_say
[ "$failed" = 0 ] || { counted; exit 1; }
check "two processes, killed five times, as was a broker, and PostgreSQL" as_two_processes
check "what the topics hold is recomputed" recomputed
check "the two processes' views equal that in PostgreSQL, SQLite and changelogs" equal two
check "so they do at one worker" at_one_worker
check "and at two, with the answers that one recorded" at_two_workers
check "and with readers that come and go, killed as their process is" with_readers_that_come_and_go
counted
