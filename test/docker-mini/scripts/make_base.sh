#!/bin/bash
# Makes the base image out of Debian packages, without a registry of images. Nothing is done when the image was made
# from the same; the unpacked system is kept as a file, so that a removed image is back in seconds.
# Usage: make_base.sh IMAGE
# BENCHFS_DEBIAN_MIRROR names another mirror, BENCHFS_DOCKER_CACHE another folder for the file (default: ~/.cache/benchfs).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
source_dir=$(cd "$here/../../.." && pwd)
. "$source_dir/tools/common.sh"
. "$source_dir/tools/packages.sh"

image=$1
mirror=${BENCHFS_DEBIAN_MIRROR:-http://deb.debian.org/debian}
cache=${BENCHFS_DOCKER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/benchfs}
suite=bookworm
label=org.benchfs.made-from
packages=$(paste -sd, "$here/../packages.txt")
made_from=$(cat "$here/make_base.sh" "$here/../packages.txt" | sha256sum | cut -c1-16)
tar_file=$cache/docker-base-$made_from.tar

if [[ $(docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$image" 2>/dev/null) == "$made_from" ]]; then
    say "$image: is there, made from the same"
    exit 0
fi

if [[ ! -f $tar_file ]]; then
    ensure_packages docker
    if [[ $EUID -ne 0 ]]; then
        echo "debootstrap needs root: run \"sudo make build-base\" once; later runs use $tar_file" >&2
        exit 1
    fi
    root=$(mktemp -d "${TMPDIR:-/tmp}/benchfs-base.XXXXXX")
    trap 'rm -rf "$root"' EXIT
    say "$image: unpacking Debian $suite from $mirror (some minutes)"
    if ! debootstrap --variant=minbase --include="$packages" "$suite" "$root/system" "$mirror" >"$root/log" 2>&1; then
        tail -n 15 "$root/log" >&2
        echo "debootstrap failed (above). BENCHFS_DEBIAN_MIRROR names another mirror." >&2
        exit 1
    fi
    # Host keys would be the same in every container ever made from this; the image above makes its own.
    rm -rf "$root"/system/etc/ssh/ssh_host_* "$root"/system/var/cache/apt/* "$root"/system/var/lib/apt/lists/* \
        "$root"/system/usr/share/{doc,man,locale,info}/* "$root"/system/var/log/*
    mkdir -p "$cache"
    tar -C "$root/system" --numeric-owner -cf "$tar_file.$$" .
    mv "$tar_file.$$" "$tar_file"
fi
say "$image: importing $tar_file"
docker import --change "LABEL $label=$made_from" --change 'CMD ["/bin/bash"]' "$tar_file" "$image" >/dev/null
say "$image: done"
