#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# What every part of the lab uses: messages, the cache, and the check that the tools are there.

LAB_CACHE=${SEALMOUNT_LAB_CACHE:-/var/cache/sealmount-lab}
# LAB_SUITE is the guest's Debian: the host's own, so that programs built here run there.
# shellcheck source=/dev/null disable=SC2034
LAB_SUITE=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-unknown}")

say() { printf '%s\n' "$*"; }
progress() { printf '%s\n' "lab: $*" >&2; }
die() {
    printf '%s\n' "lab: $*" >&2
    exit 1
}

# need PACKAGE COMMAND...: one sentence and the line that fixes it when a command is missing.
need() {
    local package=$1 command
    shift
    for command in "$@"; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null 2>&1 ||
            die "the command '$command' is missing; install it with: apt-get install $package"
    done
}

need_file() {
    [ -e "$2" ] || die "the file $2 is missing; install it with: apt-get install $1"
}

need_root() {
    [ "$(id -u)" = 0 ] || die "this needs root (the root file system keeps its owners); run it with sudo"
}

hash_of_stdin() { sha256sum | cut -c1-16; }

package_version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null || printf 'none'; }

# cached KIND KEY MAKE: prints the cache entry KIND-KEY; when there is none, MAKE fills a new directory that takes its
# place in one rename, so that an interrupted build never leaves half an entry. A lock keeps two builders apart.
cached() {
    local kind=$1 key=$2 make=$3 entry lock work
    entry=$LAB_CACHE/$kind-$key
    mkdir -p "$LAB_CACHE" || die "cannot write to the cache $LAB_CACHE; name another with SEALMOUNT_LAB_CACHE"
    exec {lock}>"$LAB_CACHE/$kind.lock"
    flock "$lock"
    if [ ! -d "$entry" ]; then
        work=$(mktemp -d "$LAB_CACHE/.$kind.XXXXXX")
        chmod 755 "$work"
        if ! "$make" "$work" >&2; then
            rm -rf --one-file-system "$work"
            die "could not make the $kind; the lines above say why"
        fi
        mv -T "$work" "$entry"
        drop_other_entries "$kind" "$entry"
    fi
    exec {lock}>&-
    say "$entry"
}

# Old entries are big and nothing uses them again; the newest two stay, so that going back and forth between
# two branches costs nothing.
drop_other_entries() {
    local kind=$1 entry=$2 old
    find "$LAB_CACHE" -maxdepth 1 -type d \( -name "$kind-*" -o -name ".$kind.*" \) -printf '%T@ %p\n' |
        sort -rn | cut -d' ' -f2- | { grep -vxF "$entry" || true; } | tail -n +2 | while read -r old; do
        rm -rf --one-file-system "$old"
    done
}
