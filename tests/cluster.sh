#!/usr/bin/env bash
# Several processes, as their users run them: killed, paused, disturbed; and readers that come and go. Everything on this
# machine's loopback. Needs `inkflow` and `inkflow-oracle` built in the dev profile. The last line is N passed, N failed.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=${CARGO_TARGET_DIR:-target}/debug
inkflow=$(realpath "$bin/inkflow")
oracle=$(realpath "$bin/inkflow-oracle")
work=$(mktemp -d)
trap 'kill -9 $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
# shellcheck source=tests/lib.sh
. tests/lib.sh

# Ports that are free: COUNT.
ports() {
    local port
    port=$(free_port $(seq $(($1 - 1)))) && seq -s ' ' "$port" $((port + $1 - 1))
}

# flow DIR PORT...: a flow over DIR/in with a cluster on these ports.
flow() {
    local dir=$1 addresses; shift
    addresses=$(printf '"127.0.0.1:%s", ' "$@")
    [ -e "$dir/secret" ] || head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$dir/secret"
    cat >"$dir/flow.yaml" <<YAML
version: 1
source: {folder: {path: in}}
readers: {recorded: {path: in/readings.jsonl}}
journal: {folder: journal}
sinks: [{sqlite: {path: views.sqlite}}]
cluster: {processes: [${addresses%, }], secret: {file: secret}, gather_s: 20}
YAML
}

history() { # DIR SEED
    mkdir -p "$1"
    "$oracle" history --seed "$2" --records 3000 --out "$1/in" >/dev/null
    cp "$1/in/now.txt" "$1/now"
    "$oracle" recompute "$1/in" --now "$(cat "$1/now")" --out "$1/want"
}

# Two and three processes, of one and two workers, export what the recompute says.
equal_at_any_size() {
    local dir=$work/size processes workers index pids
    history "$dir" 31 || return
    for processes in 2 3; do
        for workers in 1 2; do
            # shellcheck disable=SC2046
            flow "$dir" $(ports "$processes")
            rm -rf "$dir/out" "$dir/journal" "$dir"/views.sqlite*
            pids=()
            for index in $(seq 1 $((processes - 1))); do
                timeout 100 "$inkflow" run "$dir/flow.yaml" --process "$index" --processes "$processes" -w "$workers" &
                pids+=($!)
            done
            timeout 100 "$inkflow" run "$dir/flow.yaml" --process 0 --processes "$processes" -w "$workers" --until-end \
                --now "$(cat "$dir/now")" --export "$dir/out" || return
            for index in "${pids[@]}"; do
                wait "$index" || { echo "another process ended with $?"; return 1; }
            done
            "$oracle" compare "$dir/want" "$dir/out" || return
        done
    done
}

# Under supervise, with one journal over a folder that grows, and either process killed 16 times in all.
killed() {
    local dir=$work/killed stage victim round
    history "$dir" 32 || return
    "$oracle" stages "$dir/in" --seed 32 --count 3 --out "$dir/cut" >/dev/null || return
    # shellcheck disable=SC2046
    flow "$dir" $(ports 2)
    rm -rf "$dir/in" && mkdir "$dir/in"
    RANDOM=32
    "$inkflow" supervise run "$dir/flow.yaml" --process 1 -w 1 &
    local other=$!
    for stage in 1 2 3; do
        cp -r "$dir/cut/$stage/." "$dir/in/"
        "$inkflow" supervise run "$dir/flow.yaml" --process 0 -w 1 --now "$(cat "$dir/now")" &
        local first=$!
        for round in 1 2 3 4 5; do
            sleep "$(printf '0.%03d' $((RANDOM % 800 + 100)))"
            victim=$((RANDOM % 2))
            pkill -9 -f "^$inkflow run $dir/flow.yaml --process $victim" || true
        done
        kill "$first"
        wait "$first" || echo "supervise ended with $?"
    done
    # To the end, in this process's own time: it waits for the other, which supervise starts again.
    timeout 100 "$inkflow" supervise run "$dir/flow.yaml" --process 0 -w 1 --until-end --now "$(cat "$dir/now")" \
        --export "$dir/out" || return
    kill "$other"; wait "$other"
    "$oracle" compare "$dir/want" "$dir/out"
}

