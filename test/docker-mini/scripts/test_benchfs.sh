#!/bin/bash
# On the machine with the engine, after `make up`: benchfs itself between the containers. Two servers and clients on other
# nodes, the 2-node micro-benchmark, a server container that is killed and started again, and a network cut between two
# containers that heals. The last line is PASSED, or FAILED with what was wrong; then the logs are in the output.
set -euo pipefail

registry=/shared/registry_mini/benchfs
bench_registry=/shared/registry_mini/bench
environment=(-e BENCHFS_LOG=error -e UCX_LOG_LEVEL=fatal -e UCX_NET_DEVICES=eth0)
server1_address=172.21.0.11
nowhere=02:00:00:00:00:01

# on NODE COMMAND...: in its container.
on() {
    local node=$1
    shift
    docker exec "${environment[@]}" "benchfs-mini_$node" "$@"
}

fail() {
    local node
    for node in server1 server2; do
        echo "--- the end of the log of $node:" >&2
        docker exec "benchfs-mini_$node" tail -n 15 /data/benchfsd.log >&2 2>/dev/null || true
    done
    echo "FAILED: $*" >&2
    exit 1
}

# cli NODE LIMIT ARGUMENT...: benchfs-cli there; fails if it takes longer than LIMIT seconds.
cli() {
    local node=$1 limit=$2
    shift 2
    on "$node" timeout "$limit" benchfs-cli --registry-dir "$registry" --deadline 3s "$@"
}

# Silently: what client2 sends to server1 goes to an Ethernet address that nobody has.
partition() { on client2 ip neigh replace "$server1_address" lladdr "$nowhere" dev eth0 nud permanent; }
heal() { on client2 ip neigh del "$server1_address" dev eth0 2>/dev/null || true; }

clean_up() {
    local status=$? node
    set +e
    heal
    for node in server1 server2; do on "$node" pkill -TERM -x benchfsd; done >/dev/null 2>&1
    on server1 pkill -TERM -x benchfs-bench >/dev/null 2>&1
    rm -f "/tmp/benchfs-docker-error.$$"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

start_server() {
    local number=$1
    docker exec -d "${environment[@]}" -e BENCHFS_LOG=info "benchfs-mini_server$((number + 1))" sh -c \
        "exec benchfsd --registry-dir $registry --id $number --servers 2 --data-dir /data/benchfs >>/data/benchfsd.log 2>&1"
}

# ready NODE: until both servers answer it. An entry that a killed server left leads nowhere at first.
ready() {
    local waited=0
    until cli "$1" 30 --connect-wait 30s servers 2>/tmp/benchfs-docker-error.$$; do
        if [[ $waited -ge 20 ]]; then
            cat "/tmp/benchfs-docker-error.$$" >&2
            return 1
        fi
        sleep 0.5
        waited=$((waited + 1))
    done
}

# same NODE FILE: what is there has the bytes that were put in.
same() {
    cli "$1" 60 get -T "$2" /tmp/got >/dev/null || fail "$1 cannot read $2"
    [[ $(on "$1" sha256sum /tmp/got | cut -d' ' -f1) == "$wanted" ]] || fail "$1 reads other bytes from $2"
}

for node in server1 server2; do on "$node" sh -c 'rm -rf /data/*'; done
on controller rm -rf "$registry" "$bench_registry"

echo "=== two servers, clients on other nodes"
start_server 0
start_server 1
ready client1 || fail "the servers do not answer"
on client1 sh -c 'head -c 20000000 /dev/urandom >/tmp/put'
wanted=$(on client1 sha256sum /tmp/put | cut -d' ' -f1)
cli client1 60 put -T /tmp/put /first || fail "client1 cannot write"
same client1 /first
same client2 /first
cli client2 60 ping || fail "client2 gets no answer"

echo "=== the 2-node micro-benchmark, server1 and client1"
docker exec -d "${environment[@]}" benchfs-mini_server1 sh -c \
    "exec benchfs-bench --mode server --registry-dir $bench_registry --memory >/data/bench.log 2>&1"
on client1 timeout 120 benchfs-bench --mode client --registry-dir "$bench_registry" --iterations 200 --no-raw-limits ||
    fail "the micro-benchmark"
on server1 pkill -TERM -x benchfs-bench || fail "the micro-benchmark's server had ended before its time"

echo "=== the container of server 1 is killed and started again"
docker kill --signal KILL benchfs-mini_server2 >/dev/null
status=0
cli client1 30 cat /first >/dev/null || status=$?
if [[ $status -eq 0 ]]; then fail "a file was read without one of its servers"; fi
if [[ $status -eq 124 ]]; then fail "client1 hangs when a server's host is gone"; fi
echo "client1 ended with $status while the server was gone"
docker start benchfs-mini_server2 >/dev/null
start_server 1
ready client1 || fail "the server that was started again does not answer"
same client1 /first
cli client2 60 put -T /tmp/got /second || fail "client2 cannot write after the restart"
same client1 /second

echo "=== the network between client2 and server1 is cut, and heals"
partition
status=0
cli client2 60 stat /second || status=$?
if [[ $status -eq 0 ]]; then fail "client2 got an answer through a network that is cut"; fi
if [[ $status -eq 124 ]]; then fail "client2 hangs when the network is cut"; fi
echo "client2 ended with $status while the network was cut"
same client1 /second # the others do not notice
heal
same client2 /second
cli client2 60 put -T /tmp/got /third || fail "client2 cannot write after the network has healed"
same client1 /third

echo "=== the servers stop"
for node in server1 server2; do
    on "$node" pkill -TERM -x benchfsd || fail "the server on $node had ended before its time"
    waited=0
    while on "$node" pgrep -x benchfsd >/dev/null; do
        [[ $waited -lt 100 ]] || fail "the server on $node does not stop"
        sleep 0.1
        waited=$((waited + 1))
    done
done
if on controller sh -c "ls $registry/*.addr" 2>/dev/null; then fail "a stopped server left its address"; fi
echo PASSED
