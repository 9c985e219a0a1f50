#!/usr/bin/env bash
# The whole command with real models: what is read, what is not read again, what fails and may pass, what hangs, and what is
# laid over a blank page.
# Needs `inkflow` built in the dev profile, and ORT_DYLIB_PATH. The last line is N passed, N failed.
set -uo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
inkflow=$(realpath "${CARGO_TARGET_DIR:-target}/debug/inkflow") || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/lib.sh
. tests/lib.sh

append() { # TOPIC KEY VALUE
    mkdir -p "in/$1"
    printf '{"key":"%s","value":%s}\n' "$2" "$3" >>"in/$1/0.jsonl"
}

assignment() { # PAGES COMPLETE_FROM
    append assignments h '{"assignment_id":"h","class_id":"5b","subject":"maths","pages":'"$1"',"due_at":1795248000000,"complete_from_bp":'"$2"'}'
}

enrol() { # STUDENT
    append enrolments "$1|5b" '{"student_id":"'"$1"'","class_id":"5b","school_id":"north"}'
}

upload() { # ID STUDENT PAGE URI AT
    append submissions "$2" '{"submission_id":"'"$1"'","student_id":"'"$2"'","assignment_id":"h","page":'"$3"',"photo":{"uri":"'"$4"'"},"uploaded_at":'"$5"'}'
}

flow() { # MODEL: its name and settings, in the folder "models"
    cat >flow.yaml <<YAML
version: 1
source: {folder: {path: in}}
photos: {folder: {path: photos}}
readers: {model: {folder: models, $1}}
journal: {folder: journal}
YAML
}

# counts WANT: a run that ends, whose last line says so of readings, failures, inferences and inferences saved.
counts() {
    "$inkflow" run flow.yaml --until-end --export out --now 1795300000000 --log json 2>log || { cat log; return 1; }
    python3 - "$1" <<'PY'
import json, sys
fields = [json.loads(line)["fields"] for line in open("log") if line.startswith("{")]
last = [f for f in fields if str(f.get("message", "")).startswith("ended")][-1]
said = " ".join(str(last[name]) for name in ("readings", "failed", "inferences", "saved"))
print("readings, failed, inferences, saved:", said)
wanted = sys.argv[1].split("|")
sys.exit(said not in wanted and f"wanted {wanted}")
PY
}

# Nothing is inferred twice while it is known; what failed because its model was not there is read once it is.
nothing_twice() (
    local photos=$repository/models/demo-photos
    mkdir -p "$work/twice/photos" "$work/twice/models/page" && cd "$work/twice" || return
    cp -r "$repository/models/page/1" models/page/1
    cp "$photos/0000.jpg" photos/a.jpg && cp "$photos/0001.jpg" photos/b.jpg && cp "$photos/0000.jpg" photos/again.jpg
    flow "name: page@1"
    assignment 2 8000; enrol ana; enrol ben
    upload 1 ana 1 a.jpg 1795100000000; upload 2 ana 2 b.jpg 1795100000001
    echo "two photos";                       counts "2 0 2 0" || return
    echo "a restart";                        counts "0 0 0 0" || return
    upload 3 ana 1 a.jpg 1795100000002
    echo "the same photo once more";         counts "0 0 0 0" || return
    upload 4 ben 1 again.jpg 1795100000003
    echo "its bytes under another name";     counts "1 0 0 1" || return
    assignment 2 9999
    echo "another threshold";                counts "0 0 0 0" || return
    cp -r out before
    append models '*' '{"scope":"*","live":"page@2"}'
    echo "a policy whose model is not there"; counts "0 3 0 0" || return
    grep -q '^a.jpg,,,page@2,model_error,1$' out/failed_photos.csv || { cat out/failed_photos.csv; return 1; }
    grep -q 'page@2' log && grep -q 'asked for, and not loaded here' log || { cat log; return 1; }
    echo "still not";                        counts "0 3 0 0" || return
    grep -q '^a.jpg,,,page@2,model_error,2$' out/failed_photos.csv || { cat out/failed_photos.csv; return 1; }
    sed 's/"version": "1"/"version": "2"/' models/page/1/manifest.json >manifest.json
    cp -r models/page/1 models/page/2 && mv manifest.json models/page/2/manifest.json
    # The two of the same bytes may be read side by side.
    echo "now it is there";                  counts "3 0 3 0|3 0 2 1" || return
    echo "a restart of that";                counts "0 0 0 0" || return
    append models '*' null
    echo "the policy rolled back";           counts "0 0 0 0" || return
    for view in page_status student_assignment student_completion class_assignment failed_photos; do
        diff "before/$view.csv" "out/$view.csv" || return
    done
)

