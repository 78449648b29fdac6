#!/bin/bash
# Waits until the controller reaches every node by ssh. Usage: wait_for_nodes.sh NODE...
set -euo pipefail
for node in "$@"; do
    waited=0
    until docker exec benchfs-mini_controller ssh -o ConnectTimeout=2 "$node" true 2>/dev/null; do
        if [[ $waited -eq 60 ]]; then
            echo "benchfs-mini_controller does not reach $node by ssh after 30 s; its log:" >&2
            docker logs --tail 20 "benchfs-mini_$node" >&2
            exit 1
        fi
        sleep 0.5
        waited=$((waited + 1))
    done
done
echo "all nodes are up: $*"
