#!/bin/bash
# Makes the base image out of Debian packages, without a registry of images. Nothing is done when the image was made
# from the same; the unpacked system is kept as a file, so that a removed image is back in seconds.
# Usage: make_base.sh IMAGE
# BENCHFS_DEBIAN_MIRROR names another mirror, BENCHFS_DOCKER_CACHE another folder for the file (default: ~/.cache/benchfs).
# Exit code 75: this machine or its network cannot make one now, for a reason that has nothing to do with benchfs.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
source_dir=$(cd "$here/../../.." && pwd)
. "$source_dir/tools/common.sh"
. "$source_dir/tools/packages.sh"

image=$1
suite=bookworm
label=org.benchfs.made-from
cache=${BENCHFS_DOCKER_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/benchfs}
made_from=$(cat "$here/make_base.sh" "$here/unpack_base.sh" "$here/../packages.txt" | sha256sum | cut -c1-16)
tar_file=$cache/docker-base-$made_from.tar

cannot() {
    printf '%s: cannot be made here: %s\n' "$image" "$*" >&2
    exit 75
}

import() {
    docker import --change "LABEL $label=$made_from" --change 'CMD ["/bin/bash"]' - "$image" >/dev/null
}

if [[ $(docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$image" 2>/dev/null) == "$made_from" ]]; then
    say "$image: is there, made from the same"
    exit 0
fi
if [[ -f $tar_file ]]; then
    say "$image: importing $tar_file"
    import <"$tar_file"
    say "$image: done"
    exit 0
fi

if [[ $EUID -ne 0 ]]; then
    cannot "debootstrap needs root; run \"sudo make build-base\" once, later runs need only the image"
fi
ensure_packages docker || cannot "debootstrap is not installed and could not be"
# The mirror that this machine uses, and its proxy, are the ones most likely to answer.
eval "$(apt-config shell proxy Acquire::http::Proxy 2>/dev/null || true)"
if [[ -n ${proxy:-} ]]; then export http_proxy=$proxy; fi
mirror=${BENCHFS_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' "Codename: $suite" 'Component: main' \
    'Created-By: Packages' 2>/dev/null | head -n 1)}
mirror=${mirror:-http://deb.debian.org/debian}
mirror=${mirror%/}
if [[ $mirror == http* ]] && ! wget -q --timeout 20 --tries 2 -O /dev/null "$mirror/dists/$suite/InRelease"; then
    cannot "$mirror does not answer (BENCHFS_DEBIAN_MIRROR names another mirror)"
fi

log=$(mktemp)
trap 'rm -f "$log" "$tar_file.$$"' EXIT
mkdir -p "$cache"
say "$image: unpacking Debian $suite from $mirror (a minute or two)"
status=0
timeout --kill-after 10 1200 unshare --mount --pid --fork --kill-child --mount-proc \
    "$here/unpack_base.sh" "$suite" "$mirror" "$(paste -sd, "$here/../packages.txt")" 2>"$log" >"$tar_file.$$" || status=$?
if [[ $status -ne 0 ]]; then
    tail -n 15 "$log" >&2
    cannot "debootstrap ended with $status (above); BENCHFS_DEBIAN_MIRROR names another mirror"
fi
mv "$tar_file.$$" "$tar_file"
say "$image: importing $(du -h "$tar_file" | cut -f1)"
import <"$tar_file"
say "$image: done"