# A photo on which the model hangs ends the process, which is started again until the photo is set aside; others are read.
a_hang_is_set_aside() (
    local start status
    mkdir -p "$work/hang" && python3 tests/hanging_model.py "$work/hang" && cd "$work/hang" || return
    flow "name: slow@1, threads: 2, hung_after_s: 2"
    assignment 5 8000; enrol ana
    local page=0 photo
    for photo in 1 2 hang 3 4; do
        page=$((page + 1)); upload $page ana $page $photo.png 179510000000$page
    done
    for start in 1 2 3 4 5 6; do
        timeout 120 "$inkflow" run flow.yaml --until-end --export out --now 1795300000000 >log 2>&1
        status=$?
        echo "start $start: $status"; cat log
        [ $status = 0 ] && break
        [ $status = 134 ] && grep -q 'a reader thread has been at one photo for' log || return 1
    done
    [ $status = 0 ] && [ "$start" = 5 ] || { echo "ended with $status at start $start"; return 1; }
    grep -q '^hang.png,,,slow@1,reader_crashed,3$' out/failed_photos.csv && [ "$(wc -l <out/failed_photos.csv)" = 2 ] ||
        { cat out/failed_photos.csv; return 1; }
    for photo in 1:2000 2:4000 4:6000 5:8000; do
        grep -q "^ana,h,${photo%:*},.*,${photo#*:}," out/page_status.csv || { cat out/page_status.csv; return 1; }
    done
)

# What readers in other processes answer, killed, ended and started at any moment, is what one process answers.
readers_come_and_go() (
    local port photo victim readers=() rounds run
    mkdir -p "$work/joined/photos" && cd "$work/joined" || return
    port=$(free_port)
    cat >alone.yaml <<YAML
version: 1
source: {folder: {path: in}}
photos: {folder: {path: photos}}
readers: {model: {folder: "$repository/models", name: page@1, threads: 1}}
cluster: {processes: ["127.0.0.1:$port"]}
YAML
    sed 's/^readers:.*/readers: {joined: {name: page@1}}/; s/^photos:.*//' alone.yaml >joined.yaml
    assignment 1 8000
    for photo in $(seq 300); do
        enrol "s$photo"
        cp "$repository/models/demo-photos/00$(printf %02d $((photo % 40))).jpg" "photos/$photo.jpg"
        # Other bytes behind the end of the picture: known to nobody.
        printf %s "$photo" >>"photos/$photo.jpg"
        upload "$photo" "s$photo" 1 "$photo.jpg" 1795100000000
    done
    # One that cannot be read, and one that is not there.
    printf 'no picture' >photos/7.jpg && rm photos/8.jpg
    sed '/^cluster/d' alone.yaml >one.yaml
    "$inkflow" run one.yaml --until-end --export want --now 1795300000000 2>log.want || { cat log.want; return 1; }

    for victim in 0 1; do
        "$inkflow" supervise reader --join "127.0.0.1:$port" alone.yaml 2>>"log.$victim" & readers[victim]=$!
    done
    timeout 200 "$inkflow" run joined.yaml --until-end --export out --now 1795300000000 2>log & run=$!
    RANDOM=5
    for rounds in 1 2 3 4 5; do
        sleep "1.$((RANDOM % 9))"
        victim=$((RANDOM % 2))
        [ $rounds = 3 ] && signal=TERM || signal=KILL
        pkill -$signal -P "${readers[victim]}" && echo "SIG$signal to reader $victim"
        # Asked to end, a reader has ended well, and supervise with it.
        [ $signal = TERM ] && wait "${readers[victim]}" && {
            "$inkflow" supervise reader --join "127.0.0.1:$port" alone.yaml 2>>"log.$victim" & readers[victim]=$!
        }
        kill -0 $run 2>/dev/null || break
    done
    wait $run; local status=$?
    kill "${readers[@]}"; wait "${readers[@]}"
    [ $status = 0 ] || { echo "ended with $status"; cat log log.0 log.1; return 1; }
    grep -q 'a reader has left' log || { echo "no reader was lost"; return 1; }
    [ "$rounds" -ge 3 ] || { echo "it was over before readers were killed"; return 1; }
    # The epochs of freshness are those of the run.
    diff -r -x freshness.csv want out
)