# Strangers, a wrong secret, a second process of an index and a wrong size harm nobody, and are told why.
disturbed() {
    local dir=$work/disturbed port0 port1 first second code
    history "$dir" 33 || return
    read -r port0 port1 < <(ports 2)
    flow "$dir" "$port0" "$port1"
    timeout 100 "$inkflow" run "$dir/flow.yaml" --process 0 --now "$(cat "$dir/now")" --until-end --export "$dir/out" \
        2>"$dir/log0" &
    first=$!
    until_so 20 "process 0 listens" bash -c "exec 3<>/dev/tcp/127.0.0.1/$port0" 2>/dev/null || return
    # A browser, bytes of nobody's language, and one who says nothing at all.
    printf 'GET / HTTP/1.1\r\n\r\n' >"/dev/tcp/127.0.0.1/$port0"
    head -c 4096 /dev/urandom >"/dev/tcp/127.0.0.1/$port0" || true
    exec 9<>"/dev/tcp/127.0.0.1/$port0"
    sed "s/secret: {file: secret}/secret: {file: wrong}/" "$dir/flow.yaml" >"$dir/wrong.yaml"
    echo no >"$dir/wrong"
    timeout 50 "$inkflow" run "$dir/wrong.yaml" --process 1 2>"$dir/log"; code=$?
    [ $code -eq 2 ] && grep -q "secrets differ" "$dir/log" || { echo "a wrong secret ended with $code"; cat "$dir/log"; return 1; }
    timeout 50 "$inkflow" run "$dir/flow.yaml" --process 1 -w 2 2>"$dir/log"; code=$?
    [ $code -eq 2 ] && grep -q "as many workers" "$dir/log" || { echo "other workers ended with $code"; cat "$dir/log"; return 1; }
    timeout 100 "$inkflow" run "$dir/flow.yaml" --process 1 2>"$dir/log1" &
    second=$!
    wait "$first" || { echo "process 0 ended with $?"; cat "$dir/log0"; return 1; }
    wait "$second" || { echo "process 1 ended with $?"; cat "$dir/log1"; return 1; }
    exec 9>&-
    "$oracle" compare "$dir/want" "$dir/out" || return
    # A live cluster takes no second process 1, and goes on. What the last one logged must not be read as its word.
    rm "$dir/log0" "$dir/log1"
    timeout 100 "$inkflow" run "$dir/flow.yaml" --process 0 --listen "127.0.0.1:$(ports 1)" 2>"$dir/log0" &
    first=$!
    timeout 100 "$inkflow" run "$dir/flow.yaml" --process 1 2>"$dir/log1" &
    second=$!
    until_so 20 "the cluster runs" grep -q "the cluster runs" "$dir/log1" || return
    sed -i "s/gather_s: 20/gather_s: 2/" "$dir/flow.yaml"
    timeout 50 "$inkflow" run "$dir/flow.yaml" --process 1 2>"$dir/log"; code=$?
    [ $code -eq 6 ] && grep -q "runs already" "$dir/log" || { echo "a second process ended with $code"; cat "$dir/log"; return 1; }
    kill -0 "$first" && kill -0 "$second" || { echo "the cluster did not outlive it"; return 1; }
    # Not `timeout`, which would ask it twice: it passes the signal on, and gives it to all of its group.
    pkill -TERM -P "$first"
    wait "$first" || { echo "process 0, asked to end, ended with $?"; cat "$dir/log0"; return 1; }
    wait "$second" || { echo "process 1 ended with $? after it"; cat "$dir/log1"; return 1; }
}

