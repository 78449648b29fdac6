#!/bin/bash
# Runs ior on benchfs servers that are started for it and stopped again.
#
# Usage: run_ior.sh [OPTIONS] -- ARGUMENTS OF ior
#   -S, --servers N        servers, each with metadata and data (default 1)
#   -n, --ranks N          ranks of ior (default 1)
#   --memory               servers keep their data in memory
#   -d, --dir DIR          registry and logs of the servers (default: a new one, removed afterwards)
#   --data DIR             where the servers keep their data (default: in that directory)
#   --hosts LIST           "a,b" or "node[01-04]"; in a Slurm or PBS job its nodes, else this machine. The servers and the
#                          ranks go round them; --dir must then be a directory that all hosts see
#   --server-argument ARG  one argument for benchfsd; may be repeated
#   -o, --output DIR       output, server state and logs go there (default: benchfs-ior-DATE-TIME here)
# BENCHFS_BUILD names another build directory, BENCHFS_IOR another program.

program=benchfs-ior
program_variable=BENCHFS_IOR
. "$(dirname "$0")/run_common.sh"
