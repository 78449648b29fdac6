# The body of run_ior.sh and run_mdtest.sh: servers up, one run under mpirun, output and statistics kept, servers down.
# Sourced; needs $program (benchfs-ior or benchfs-mdtest) and $program_variable (BENCHFS_IOR or BENCHFS_MDTEST).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
for place in "$here/../tools" "$here"; do
    if [[ -x $place/benchfs-cluster ]]; then tools=$(cd "$place" && pwd); fi
done
. "$here/setup_env.sh"
. "$tools/hosts.sh"

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

servers=1 ranks=1 memory=() output='' dir='' data=() hosts=() daemon_arguments=()
while [[ $# -gt 0 ]]; do
    case $1 in
    -h | --help)
        sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    --memory) memory=(--memory) && shift ;;
    -S | --servers | -n | --ranks | -o | --output | -d | --dir | --data | --hosts | --server-argument)
        [[ $# -ge 2 ]] || fail "$1 needs a value"
        case $1 in
        -S | --servers) servers=$2 ;;
        -n | --ranks) ranks=$2 ;;
        -o | --output) output=$2 ;;
        -d | --dir) dir=$2 ;;
        --data) data=(--data "$2") ;;
        --server-argument) daemon_arguments+=("$2") ;;
        --hosts)
            list=$(expand_hosts "$2") || fail "--hosts $2 cannot be understood"
            mapfile -t hosts <<<"$list"
            ;;
        esac
        shift 2
        ;;
    --)
        shift
        break
        ;;
    *) fail "$1 is no option of this script; arguments for $program come after -- ($(basename "$0") --help)" ;;
    esac
done
[[ $servers =~ ^[1-9][0-9]*$ && $ranks =~ ^[1-9][0-9]*$ ]] || fail "--servers and --ranks are numbers from 1"

# In a job of Slurm or PBS its nodes are used, unless others were named.
if [[ ${#hosts[@]} -eq 0 ]]; then
    list=$(hosts_from_environment) || fail "the node list of this job cannot be understood"
    if [[ -n $list ]]; then mapfile -t hosts <<<"$list"; fi
fi

run_program=${!program_variable:-$(command -v "$program" || true)}
[[ -n $run_program && -x $run_program ]] ||
    fail "there is no $program: configure with -Dior=DIR (an IOR source with its library built), see ior/README.md"
command -v mpirun >/dev/null || fail "there is no mpirun (Debian: openmpi-bin)"

made_dir=no started=no job='' shared=''
if [[ -z $dir ]]; then
    # Several hosts meet in a directory that all see: the working directory is one, /tmp is not.
    base=${TMPDIR:-/tmp}
    if [[ ${#hosts[@]} -gt 1 ]]; then base=$PWD; fi
    dir=$(mktemp -d "$base/benchfs-run.XXXXXX")
    made_dir=yes
fi
output=${output:-$PWD/$program-$(date +%Y%m%d-%H%M%S)}
mkdir -p "$output"

end_job() {
    local waited=0
    if [[ -z $job ]] || ! kill -TERM "$job" 2>/dev/null; then return 0; fi
    while kill -0 "$job" 2>/dev/null; do
        if [[ $waited -eq 100 ]]; then kill -KILL "$job" 2>/dev/null || true; fi
        sleep 0.1
        waited=$((waited + 1))
    done
}

# On every way out, also after Ctrl-C: no process and, but for the output, no file stays behind.
clean_up() {
    local status=$?
    set +e
    trap - EXIT
    trap '' INT TERM HUP
    end_job
    if [[ $started == yes ]]; then
        cp "$dir"/server-*.log "$output/" 2>/dev/null
        "$tools/benchfs-cluster" clean --dir "$dir" "${data[@]}"
    fi
    if [[ $made_dir == yes ]]; then rm -rf "$dir"; fi
    if [[ -n $shared ]]; then rm -rf "$shared"; fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

host_list=() mpi_hosts=()
if [[ ${#hosts[@]} -gt 0 ]]; then
    joined=$(IFS=,; echo "${hosts[*]}")
    host_list=(--hosts "$joined")
    mpi_hosts=(-H "$(printf "%s:$(((ranks + ${#hosts[@]} - 1) / ${#hosts[@]}))," "${hosts[@]}" | sed 's/,$//')")
fi

# Open MPI leaves its shared memory behind when a job is aborted; in a directory of our own it can be removed.
if [[ ${#hosts[@]} -eq 0 && -d /dev/shm && -z ${OMPI_MCA_btl_vader_backing_directory:-} ]]; then
    shared=$(mktemp -d /dev/shm/benchfs-run.XXXXXX)
    export OMPI_MCA_btl_vader_backing_directory=$shared
fi

# More processes than cores: a server that is tied to one waits for whoever is there, a free one moves.
pinning=()
if [[ ${#hosts[@]} -eq 0 && $((servers + ranks)) -gt $(nproc) ]]; then pinning=(--no-pin); fi

# In the background, because bash handles a signal only between foreground commands, but at once in `wait`.
started=yes
"$tools/benchfs-cluster" start --dir "$dir" --servers "$servers" "${memory[@]}" "${data[@]}" "${host_list[@]}" \
    "${pinning[@]}" -- "${daemon_arguments[@]}" &
job=$!
wait "$job" || fail "the servers did not start"
job=

line=(mpirun -np "$ranks" --bind-to none "${mpi_hosts[@]}" "$run_program" "--benchfs.registry=$dir/registry" -a BENCHFS "$@")
printf '%q ' "${line[@]}" >"$output/command.txt"
echo >>"$output/command.txt"
status=0
"${line[@]}" > >(tee "$output/output.txt") 2>&1 &
job=$!
wait "$job" || status=$?
job=
"$tools/benchfs-cluster" status --dir "$dir" >"$output/servers.txt" 2>&1 || true
echo "output, servers' state and logs: $output"
exit "$status"
