#!/bin/bash
# In the controller: BENCHFSMINI on four ranks, servers on server1 and server2, clients on client1 and client2. Runs IOR
# if the image has it, else the project's own driver, which takes the same options and compares every byte it reads.
set -euo pipefail

transfer_size=1m
block_size=4m
segments=2
options=(-F -w -r)
registry=/shared/registry_mini/ior

program=/opt/benchfs/bin/aiori-mini-driver
if [[ -x /opt/benchfs/bin/benchfs-ior ]]; then
    program=/opt/benchfs/bin/benchfs-ior
    options+=(-R)
fi
rm -rf "$registry"
output=/results/ior-$(date +%Y%m%d-%H%M%S).txt
line=(timeout 120 mpirun --allow-run-as-root -np 4 -H server1,server2,client1,client2 --bind-to none
    --mca btl tcp,self --mca btl_tcp_if_include 172.21.0.0/24 --mca oob_tcp_if_include 172.21.0.0/24
    -x PATH -x BENCHFS_LOG -x UCX_LOG_LEVEL -x UCX_NET_DEVICES=eth0
    "$program" --server-ranks 2 -a BENCHFSMINI --benchfsmini.registry "$registry"
    -t "$transfer_size" -b "$block_size" -s "$segments" "${options[@]}")
echo "${line[*]}"
status=0
"${line[@]}" 2>&1 | tee "$output" || status=$?
if [[ $status -ne 0 ]]; then
    echo "FAILED with $status; the output is in $output" >&2
    exit "$status"
fi
if ! grep -q 'benchfs-mini: accepted' "$output"; then
    echo "FAILED: no server printed an endpoint" >&2
    exit 1
fi
echo "PASSED: $(basename "$program"); the output is in $output"
