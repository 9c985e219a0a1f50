#!/usr/bin/env bash
# The whole command on real stores: photos from two buckets and by signed addresses, the journal in a bucket, views in
# PostgreSQL; each of them away for a while, processes killed, and two of them at once.
# Needs `inkflow` and `inkflow-oracle` built in the dev profile, ORT_DYLIB_PATH, and MinIO and toxiproxy running, as
# `tests/run.sh all` starts them. PostgreSQL is one of our own, as it is killed. The last line is N passed, N failed.
set -uo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
bin=${CARGO_TARGET_DIR:-target}/debug
inkflow=$(realpath "$bin/inkflow") && oracle=$(realpath "$bin/inkflow-oracle") || exit 1
: "${INKFLOW_RUN:?where the servers run}" "${S3_ENDPOINT:?start deploy/services/minio.sh}" "${TOXIPROXY_URL:?start deploy/services/toxiproxy.sh}" "${ORT_DYLIB_PATH:?}"
STORE_DEAD_S=${STORE_DEAD_S:-15}
work=$(mktemp -d)
export SECRET_ID=$AWS_ACCESS_KEY_ID
# shellcheck source=tests/lib.sh
. tests/lib.sh
export PYTHONPATH=$repository/tests PYTHONDONTWRITEBYTECODE=1
running=()

proxy() { (cd "$repository" && deploy/services/toxiproxy.sh "$@" >/dev/null); }
postgres() { # VERB: of our own server
    (cd "$repository" && INKFLOW_RUN=$work POSTGRES_PORT=$PGPORT deploy/services/postgres.sh "$1")
}
finish() {
    for process in "${running[@]}"; do kill -9 "$process" 2>/dev/null; done
    postgres wipe >/dev/null 2>&1
    for name in photos journal; do curl -s -X DELETE "$TOXIPROXY_URL/proxies/$$-$name" >/dev/null; done
    rm -rf "$work"
}
trap finish EXIT

is() { [ "$(sql "$1" 2>/dev/null)" = "$2" ]; }
READ="SELECT count(*) FROM homework.page_status WHERE completion_bp IS NOT NULL OR status = 'unusable'"
read_are() { until_so 90 "$1 photos are read" is "$READ" "$1"; }
writer() { sql "SELECT incarnation FROM homework.inkflow_epoch"; }
another_writes() { local now; now=$(writer) && [ "$now" != "$1" ]; }
said() { grep -q "$2" "$work/$1.log"; }

start() { # NAME [FLOW]: a process that goes on until it is told to end
    "$inkflow" run "$work/${2:-flow}.yaml" --now "$NOW" --log json 2>"$work/$1.log" &
    running+=("$!"); eval "$1=$!"
}
ended() { # NAME CODE: it ends by itself, with that code
    local process=${!1}
    until_so 60 "$1 ends" eval "! kill -0 $process 2>/dev/null" || return
    wait "$process"; local code=$?
    [ "$code" = "$2" ] || { echo "$1 ended with $code"; tail -n 5 "$work/$1.log"; return 1; }
}

# 24 photos of six students. Every third lies in a bucket, in one far away, and on a web server, under a signed address.
cat >"$work/records.py" <<'PY'
import json, os, sys
import s3

def signed(key):
    return s3.ENV["S3_ENDPOINT"] + s3.signed("GET", f"/{os.environ['BUCKET']}/{key}", at=f"{os.environ['DAY']}T000000Z")

def uri(n):
    key = f"7b/{n:04}.jpg"
    return [f"s3://{os.environ['BUCKET']}/{key}", f"far://photos/{key}", signed(key)][n % 3]

def write(topic, key, value):
    os.makedirs(f"{folder}/{topic}", exist_ok=True)
    with open(f"{folder}/{topic}/0.jsonl", "a") as file:
        file.write(json.dumps({"key": key, "value": value}) + "\n")

what, folder, *rest = sys.argv[1:]
if what == "readings":      # those of a folder, under the uris that the photos have here
    for line in sys.stdin:
        reading = json.loads(line)
        reading["uri"] = uri(int(reading["uri"].split(".")[0]))
        with open(f"{folder}/readings.jsonl", "a") as file:
            file.write(json.dumps(reading) + "\n")
