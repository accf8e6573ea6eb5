#!/usr/bin/env bash
# The program as somebody has it who reads a page with several terminals: what serves goes on in one of them, and what
# served the same before is ended by Ctrl-C. What only shows what happens is left after a moment.
set -euo pipefail
echo "\$ annuli $*"

# serve NAME COMMAND...: leaves it running, once it serves.
serve() {
    local log=$1.log
    shift
    # Emptied before it is started: what the one before has said is not its own.
    : >"$log"
    "$PROGRAM" "$@" >>"$log" 2>&1 </dev/null &
    echo $! >>running
    local process=$!
    wait_until serves_or_ended "$log" "$process"
    grep -q serving "$log" || { echo "it has ended"; exit 1; }
}

serves_or_ended() { grep -q serving "$1" || ! kill -0 "$2" 2>/dev/null; }

wait_until() {
    local end=$((SECONDS + PATIENCE))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || { echo "not within $PATIENCE seconds: $*"; exit 1; }
        sleep 0.1
    done
}

stop_all() {
    [ -e running ] || return 0
    local process
    for process in $(cat running); do
        kill -TERM "$process" 2>/dev/null || continue
        wait_until eval "! kill -0 $process 2>/dev/null"
    done
    rm running
}

is_up() { command curl -fs -o /dev/null "$ANNULI_URL/readyz"; }

case "$1 ${2:-}" in
    "serve "*)
        stop_all
        serve serve "$@"
        ;;
    "cluster up")
        stop_all
        # By itself it would dump and roll out while the reader does.
        "$PROGRAM" "$@" --listen "$ANNULI_LISTEN" --dump-every never >cluster.log 2>&1 </dev/null &
        echo $! >running
        wait_until is_up
        ;;
    "indexer "* | "router "*)
        # Those of a cluster by hand take the folders of the one before.
        [ ! -e cluster.log ] || { stop_all; rm cluster.log; }
        serve "$1-$(grep -c . running 2>/dev/null || true)" "$@"
        ;;
    "events --follow")
        timeout 1 "$PROGRAM" "$@" || [ $? -eq 124 ]
        ;;
    *)
        exec "$PROGRAM" "$@"
        ;;
esac
