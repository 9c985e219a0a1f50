#!/usr/bin/env bash
# The demo: builds inkflow where that has not been done, and lets three classes hand in homework for a minute.
#
#   deploy/demo.sh              what happens, as it happens, in the terminal
#   DEMO=once deploy/demo.sh    without waiting; ends with 0 only if every view equals an independent recompute
#
# What it makes lies in demo-run/, which the next demo makes anew.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
    export PATH="$HOME/.cargo/bin:$PATH"
fi
target=${CARGO_TARGET_DIR:-target}
# The profile is that of the tests, so that dependencies, which take most of the time, are built once for both.
if [ ! -x "$target/debug/inkflow" ]; then
    echo "inkflow: building, once: about 15 minutes on 2 cores, less on more"
fi
SECONDS=0
"${CARGO:-cargo}" build --package inkflow --package inkflow-demo
if [ "$SECONDS" -gt 20 ]; then
    echo "inkflow: built in $((SECONDS / 60)) min $((SECONDS % 60)) s"
fi

once=()
[ "${DEMO:-}" = once ] && once=(--once)
exec "$target/debug/inkflow-demo" "${once[@]}" "$@"
