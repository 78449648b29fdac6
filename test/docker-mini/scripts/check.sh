#!/bin/bash
# All of the cluster's tests in turn, with a time limit for each step; nothing is left but the images.
# Usage: check.sh (`make check`). BUILD and IOR as for `make build-mini`.
# The last line is "containers: passed", "containers: skipped: WHY" where this machine cannot run them, for a reason that has
# nothing to do with benchfs (the exit code is 0), or "containers: FAILED at STEP" behind the end of the output (exit code 1).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
base=benchfs/ucx-mpi-base:1.0
tail_lines=60
output=$(mktemp)

skip() {
    echo "containers: skipped: $*"
    exit 0
}

# limited SECONDS COMMAND...: its exit code, 124 when the time was over. In the background, so that a signal is seen at once.
running=
limited() {
    local status=0
    timeout --kill-after 20 "$@" &
    running=$!
    wait "$running" || status=$?
    running=
    return "$status"
}

target() { limited "$1" make --no-print-directory -C "$here/.." "$2"; }

# An engine inside a container often answers and yet starts nothing, or nothing that has a network.
probe=benchfs-mini_probe
probe() {
    limited 60 docker network create --subnet 172.21.0.0/24 "$probe" &&
        limited 60 docker run --rm --detach --network "$probe" --ip 172.21.0.10 --name "$probe" "$base" sleep 120 &&
        limited 60 docker run --rm --network "$probe" "$base" ping -c 2 -W 5 172.21.0.10
}
remove_probe() {
    limited 60 docker rm --force "$probe" >/dev/null 2>&1 || true
    limited 60 docker network rm "$probe" >/dev/null 2>&1 || true
}

clean_up() {
    trap - EXIT INT TERM
    if [[ -n $running ]]; then kill "$running" 2>/dev/null && wait "$running" || true; fi
    rm -f "$output"
    remove_probe
    target 180 clean >/dev/null 2>&1 || true
}

# step SECONDS TARGET: shows the output only when it fails, then also what the containers said.
step() {
    local began=$SECONDS status=0
    target "$1" "$2" >"$output" 2>&1 || status=$?
    if [[ $status -eq 0 ]]; then
        echo "containers: $2: $((SECONDS - began)) s"
        return
    fi
    if [[ $2 == up || $2 == test-* ]]; then
        echo "--- the containers:"
        limited 20 docker ps --all --filter name=benchfs-mini_ || true
        target 30 logs 2>&1 | tail -n 20 || true
    fi
    echo "--- the end of the output of make $2:"
    tail -n "$tail_lines" "$output"
    if [[ $status -eq 124 || $status -eq 137 ]]; then echo "not done after $1 s"; fi
    echo "containers: FAILED at $2"
    exit 1
}

limited 20 docker info >/dev/null 2>&1 || skip "no Docker engine answers here"
limited 20 docker compose version >/dev/null 2>&1 || limited 20 docker-compose version >/dev/null 2>&1 ||
    skip "there is neither docker compose nor docker-compose"
exec 9>"${TMPDIR:-/tmp}/benchfs-docker-mini.lock"
flock --nonblock 9 || skip "another check has the containers"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

began=$SECONDS
status=0
limited 1500 "$here/make_base.sh" "$base" 9>&- || status=$?
if [[ $status -eq 75 || $status -eq 124 || $status -eq 137 ]]; then skip "the base image cannot be made here (above)"; fi
if [[ $status -ne 0 ]]; then
    echo "containers: FAILED at build-base"
    exit 1
fi
echo "containers: build-base: $((SECONDS - began)) s"
target 180 clean >/dev/null 2>&1 || true # what a check that was killed has left
remove_probe
if ! probe >"$output" 2>&1; then
    tail -n 5 "$output"
    skip "the engine does not start containers that reach each other (above)"
fi
remove_probe
step 1500 build-mini
step 180 up
step 180 test-ior
step 600 test-benchfs
step 120 down
echo "containers: passed"