elif what == "class":
    write("models", "*", {"scope": "*", "live": "page@1"})
    for h in (1, 2):
        write("assignments", f"h{h}", {"assignment_id": f"h{h}", "class_id": "7b", "subject": "maths", "pages": 2,
                                       "due_at": 1795248000000})
    for s in range(6):
        write("enrolments", f"s{s}|7b", {"student_id": f"s{s}", "class_id": "7b", "school_id": "north"})
elif what == "joins":       # joins FOLDER STUDENT
    write("enrolments", f"{rest[0]}|7b", {"student_id": rest[0], "class_id": "7b", "school_id": "north"})
else:                       # uploads FOLDER FROM TO [plain]
    for n in range(int(rest[0]), int(rest[1])):
        student = f"s{n // 4}"
        write("submissions", student, {
            "submission_id": f"u{n}", "student_id": student, "assignment_id": f"h{n // 2 % 2 + 1}", "page": n % 2 + 1,
            "photo": {"uri": f"{n:04}.jpg" if rest[2:] else uri(n)}, "uploaded_at": 1795100000000 + n})
PY
records() { python3 "$work/records.py" "$@"; }
NOW=1795300000000
DAY=$(date -u +%Y%m%d) # that of the signatures
export DAY

# The servers, what lies in them, and the flow.
prepare() {
    export BUCKET=photos-$$ PGPORT PGHOST=127.0.0.1 PGUSER=inkflow PGDATABASE=inkflow
    local name far near
    PGPORT=$(free_port) far=127.0.0.1:$(free_port) near=127.0.0.1:$(free_port)
    postgres start >/dev/null || return
    (cd "$repository" && deploy/services/minio.sh bucket "$BUCKET" "journal-$$") || return
    proxy proxy "$$-photos" "$far" "${S3_ENDPOINT#http://}" && proxy proxy "$$-journal" "$near" "${S3_ENDPOINT#http://}" || return
    for name in $(seq -f %04g 0 23); do
        curl -sSf -T "models/demo-photos/$name.jpg" "$S3_ENDPOINT/$BUCKET/7b/$name.jpg" \
            --aws-sigv4 "aws:amz:$AWS_REGION:s3" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" || return
    done
    printf '%s\n' "$AWS_SECRET_ACCESS_KEY" >"$work/secret.txt"
    local keys='access_key_id: {env: SECRET_ID}, secret_access_key: {file: secret.txt}'
    cat >"$work/flow.yaml" <<YAML
version: 1
source: {folder: {path: in}}
photos:
  - s3: {bucket: {name: $BUCKET, endpoint: "$S3_ENDPOINT", $keys}}
  - s3: {bucket: {name: $BUCKET, endpoint: "http://$far", $keys}, prefix: "far://photos/", timeout_s: 2}
  - web: {hosts: ["${S3_ENDPOINT#http://}"], networks: [127.0.0.1/32], allow_http: true}
readers: {model: {folder: $repository/models, name: page@1, threads: 1}}
journal: {s3: {bucket: {name: journal-$$, endpoint: "http://$near", $keys}, path: homework, seal_every_ms: 50}}
sinks:
  - postgres: {host: 127.0.0.1, port: $PGPORT, database: inkflow, user: inkflow, schema: homework, tls: disable}
YAML
    # What the models say of these photos, from a run that knows no store; the oracle takes it from there.
    mkdir "$work/in" && records class "$work/in" && records uploads "$work/in" 0 0 || return
    cp -r "$work/in" "$work/plain" && records uploads "$work/plain" 0 24 plain || return
    cat >"$work/plain.yaml" <<YAML
version: 1
source: {folder: {path: plain}}
photos: {folder: {path: $repository/models/demo-photos}}
readers: {model: {folder: $repository/models, name: page@1, threads: 1}}
journal: {folder: plain-journal}
YAML
    timeout 120 "$inkflow" run "$work/plain.yaml" --until-end --now "$NOW" || return
    "$inkflow" readings --journal "$work/plain-journal" | records readings "$work/in" &&
        [ "$(wc -l <"$work/in/readings.jsonl")" = 24 ]
}

