#!/usr/bin/env bash
# The whole command against the oracle, as its users run it: on folders of hostile histories, in stages, killed with -9.
# Needs `inkflow` and `inkflow-oracle` built in the dev profile. The last line is N passed, N failed.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=${CARGO_TARGET_DIR:-target}/debug
cargo build --quiet -p inkflow -p inkflow-oracle -p inkflow-demo || exit 1
inkflow=$(realpath "$bin/inkflow")
oracle=$(realpath "$bin/inkflow-oracle")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/lib.sh
. tests/lib.sh

# equal DIR NOW [OPTION...]: a run over DIR exports what the oracle recomputes.
equal() {
    local dir=$1 now=$2; shift 2
    rm -rf "$dir.out" "$dir.want"
    timeout 300 "$inkflow" run --folder "$dir" --until-end --export "$dir.out" --now "$now" "$@" || return
    "$oracle" recompute "$dir" --now "$now" --out "$dir.want" && "$oracle" compare "$dir.want" "$dir.out"
}

# in_stages SEED: one journal over a folder that grows three times, at changing numbers of workers, each stage killed
# with -9 at random moments of its way, 21 in all.
in_stages() {
    local seed=$1 dir=$work/stages$1 now stage kill_after
    "$oracle" history --seed "$seed" --records 3000 --out "$dir.all" >/dev/null || return
    now=$(cat "$dir.all/now.txt")
    "$oracle" stages "$dir.all" --seed "$seed" --count 3 --out "$dir.cut" >/dev/null || return
    mkdir "$dir"
    RANDOM=$seed
    for stage in 1 2 3; do
        cp -r "$dir.cut/$stage/." "$dir/"
        for _ in 1 2 3 4 5 6 7; do
            kill_after=$(printf '0.%03d' $((RANDOM % 900 + 20)))
            timeout -s KILL "$kill_after" "$inkflow" run --folder "$dir" --until-end --now "$now" \
                --journal "$dir.journal" -w $((RANDOM % 3 + 1)) >/dev/null 2>&1
        done
        equal "$dir" "$now" --journal "$dir.journal" -w $((RANDOM % 3 + 1)) || return
    done
    # All that was read is known: going on costs no reading, and shows the same.
    equal "$dir" "$now" --journal "$dir.journal" --log json 2>&1 | tee "$dir.log"
    [ "${PIPESTATUS[0]}" -eq 0 ] && grep -q '"readings":0' "$dir.log"
}

# A child's name stands in the journal, the dead letters and the table before its erasure, and nowhere after it.
erased_everywhere() {
    local dir=$work/erased name=planted-child-7f3a9
    mkdir -p "$dir/in/submissions" "$dir/in/enrolments" "$dir/in/reviews" "$dir/in/erasures"
    cat >"$dir/flow.yaml" <<YAML
version: 1
source: {folder: {path: in}}
readers: {recorded: {path: in/readings.jsonl}}
journal: {folder: journal}
sinks: [{sqlite: {path: views.sqlite}}]
dead_letters: {path: dead.jsonl}
YAML
    local sub='"assignment_id":"a","page":1,"uploaded_at":1795248000000'
    {
        echo "{\"key\":\"x\",\"value\":{\"submission_id\":\"1\",\"student_id\":\"$name\",\"photo\":{\"uri\":\"$name.jpg\"},$sub}}"
        echo "{\"key\":\"x\",\"value\":{\"submission_id\":\"2\",\"student_id\":\"$name\",\"photo\":{\"uri\":\"$name-2.jpg\"},$sub}}"
        echo "{\"key\":\"x\",\"value\":{\"submission_id\":3,\"student_id\":\"$name\",\"photo\":{\"uri\":\"b.jpg\"},$sub}}"
        echo "{\"key\":\"x\",\"value\":{\"submission_id\":\"4\",\"student_id\":\"other\",\"photo\":{\"uri\":\"other.jpg\"},$sub}}"
    } >"$dir/in/submissions/0.jsonl"
    local enrolment='"class_id":"c","school_id":"x"'
    {
        echo "{\"key\":\"$name|c\",\"value\":{\"student_id\":\"$name\",$enrolment}}"
        echo "{\"key\":\"other|c\",\"value\":{\"student_id\":\"other\",$enrolment}}"
    } >"$dir/in/enrolments/0.jsonl"
    mkdir "$dir/in/assignments"
    echo '{"key":"a","value":{"assignment_id":"a","class_id":"c","subject":"maths","pages":1,"due_at":1795248000000}}' \
        >"$dir/in/assignments/0.jsonl"
    echo "{\"uri\":\"$name-2.jpg\",\"quality\":\"ok\",\"completion_bp\":9000}" >"$dir/in/readings.jsonl"
    (cd "$dir" && "$inkflow" run flow.yaml --until-end) || return
    for file in journal dead.jsonl views.sqlite; do
        grep -rq "$name" "$dir/$file" || { echo "the name should stand in $file"; return 1; }
    done
    echo "{\"key\":\"x\",\"value\":{\"student_id\":\"$name\",\"requested_at\":1795248000000}}" >"$dir/in/erasures/0.jsonl"
    (cd "$dir" && "$inkflow" run flow.yaml --until-end) || return
    grep -rl "$name" "$dir/journal" "$dir"/dead.jsonl "$dir"/views.sqlite* && { echo "the name is still there"; return 1; }
    grep -rq other "$dir/views.sqlite"
}

# A table that was tampered with, and one that was dropped, are right again after the next start.
sink_reconciled() {
    local dir=$work/erased
    python3 - "$dir/views.sqlite" <<'PY' || return
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("update page_status set status = 'complete'")
db.execute("drop table student_completion")
db.commit()
PY
    (cd "$dir" && "$inkflow" run flow.yaml --until-end --export again) || return
    (cd "$dir" && rm -f views.sqlite* && "$inkflow" run flow.yaml --until-end) || return
    python3 - "$dir/views.sqlite" "$dir/again" <<'PY'
import csv, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for view in ("page_status", "student_completion", "student_assignment"):
    with open(f"{sys.argv[2]}/{view}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    count = db.execute(f"select count(*) from {view}").fetchone()[0]
    assert count == len(rows) > 0, (view, count, rows)
status = [row[0] for row in db.execute("select distinct status from page_status")]
assert status != ["complete"], status
PY
}

for seed in 11 12 13; do
    dir=$work/history$seed
    "$oracle" history --seed $seed --records 3000 --out "$dir" >/dev/null || exit 1
    for workers in 1 2 3; do
        check "history $seed at $workers workers equals the recompute" equal "$dir" "$(cat "$dir/now.txt")" -w $workers
    done
done
for seed in 21 22; do
    check "history $seed in stages, killed 21 times, equals the recompute; nothing is read twice" in_stages $seed
done
check "an erased student is in no file" erased_everywhere
check "a table tampered with or dropped is reconciled" sink_reconciled
check "the demo, run once, equals the recompute" env DEMO=once deploy/demo.sh
check "every command block of the documents runs" tests/docs.sh
counted
