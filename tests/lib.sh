# shellcheck shell=bash
# Shared by test scripts: source it after `set -uo pipefail`, with `work` set to a folder of the script's own.
passed=0 failed=0

check() { # WHAT COMMAND...
    local what=$1 start=$SECONDS; shift
    if "$@" >"$work/out" 2>&1; then
        passed=$((passed + 1)); echo "ok      $what ($((SECONDS - start)) s)"
    else
        failed=$((failed + 1)); echo "FAILED  $what ($((SECONDS - start)) s)"; tail -n 40 "$work/out" | sed 's/^/        /'
    fi
}

# The last line of every script.
counted() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

until_so() { # SECONDS WHAT COMMAND...
    local end=$((SECONDS + $1)) what=$2; shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || { echo "still not: $what"; tail -n 5 "$work"/*.log; return 1; }
        sleep 0.1
    done
}

# free_port [HIGHER...]: a port that is free, and those so much higher with it.
free_port() {
    python3 - 0 "$@" <<'PY'
import random, socket, sys
while True:
    port = random.randrange(20000, 30000)
    try:
        for higher in sys.argv[1:]:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port + int(higher)))
        break
    except OSError:
        pass
print(port)
PY
}

sql() { psql -XqAt -v ON_ERROR_STOP=1 -c "$1"; }

# The tables of a schema of PostgreSQL as the command would export them, for each DIR/<view>.csv: SCHEMA DIR OUT.
export_schema() {
    local want view columns keys
    mkdir -p "$3"
    for want in "$2"/*.csv; do
        view=$(basename "$want" .csv)
        columns=$(head -1 "$want" | sed -E 's/([^,]+)/t."\1"::text AS "\1"/g')
        keys=$(sql "SELECT string_agg('t.' || quote_ident(a.attname), ', ' ORDER BY array_position(i.indkey::int2[], a.attnum))
            FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
            WHERE i.indrelid = '$1.$view'::regclass AND i.indisprimary") || return
        psql -Xq --csv -v ON_ERROR_STOP=1 -c "SELECT $columns FROM $1.$view t ORDER BY $keys" >"$3/$view.csv" || return
    done
}
