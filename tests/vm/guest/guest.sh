#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# What a guest script can use besides the checks.

# shellcheck disable=SC2034 # checks.sh writes there
CHECKS=/lab/results/checks
# shellcheck source=tests/vm/guest/checks.sh
. "${BASH_SOURCE%/*}/checks.sh"
# shellcheck source=tests/vm/guest/volumes.sh
. "${BASH_SOURCE%/*}/volumes.sh"
# shellcheck source=tests/vm/guest/boot.sh
. "${BASH_SOURCE%/*}/boot.sh"

check_reported() { printf '%s: %s\n' "$1" "$2"; }

# note WORDS...: a line among the checks, for whoever reads them.
note() { printf 'note\t%s\n' "$*" >>"$CHECKS"; }

# keep FILE...: copies of these go to the boot's folder on the host.
keep() { cp -r --no-preserve=ownership "$@" /lab/results/; }

# give NAME VALUE: the host reads it with `given BOOT NAME`.
give() { printf '%s\n' "$2" >"/lab/results/given-$1"; }

# wait_until COMMAND...: for the few states that nothing announces. It promises nothing about how soon they come: what has not come
# after five minutes, longer than a busy machine takes for any of them, never comes.
wait_until() {
    local end=$((SECONDS + 300))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.2
    done
}

# journalctl ARGUMENT...: with all that was said until now. What is said comes to journald through sockets, and it takes its time.
journalctl() {
    command journalctl --sync
    command journalctl "$@"
}

# pcr_value N: the value in the SHA-256 bank, in lower-case hex.
pcr_value() { tpm2_pcrread -T device:/dev/tpmrm0 "sha256:$1" | sed -n 's/.*: 0x//p' | tr A-F a-f; }

# tpm_send FD BYTES: sends the command of so many bytes that is on standard input to the TPM device that is open there, and
# takes the answer.
tpm_send() {
    dd bs="$2" count=1 iflag=fullblock status=none >&"$1"
    dd bs=4096 count=1 status=none <&"$1" >/dev/null
}

# wire_mark: leaves a mark in the TPM's wire log (TPM2_GetTestResult, which nothing else sends). It fails while another
# process holds /dev/tpm0.
wire_mark() {
    exec 7<>/dev/tpm0
    printf '\x80\x01\x00\x00\x00\x0a\x00\x00\x01\x7c' | tpm_send 7 10
    exec 7>&-
}

# power_cut: the machine is off the next moment, with no word to disk or TPM: the host ends it when it reads this line.
power_cut() {
    finish
    printf 'power cut\n' >/lab/results/exit
    printf 'cut\tthe power\n' >>"$CHECKS"
    sleep infinity
}

# ask_host KIND WORDS: has the host do something to this machine, and waits until it is done.
ask_host() {
    rm -f /lab/results/answered
    printf '%s\t%s\n' "$1" "$2" >>"$CHECKS"
    wait_until test -e /lab/results/answered || _fail "the host did what was asked: $1"
}

# tpm_dies: from now on every TPM command fails (TPM_RC_FAILURE or an I/O error), until the next boot.
tpm_dies() { ask_host tpm-dies 'the TPM'; }

# keys_collected: waits until the kernel has wiped the keys that nothing refers to any more. It does that in a work of its own, a
# moment after the last reference has gone, and takes a key out of /proc/keys before it wipes it (security/keys/gc.c): when the second
# of ours is gone, all that was dead before the first has been wiped.
keys_collected() {
    local key
    for key in 1 2; do
        key=$(keyctl add user lab-collected x @u)
        keyctl unlink "$key" @u
        wait_until eval "! grep -q '^$(printf %08x "$key") ' /proc/keys"
    done
}

# memory_dump NAME: the machine's memory, as it is now, but without what the kernel is about to wipe, is then in
# $WORK/memory-NAME.img on the host.
memory_dump() {
    keys_collected
    ask_host dump "$1"
}

# finish: what the host looks at when something went wrong.
finish() {
    journalctl -b --no-pager -o short-monotonic >/lab/results/journal.txt 2>&1 || true
    dmesg >/lab/results/dmesg.txt 2>&1 || true
}
