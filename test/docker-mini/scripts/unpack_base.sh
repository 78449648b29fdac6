#!/bin/bash
# Unpacks Debian with debootstrap and writes the system as a tar archive to standard output. make_base.sh runs it in mount
# and process namespaces of its own, so what it mounts and starts is gone with it, however it ends.
# Usage: unpack_base.sh SUITE MIRROR PACKAGE,PACKAGE...
set -euo pipefail

suite=$1
mirror=$2
packages=$3
enough_kb=4000000

# In memory where there is enough: dpkg waits for the disk some thousand times.
place=/mnt
if [[ $(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo) -lt $enough_kb ]] ||
    ! mount -t tmpfs -o mode=755,size=2g none "$place" 2>/dev/null; then
    place=$(mktemp -d "${TMPDIR:-/tmp}/benchfs-base.XXXXXX")
    trap 'umount --recursive --lazy "$place/system/proc" "$place/system/sys" 2>/dev/null; rm -rf --one-file-system "$place"' EXIT
fi
if ! DPKG_FORCE=unsafe-io debootstrap --variant=minbase --include="$packages" "$suite" "$place/system" "$mirror" >&2; then
    tail -n 5 "$place/system/debootstrap/debootstrap.log" >&2 || true
    exit 1
fi
# Host keys would be the same in every container ever made from this; the image above makes its own.
system=$place/system
rm -rf "$system"/etc/ssh/ssh_host_* "$system"/var/cache/apt/* "$system"/var/lib/apt/lists/* \
    "$system"/usr/share/{doc,man,locale,info}/* "$system"/var/log/*
tar -C "$system" --one-file-system --numeric-owner -cf - .