# One process that is lost ends the other, soon and with its own code; a paused process 0 is replaced, and what it would
# write when it is resumed is refused: it ends by itself, and the views are right.
lost_and_paused() {
    local dir=$work/paused port0 port1 port2 first second third code began
    history "$dir" 34 || return
    read -r port0 port1 port2 < <(ports 3)
    flow "$dir" "$port0" "$port1"
    timeout 100 "$inkflow" run "$dir/flow.yaml" --process 0 --now "$(cat "$dir/now")" 2>"$dir/log0" & first=$!
    timeout 100 "$inkflow" run "$dir/flow.yaml" --process 1 2>"$dir/log1" & second=$!
    until_so 20 "the cluster runs" grep -q "the cluster runs" "$dir/log1" || return
    pkill -9 -P "$second"
    wait "$first"; code=$?
    [ $code -eq 6 ] && grep -q "process 1 of the cluster is lost" "$dir/log0" || { echo "it ended with $code"; cat "$dir/log0"; return 1; }

    rm "$dir/log0" "$dir/log1"
    timeout 100 "$inkflow" run "$dir/flow.yaml" --process 0 --now "$(cat "$dir/now")" 2>"$dir/log0" & first=$!
    timeout 100 "$inkflow" run "$dir/flow.yaml" --process 1 2>"$dir/log1" & second=$!
    until_so 20 "the cluster runs" grep -q "the cluster runs" "$dir/log1" || return
    pkill -STOP -P "$first" || return
    began=$SECONDS
    wait "$second"; code=$?
    [ $code -eq 6 ] && [ $((SECONDS - began)) -le 30 ] || { echo "process 1 ended with $code after $((SECONDS - began)) s"; return 1; }
    # Another machine's process 0, with another port and another SQLite file, as the paused one has its own still.
    flow "$dir" "$port2" "$port1"
    sed -i "s/views.sqlite/other.sqlite/" "$dir/flow.yaml"
    timeout 100 "$inkflow" run "$dir/flow.yaml" --process 1 2>"$dir/log1" & second=$!
    timeout 100 "$inkflow" run "$dir/flow.yaml" --process 0 --until-end --now "$(cat "$dir/now")" --export "$dir/out" \
        2>"$dir/log2" || { cat "$dir/log2"; return 1; }
    wait "$second" || return
    pkill -CONT -P "$first"
    until_so 30 "the paused process ends" bash -c "! kill -0 $first 2>/dev/null" || return
    wait "$first"; code=$?
    [ $code -ne 0 ] || { echo "the paused process ended with 0"; return 1; }
    "$oracle" compare "$dir/want" "$dir/out" || return
    rm -rf "$dir/again"
    timeout 100 "$inkflow" run --folder "$dir/in" --journal "$dir/journal" --until-end --now "$(cat "$dir/now")" --export "$dir/again" \
        2>/dev/null || return
    "$oracle" compare "$dir/want" "$dir/again"
}

# The units under deploy/ name commands and fields that there are.
units_hold() {
    local dir=$work/units line command flow status
    mkdir "$dir" && python3 - "$dir" <<'PY' || return
import re, shlex, sys, textwrap
manifest = open("deploy/kubernetes/inkflow.yaml").read()
flows = re.findall(r"^  (\w+\.yaml): \|\n((?:    .*\n|\n| {2}#.*\n)+)", manifest, re.M)
assert [name for name, _ in flows] == ["flow.yaml", "reader.yaml"], flows
for name, text in flows:
    open(f"{sys.argv[1]}/{name}", "w").write(textwrap.dedent(re.sub(r"^ {2}#.*\n", "", text, flags=re.M)))
commands = [re.split(r",\s*", command) for command in re.findall(r"command: \[(.*)\]", manifest)]
commands = [[word.strip('"') for word in command] for command in commands]
for unit in ["inkflow@", "inkflow-reader@"]:
    lines = open(f"deploy/systemd/{unit}.service").read().splitlines()
    commands += [shlex.split(line.split("=", 1)[1]) for line in lines if line.startswith("ExecStart=")]
assert len(commands) == 4, commands
with open(f"{sys.argv[1]}/commands", "w") as out:
    for command in commands:
        assert command[0] == "/usr/local/bin/inkflow", command
        print(shlex.join(command[1:]).replace("'$(INDEX)'", "1").replace("%i", "1").replace("'${JOIN}'", "there:1"), file=out)
PY
    while read -r line; do
        # shellcheck disable=SC2086
        "$inkflow" $line --help >/dev/null || { echo "inkflow $line"; return 1; }
    done <"$dir/commands"
    for flow in flow reader; do
        timeout 60 "$inkflow" check "$dir/$flow.yaml"; status=$?
        # 1: nothing of it is there to be tried. 2: the file is wrong.
        [ $status = 1 ] || { echo "check of $flow.yaml ended with $status"; return 1; }
    done
    for line in deploy/systemd/*.service; do
        ! command -v systemd-analyze >/dev/null || ! systemd-analyze verify "$line" 2>&1 | grep -v 'inkflow is not executable' | grep . || return
    done
}

check "2 and 3 processes of 1 and 2 workers export what the recompute says" equal_at_any_size
check "2 processes under supervise, killed 15 times, export what the recompute says" killed
check "strangers, wrong secrets, second processes: refused, told, no harm" disturbed
check "a lost process ends the other; a paused one is replaced, and writes nothing afterwards" lost_and_paused
check "the units under deploy/ name commands and fields that there are" units_hold
counted