# A model that reads templates is asked with the blank page: another blank page is another question, and where there is none
# to be had the model says what it says without. Readers in other processes say the same.
beside_the_blank_page() (
    local photos=$repository/models/demo-photos port reader status
    mkdir -p "$work/blank/photos" "$work/blank/models/page" && cd "$work/blank" || return
    cp -r "$repository/models/page/1" models/page/1
    sed -i 's/"reads_templates": false/"reads_templates": true/' models/page/1/manifest.json
    cp "$photos/0001.jpg" photos/one.jpg && cp "$photos/0002.jpg" photos/two.jpg
    port=$(free_port)
    flow "name: page@1"
    with_template() { # PHOTO
        append assignments h '{"assignment_id":"h","class_id":"5b","subject":"maths","pages":2,"due_at":1795248000000,"template":[{"page":1,"photo":{"uri":"'"$1"'"},"areas":[[1000,2000,3000,500],[5000,6000,3000,500]]}]}'
    }
    said() { # WANT: completion of ana's two pages and of ben's first
        python3 - "$1" <<'PY'
import csv, sys
said = " ".join(row["completion_bp"] for row in csv.DictReader(open("out/page_status.csv")))
print("completion_bp:", said)
sys.exit(said != sys.argv[1] and f"wanted {sys.argv[1]}")
PY
    }
    enrol ana; enrol ben
    with_template one.jpg
    upload 1 ana 1 one.jpg 1795100000000; upload 2 ana 2 one.jpg 1795100000001; upload 3 ben 1 two.jpg 1795100000002
    echo "a page beside itself has nothing new"; counts "3 0 4 0" && said "0 6948 7394" || return
    echo "a restart";                            counts "0 0 0 0" && said "0 6948 7394" || return
    cp -r out want
    with_template two.jpg
    echo "another blank page";                   counts "2 0 3 0" && said "6948 6948 0" || return
    with_template gone.jpg
    echo "one that is not there";                counts "2 0 2 0" && said "6948 6948 7394" || return
    with_template one.jpg
    echo "the first one again";                  counts "0 0 0 0" && said "0 6948 7394" || return
    "$inkflow" readings --journal journal >answers || return
    echo "each answer names its blank page: $(wc -l <answers) of them"
    [ "$(sort -u answers | wc -l)" = 7 ] && [ "$(grep -c '"template":"two.jpg"' answers)" = 2 ] && [ "$(grep -vc '"template"' answers)" = 1 ] ||
        { cat answers; return 1; }

    sed '/^journal/d' flow.yaml >reader.yaml && echo "cluster: {processes: [\"127.0.0.1:$port\"]}" >>reader.yaml
    sed 's/^readers:.*/readers: {joined: {name: page@1, template_models: [page@1]}}/; s/^photos:.*//' reader.yaml >joined.yaml
    rm in/assignments/0.jsonl && with_template one.jpg
    "$inkflow" reader --join "127.0.0.1:$port" reader.yaml 2>log.reader & reader=$!
    timeout 100 "$inkflow" run joined.yaml --until-end --export out --now 1795300000000 2>log; status=$?
    kill $reader; wait $reader
    [ $status = 0 ] || { cat log log.reader; return 1; }
    echo "read elsewhere"; said "0 6948 7394" && diff want/page_status.csv out/page_status.csv
)

check "nothing is inferred twice; what failed for a missing model is read once it is there" nothing_twice
check "a photo that hangs the model is set aside after three counted attempts" a_hang_is_set_aside
check "a model that reads templates is asked with the blank page, which is part of the question" beside_the_blank_page
check "readers in other processes come and go, and answer what one process answers" readers_come_and_go
counted
