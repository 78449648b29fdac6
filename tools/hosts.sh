# Lists of hosts, for the launchers; sourced. A list is words apart by spaces, commas or lines, with ranges in brackets
# as Slurm writes them: node[01-04,9],gpu7 stands for node01 node02 node03 node04 node9 gpu7.

# expand_range TEXT: "01-03,7" into "01 02 03 7", one a line.
expand_range() {
    local item first last number width
    local -a items
    IFS=, read -ra items <<<"$1"
    for item in "${items[@]}"; do
        if [[ $item =~ ^([0-9]+)-([0-9]+)$ ]]; then
            first=${BASH_REMATCH[1]} last=${BASH_REMATCH[2]} width=${#BASH_REMATCH[1]}
            for ((number = 10#$first; number <= 10#$last; number++)); do printf '%0*d\n' "$width" "$number"; done
        elif [[ $item =~ ^[0-9]+$ ]]; then
            echo "$item"
        else
            echo "\"$item\" is no range of numbers" >&2
            return 1
        fi
    done
}

# expand_word TEXT: a name with any number of brackets, into one name a line.
expand_word() {
    local word=$1 numbers number
    if [[ $word =~ ^([^][]*)\[([^][]+)\](.*)$ ]]; then
        local before=${BASH_REMATCH[1]} after=${BASH_REMATCH[3]}
        numbers=$(expand_range "${BASH_REMATCH[2]}") || return 1
        for number in $numbers; do expand_word "$before$number$after" || return 1; done
    elif [[ $word == *[][]* ]]; then
        echo "\"$word\" has a bracket without its other half" >&2
        return 1
    elif [[ ! $word =~ ^[A-Za-z0-9._-]+$ ]]; then
        echo "\"$word\" is no name of a host" >&2
        return 1
    else
        echo "$word"
    fi
}

# expand_hosts TEXT: one host a line, in the order given; commas inside brackets do not separate names.
expand_hosts() {
    local text=$1 word='' depth=0 i char
    for ((i = 0; i < ${#text}; i++)); do
        char=${text:i:1}
        case $char in
        '[') depth=$((depth + 1)) ;;
        ']') depth=$((depth - 1)) ;;
        esac
        if [[ $depth -eq 0 && $char == [$', \t\n'] ]]; then
            if [[ -n $word ]]; then expand_word "$word" || return 1; fi
            word=
        else
            word+=$char
        fi
    done
    if [[ -n $word ]]; then expand_word "$word" || return 1; fi
}

# hosts_from_environment: the nodes of the Slurm or PBS job that this runs in, one a line; nothing outside of a job.
hosts_from_environment() {
    local list=${SLURM_JOB_NODELIST:-${SLURM_NODELIST:-}}
    if [[ -n $list ]]; then
        expand_hosts "$list"
    elif [[ -n ${PBS_NODEFILE:-} ]]; then
        if [[ ! -r $PBS_NODEFILE ]]; then
            echo "PBS_NODEFILE=$PBS_NODEFILE cannot be read" >&2
            return 1
        fi
        # A line for each slot: each node once, in its first place.
        awk 'NF && !seen[$1]++ { print $1 }' "$PBS_NODEFILE"
    fi
}

# is_this_host NAME
is_this_host() {
    local here
    here=$(hostname)
    [[ $1 == localhost || $1 == "$here" || $1 == "${here%%.*}" || ${1%%.*} == "${here%%.*}" ]]
}
