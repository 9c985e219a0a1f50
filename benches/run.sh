#!/usr/bin/env bash
# A backlog of N submissions (1 M unless given) with recorded readings: catch-up at 1 and 2 workers, then a start from
# the journal that it left (hydration). Built with all optimisation. Figures are of this machine, as it is now.
set -euo pipefail
cd "$(dirname "$0")/.."
count=${1:-1000000}
cargo build --release --quiet -p inkflow
inkflow=$PWD/target/release/inkflow
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 benches/backlog.py "$count" "$work/backlog"

# measure WHAT COMMAND...: wall seconds and peak memory of a command, by the operating system's accounting.
measure() {
    local what=$1; shift
    python3 - "$what" "$count" "$@" <<'PY'
import resource, subprocess, sys, time
what, count, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
start = time.monotonic()
subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
seconds = time.monotonic() - start
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{what}: {seconds:.1f} s, {count / seconds:,.0f} submissions/s, {usage.ru_utime + usage.ru_stime:.1f} s of processor, "
      f"{usage.ru_maxrss / 1024:,.0f} MiB at its peak")
PY
}

now=1795248000000
for workers in 1 2; do
    measure "catch-up, $workers worker(s)" "$inkflow" run --folder "$work/backlog" --until-end --now $now \
        --journal "$work/journal$workers" -w $workers
done
measure "start from the journal, 2 workers" "$inkflow" run --folder "$work/backlog" --until-end --now $now \
    --journal "$work/journal1" -w 2