checked_before() {
    "$inkflow" check "$work/flow.yaml" | tee "$work/said"
    [ "${PIPESTATUS[0]}" = 0 ] || return
    for word in "the bucket $BUCKET can be read" "lets one process at a time do so" "may be asked, and is found"; do
        grep -q "$word" "$work/said" || { echo "it should say: $word"; return 1; }
    done
    # What is wrong is said, and no secret with it.
    sed "s/networks: \[[^]]*\]/networks: []/; s/name: journal-$$/name: nowhere-$$/; s/secret.txt/wrong.txt/" \
        "$work/flow.yaml" >"$work/wrong.yaml"
    echo wrong-key >"$work/wrong.txt"
    "$inkflow" check "$work/wrong.yaml" | tee "$work/said"
    [ "${PIPESTATUS[0]}" = 1 ] && grep -q '✗ photos: .*leads into a private network' "$work/said" &&
        grep -q '✗ journal: ' "$work/said" && ! grep -q wrong-key "$work/said"
}

# The tables, as the command would export them, equal the oracle's.
equal() {
    rm -rf "$work/want" "$work/have"
    "$oracle" recompute "$work/in" --now "$NOW" --out "$work/want" || return
    export_schema homework "$work/want" "$work/have" || return
    "$oracle" compare "$work/want" "$work/have"
}

lives_with_postgres_down() {
    start one && records uploads "$work/in" 0 4 && read_are 4 || return
    postgres kill && records uploads "$work/in" 4 8 || return
    until_so 30 "it waits for PostgreSQL" said one 'and is waited for' || return
    sleep 3 # for which it is down
    kill -0 "$one" && postgres start >/dev/null && read_are 8 || return
}

lives_with_a_store_down() {
    proxy cut "$$-photos" && records uploads "$work/in" 8 14 || return
    # Two of them lie behind the proxy.
    read_are 12 || return
    until_so 30 "the breaker opens" said one 'does not answer, and is left alone' || return
    # For as long as it is dead rosters go on, too, and nothing fails.
    local end=$((SECONDS + STORE_DEAD_S)) n=0
    while [ "$SECONDS" -lt "$end" ]; do
        n=$((n + 1))
        records joins "$work/in" "t$n" || return
        until_so 20 "a student who joins is seen" is "SELECT sum(students) FROM homework.class_assignment" $((12 + 2 * n)) || return
        is "SELECT count(*) FROM homework.failed_photos" 0 || return
        is "SELECT count(*) FROM homework.page_status WHERE status = 'pending'" 2 || return
    done
    echo "$n students have joined in $STORE_DEAD_S s"
    proxy mend "$$-photos" && read_are 14
}

lives_with_the_journal_s_bucket_down() {
    proxy cut "$$-journal" && records uploads "$work/in" 14 16 || return
    until_so 60 "it waits for the journal" said one 'the journal cannot be written, and is waited for' || return
    is "$READ" 14 && proxy mend "$$-journal" && read_are 16
}

killed_and_started_again() {
    records uploads "$work/in" 16 20 || return
    kill -9 "$one"; wait "$one" 2>/dev/null
    start two && read_are 20 || return
    ! grep -q '"panicked' "$work/two.log"
}

of_two_live_processes_the_older_one_ends() {
    local before
    before=$(writer) && start three && until_so 60 "the heir has the tables" another_writes "$before" || return
    records uploads "$work/in" 20 22 && read_are 22 && ended two 3 || return
    # One that sleeps, is replaced, and wakes up with work to do: nothing that it writes is seen.
    before=$(writer) && kill -STOP "$three" && start four || return
    until_so 60 "the heir has the tables" another_writes "$before" || return
    records uploads "$work/in" 22 24 && read_are 24 || return
    before=$(writer) && kill -CONT "$three" && ended three 3 || return
    [ "$(writer)" = "$before" ] && kill -0 "$four"
}

ended_as_asked() {
    kill -TERM "$four" && ended four 0 && equal
}

# The same again, all at once, in a journal and a schema of its own, at two workers.
at_once() {
    sed 's/path: homework/path: again/; s/schema: homework/schema: homework_again/' "$work/flow.yaml" >"$work/again.yaml"
    (cd "$work" && timeout 120 "$inkflow" run again.yaml --until-end --now "$NOW" -w 2) || return
    # What was answered lies in the bucket, and comes out of it as it was recorded.
    (cd "$work" && "$inkflow" readings again.yaml) >"$work/answered.jsonl" || return
    [ "$(wc -l <"$work/answered.jsonl")" = "$(wc -l <"$work/in/readings.jsonl")" ] || { cat "$work/answered.jsonl"; return 1; }
    sql "DROP SCHEMA homework CASCADE; ALTER SCHEMA homework_again RENAME TO homework" && equal
}

