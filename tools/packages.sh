# The Debian packages benchfs needs, in one place; sourced by tools/quickstart and tools/check.
#
# ensure_packages installs only what is missing, and touches nothing when nothing is. On another distribution it looks
# for the commands and libraries themselves and names those that it does not find.

packages_to_build=(
    clang-19 g++ meson ninja-build pkg-config python3
    libucx-dev liburing-dev libxxhash-dev nlohmann-json3-dev libcli11-dev libboost-dev libedit-dev
    catch2 # Meson looks for it when it configures the tests
)
packages_to_check=(
    clang-tidy-19
    clang-tools-19 # clang-query
    openmpi-bin libopenmpi-dev # test/mpi
    iproute2 iptables # test/cluster with network namespaces
)
packages_to_fuzz=(libclang-rt-19-dev) # libFuzzer and the sanitizers of clang
packages_for_docker=(debootstrap) # test/docker-mini, beside the engine
commands_to_build=(clang-19 clang++-19 g++ meson ninja pkg-config python3)
commands_to_check=(clang-tidy-19 clang-query-19 mpirun mpicc)
libraries=(ucx liburing libxxhash nlohmann_json CLI11 libedit)

missing_packages() {
    local package
    for package in "$@"; do
        if [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
            echo "$package"
        fi
    done
}

# Without apt: true if everything is there already, else says what to install.
look_for_tools() {
    local missing=() name
    for name in "$@"; do command -v "$name" >/dev/null || missing+=("$name"); done
    if command -v pkg-config >/dev/null; then
        for name in "${libraries[@]}"; do pkg-config --exists "$name" || missing+=("lib:$name"); done
    fi
    [[ ${#missing[@]} -eq 0 ]] && return 0
    cat >&2 <<EOF
This machine has no apt-get, so nothing can be installed from here. Not found: ${missing[*]}
Needed: clang 19 (or g++ 12), Meson 1.0, Ninja, pkg-config, Python 3, UCX 1.13, liburing 2.3, Boost headers,
libedit, and, from the system or from subprojects/*.wrap: xxHash, nlohmann_json, CLI11, Catch2.
On Debian 12 these are the packages: ${packages_to_build[*]} ${packages_to_check[*]}
EOF
    return 1
}

# ensure_packages build|check|fuzz|docker; `say` (from common.sh) reports the progress.
ensure_packages() {
    local wanted=("${packages_to_build[@]}") commands=("${commands_to_build[@]}") missing run=()
    if [[ $1 == check ]]; then
        wanted+=("${packages_to_check[@]}")
        commands+=("${commands_to_check[@]}")
    elif [[ $1 == docker ]]; then
        wanted=("${packages_for_docker[@]}")
        commands=("${packages_for_docker[@]}")
    fi
    if [[ $1 == fuzz ]]; then wanted+=("${packages_to_fuzz[@]}"); fi
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        look_for_tools "${commands[@]}"
        return
    fi
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    if [[ ${#missing[@]} -eq 0 ]]; then
        say "packages: all ${#wanted[@]} are installed"
        return 0
    fi
    if [[ $EUID -ne 0 ]]; then
        if ! command -v sudo >/dev/null; then
            echo "Packages are missing, and this is neither root nor is there sudo. As root, run:" >&2
            echo "    apt-get install --no-install-recommends ${missing[*]}" >&2
            return 1
        fi
        run=(sudo)
    fi
    say "packages: installing ${missing[*]}"
    local log
    log=$(mktemp)
    # A Debian image often comes without package lists, and old lists name versions that are gone.
    if "${run[@]}" apt-get update >"$log" 2>&1 &&
        "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" \
            >>"$log" 2>&1; then
        rm -f "$log"
        say "packages: done"
        return 0
    fi
    tail -n 20 "$log" >&2
    rm -f "$log"
    echo "Installing packages failed (above). benchfs is built on Debian 12 (bookworm), whose 'main' section has all" >&2
    echo "of them; on another release some may be missing or have other names." >&2
    return 1
}
