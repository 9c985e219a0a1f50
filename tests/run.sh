#!/usr/bin/env bash
# Runs the tests and counts them. `check`: format, clippy, unit and property tests. `all`: everything.
# The last line is the count: N passed, N failed.
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
failed=0
# Seconds after which a step is taken to hang. Cold and alone the tests took 957 once; a machine may be of half that pace.
STEP_MAX_S=3000

# Servers of our own, on ports of our own, for as long as the tests run.
INKFLOW_RUN=$(mktemp -d)
export INKFLOW_RUN POSTGRES_PORT=0 MINIO_PORT=0 TOXIPROXY_PORT=0
SERVERS=(postgres minio toxiproxy)
finish() {
    tests/broker.sh stop >/dev/null 2>&1
    for server in "${SERVERS[@]}"; do "deploy/services/$server.sh" wipe >/dev/null 2>&1; done
    rm -rf "$log" "$INKFLOW_RUN"
}
trap finish EXIT

step() { # NAME COMMAND...
    local name=$1 start=$SECONDS; shift
    echo "== $name"
    # What hangs must fail, and say where, before whoever runs this gives up on all of it.
    if timeout -k 10 "$STEP_MAX_S" "$@" 2>&1 | tee -a "$log"; then
        echo "== $name: done in $((SECONDS - start)) s"
    else
        echo "== $name: FAILED after $((SECONDS - start)) s"
        failed=$((failed + 1))
    fi
}

if [ "${1:-all}" = all ]; then
    ORT_DYLIB_PATH=$(deploy/onnxruntime.sh) || exit 1
    export ORT_DYLIB_PATH
    servers=$(tests/broker.sh start) || exit 1
    eval "$servers"
    for server in "${SERVERS[@]}"; do
        "deploy/services/$server.sh" start >/dev/null || exit 1
        eval "$("deploy/services/$server.sh" env)"
    done
fi
step format cargo fmt --all --check
step clippy cargo clippy --workspace --all-targets --quiet -- -D warnings
case ${1:-all} in
    check) step tests cargo test --workspace --lib --bins --quiet ;;
    all)
        step tests cargo test --workspace --no-fail-fast
        step system tests/system.sh
        step kafka tests/kafka.sh
        step reading tests/reading.sh
        step stores tests/stores.sh
        step cluster tests/cluster.sh
        step services tests/services.sh
        ;;
    *) echo "usage: tests/run.sh [check|all]" >&2; exit 2 ;;
esac

# cargo's result lines, and those of our scripts ("N passed, N failed").
counts=$(sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed;.*/\1 \2/p; s/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log" |
    awk '{passed += $1; failed += $2} END {print passed + 0, failed + 0}')
read -r passed broken <<<"$counts"
[ "$failed" -eq 0 ] || [ "$broken" -gt 0 ] || broken=$failed
echo "$passed passed, $broken failed"
[ "$failed" -eq 0 ] && [ "$broken" -eq 0 ] && [ "$passed" -gt 0 ]