# A child's name stands in the journal's objects and in a table before its erasure, and nowhere after it.
erased_from_the_bucket() {
    local name=planted-child-7f3a9 data=$INKFLOW_RUN/minio/data/journal-$$
    mkdir -p "$work/in3/submissions" "$work/in3/enrolments" "$work/in3/erasures"
    cat >"$work/erased.yaml" <<YAML
version: 1
source: {folder: {path: in3}}
readers: {recorded: {}}
$(grep '^journal:' "$work/flow.yaml" | sed 's/path: homework/path: erased/')
sinks:
  - postgres: {host: 127.0.0.1, port: $PGPORT, database: inkflow, user: inkflow, schema: erased, tls: disable}
YAML
    echo '{"key":"x","value":{"student_id":"'$name'","class_id":"c","school_id":"s"}}' >"$work/in3/enrolments/0.jsonl"
    echo '{"key":"x","value":{"submission_id":"1","student_id":"'$name'","assignment_id":"a","page":1,"photo":{"uri":"'$name'.jpg"},"uploaded_at":1795100000000}}' \
        >"$work/in3/submissions/0.jsonl"
    (cd "$work" && timeout 120 "$inkflow" run erased.yaml --until-end --now "$NOW") || return
    grep -rq "$name" "$data" || { echo "the name should stand in the bucket"; return 1; }
    [ "$(sql "SELECT count(*) FROM erased.page_status WHERE student_id = '$name'")" = 1 ] || return
    echo '{"key":"x","value":{"student_id":"'$name'","requested_at":1795248000000}}' >"$work/in3/erasures/0.jsonl"
    (cd "$work" && timeout 120 "$inkflow" run erased.yaml --until-end --now "$NOW") || return
    grep -rl "$name" "$data" && { echo "the name is still in the bucket"; return 1; }
    [ "$(sql "SELECT count(*) FROM erased.page_status")" = 0 ]
}

# Records that trickle in make an epoch a second, where the flow says so, and not one each.
sealed_as_seldom_as_said() {
    local before epochs began n
    sed 's/seal_every_ms: 50/seal_every_ms: 1000/; s/path: homework/path: seldom/; s/path: in}/path: in2}/
        s/schema: homework/schema: seldom/' "$work/flow.yaml" >"$work/seldom.yaml"
    mkdir -p "$work/in2" && records class "$work/in2" && start five seldom || return
    epoch() { sql "SELECT epoch FROM seldom.inkflow_epoch"; }
    students() { is "SELECT sum(students) FROM seldom.class_assignment" "$1"; }
    until_so 60 "the class is there" students 12 || return
    before=$(epoch) began=$SECONDS
    for n in $(seq 1 40); do
        printf '{"key":"t%s|7b","value":{"student_id":"t%s","class_id":"7b","school_id":"north"}}\n' "$n" "$n" \
            >>"$work/in2/enrolments/0.jsonl"
        sleep 0.1
    done
    until_so 60 "all are there" students 92 || return
    epochs=$(($(epoch) - before))
    echo "$epochs epochs in $((SECONDS - began)) s"
    [ "$epochs" -ge 3 ] && [ "$epochs" -le $((SECONDS - began + 2)) ] && kill -TERM "$five" && ended five 0
}

check "servers, photos in buckets, and what models say of them" prepare
[ "$failed" = 0 ] || { counted; exit 1; }
check "what is right and what is wrong is said before a run" checked_before
check "PostgreSQL killed and down for seconds is waited for" lives_with_postgres_down
check "a dead store of photos fails none, and others' are read meanwhile" lives_with_a_store_down
check "the journal's bucket down is waited for" lives_with_the_journal_s_bucket_down
check "killed with -9 and started again it goes on" killed_and_started_again
check "of two live processes the older one ends, and one that was stopped writes nothing" of_two_live_processes_the_older_one_ends
check "after all that the tables are what the oracle says" ended_as_asked
check "and so they are when all is read at once" at_once
check "records that trickle in are sealed as seldom as the flow says" sealed_as_seldom_as_said
check "an erased student is in no object of the journal's bucket" erased_from_the_bucket
counted
