# shellcheck shell=bash disable=SC2034,SC2094
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors

# start_swtpm FIFO OPTION...: a software TPM, as a child of this shell; sets swtpm_pid. On return its sockets accept connections.
# Fails when it ended before. The file of a socket says nothing: it is there from bind() on, and nobody listens yet. swtpm writes its
# process id after both have been done for each of its sockets: here into a pipe, whose end is that of swtpm.
start_swtpm() {
    local fifo=$1 both ready held status=0
    shift
    rm -f "$fifo"
    mkfifo "$fifo"
    # Both ends are open before it starts, and it inherits the one for writing: so nobody waits for somebody who never comes.
    exec {both}<>"$fifo" {ready}<"$fifo" {held}>"$fifo" {both}>&-
    swtpm socket --tpm2 "$@" --pid "file=$fifo" {ready}<&- &
    swtpm_pid=$!
    exec {held}>&-
    read -r -N 1 -u "$ready" _ || status=1
    exec {ready}<&-
    return "$status"
}
