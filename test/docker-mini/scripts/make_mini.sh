#!/bin/bash
# Builds the programs for the image, or the image itself out of them.
# Usage: make_mini.sh binary FOLDER        builds into FOLDER/programs (bin/ and lib/)
#        make_mini.sh image FOLDER IMAGE   makes the image of what is there
# BUILD names a build directory that is there already; IOR a folder of IOR's source with its library built (then
# benchfs-ior is built, too, and used by test-ior).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
source_dir=$(cd "$here/../../.." && pwd)
. "$source_dir/tools/common.sh"
. "$source_dir/tools/packages.sh"

what=$1
folder=$2

binary() {
    local directory=${BUILD:-$folder/meson} targets program
    targets=(tools/mini/benchfs-mini daemon/benchfsd clients/cli/benchfs-cli bench/benchfs-bench
        test/mpi/aiori-mini-driver)
    if [[ -n ${IOR:-} ]]; then
        targets+=(ior/benchfs-ior)
        directory=${BUILD:-$folder/meson-ior}
    fi
    if [[ ! -f $directory/build.ninja ]]; then
        ensure_packages check
        # Some sources at a time, as in tools/check: most of the time goes into headers that they share.
        configure "$directory" clang-19 clang++-19 -Doptimization=2 -Ddebug=false -Dunity=on -Dunity_size=12 ${IOR:+"-Dior=$(realpath "$IOR")"}
    fi
    say "building the programs in $directory"
    build "$directory" "${targets[@]}"
    rm -rf "$folder/programs"
    mkdir -p "$folder/programs/bin" "$folder/programs/lib"
    for program in "${targets[@]}"; do cp "$directory/$program" "$folder/programs/bin/"; done
    find "$directory/lib" -maxdepth 1 -regex '.*/libbenchfs\.so\.[0-9.]*' -not -type d \
        -exec cp -P '{}' "$folder/programs/lib/" ';'
    say "the programs are in $folder/programs ($built)"
}

image() {
    local context=$folder/context
    rm -rf "$context"
    mkdir -p "$context"
    cp -a "$folder/programs" "$here" "$here/../Dockerfile.mini" "$context/"
    docker build --quiet --file "$context/Dockerfile.mini" --tag "$1" "$context" >/dev/null
    # What had the name before; the base image's label is inherited.
    docker image prune --force --filter label=org.benchfs.made-from >/dev/null
    say "$1: built"
}

case $what in
binary) binary ;;
image) image "$3" ;;
*)
    sed -n '2,6s/^# //p' "$0" >&2
    exit 2
    ;;
esac
