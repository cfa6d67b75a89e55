#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# the passphrase and the master key are nowhere: not in memory, argv, environment, journal, system calls or on the disk
need_product
# shellcheck disable=SC2034 # boot.sh reads it
ENGINE=qemu # which can dump a machine's memory

for program in feed find_bytes; do
    check "$program is compiled" g++ -std=c++20 -O2 -static -o "$WORK/$program" "$VM_DIR/tools/$program.cpp"
done
cp "$WORK/feed" "$VM_DIR/tools/unseal-master" "$SHARE/"

# The lab itself must leave no copy in the guest: the passphrase goes in masked, and is unmasked byte by byte into a pipe.
head -c 30 /dev/urandom | base64 -w 0 | tr '+/' 'xy' >"$WORK/passphrase"
"$WORK/feed" "$WORK/passphrase" >"$SHARE/masked"
hex() { od -An -v -tx1 -- "$1" | tr -d ' \n'; }
needle() { printf '%s %s\n' "$1" "$(hex "$2")" >>"$WORK/needles"; }
needle passphrase "$WORK/passphrase"

# found WHAT FILE: the places in FILE that hold a piece of the needles whose names begin with WHAT.
found() {
    "$WORK/find_bytes" "$2" <"$WORK/needles" >"$WORK/found" || return 1
    sed -n "/^$1/p" "$WORK/found"
}
holds() { [ -n "$(found "$@")" ]; }
# holds_none WHAT FILE: says where, if it does.
holds_none() {
    found "$@" || return 1
    ! grep -q "^$1" "$WORK/found"
}
# report WHAT FILE: what is to be expected there.
report() {
    step "${2##*/} holds, of $1: $(found "$1" "$2" | wc -l) copies"
    found "$1" "$2" | details
}

boot make --memory 512 <<'END'
passphrase=$(/lab/feed /lab/masked)
for volume in vault other; do
    check "ecryptfs-utils make a volume" make_volume "/srv/.$volume" "/srv/$volume" "$passphrase" 32 own-key
done
printf '%s' "$passphrase" | ecryptfs-add-passphrase --fnek - >/dev/null
number=0
for key in $(keyctl rlist @u); do
    number=$((number + 1))
    # struct ecryptfs_auth_tok: the FEKEK is at 0x288.
    keyctl pipe "$key" | tail -c +649 | head -c 64 >"/lab/results/fekek-$number"
done
keyctl clear @u
memory_dump with-shell
END
for number in 1 2; do
    needle "fekek-$number" "$WORK/boots/make/fekek-$number"
done
check "the search finds the passphrase where it is: in a shell" holds passphrase "$WORK/memory-with-shell.img"
rm "$WORK"/memory-*

boot enroll --memory 512 --append init_on_free=1 <<'END'
enroll_slowly() {
    /lab/feed /lab/masked /run/fed /run/go |
        sealmount enroll vault --lower /srv/.vault --mountpoint /srv/vault --passphrase-file -
}
enroll_slowly >/lab/results/enroll.log 2>&1 &
check "the passphrase was read from standard input" wait_until test -e /run/fed
process=$(pidof -s sealmount)
keep "/proc/$process/cmdline" "/proc/$process/environ"
memory_dump enrolling
touch /run/go
status=0
wait "$!" || status=$?
expect_equal "the volume is enrolled" 0 "$status"
memory_dump enrolled
END
check "the search finds it while it is being used" holds passphrase "$WORK/memory-enrolling.img"
report passphrase "$WORK/memory-enrolling.img"
for file in cmdline environ; do
    check "the enrollment's $file was seen" test -s "$WORK/boots/enroll/$file"
    check "it has no passphrase" holds_none passphrase "$WORK/boots/enroll/$file"
done
rm "$WORK"/memory-enrolling.*

boot unattended --memory 512 --append init_on_free=1 <<'END'
check "the volume is there" readable /srv/vault
memory_dump booted
bash /lab/unseal-master /etc/sealmount/masters/default.json 7 >/run/master
cp /run/master /lab/results/
memory_dump with-master

trace() {
    { /lab/feed /lab/masked && : >/run/all; } |
        (wait_until test -e /run/all && exec strace -f -v -xx -s 9999 -o /lab/results/trace \
            sealmount enroll other --lower /srv/.other --mountpoint /srv/other --passphrase-file -)
}
check "another volume is enrolled, each system call on record" trace
END
needle master "$WORK/boots/unattended/master"
expect_equal "the master key is 32 bytes" 32 "$(stat -c %s "$WORK/boots/unattended/master")"
check "the search finds the master key where it is: in a file" holds master "$WORK/memory-with-master.img"
rm "$WORK"/memory-with-master.*

# What has to be there is reported, with its owner:
# - FEKEKs: the kernel's encrypted keys have them (followed by the signature), eCryptfs copies them into the AES contexts of
#   its mount (the first 16 or 32 bytes, followed by the other round keys) and for a moment into a list of tokens;
# - the master key in the TPM's command buffer (.tpm, at 0x10): the answer to the kernel's TPM2_Unseal, in clear because 6.1 has no
#   encrypted sessions. It stays until a longer command or answer overwrites it. That buffer is the device's and not RAM.
for dump in enrolled booted; do
    for what in passphrase master; do
        check "memory, $dump: no copy of the $what" holds_none "$what" "$WORK/memory-$dump.img"
    done
    report fekek "$WORK/memory-$dump.img"
    report master "$WORK/memory-$dump.tpm"
done
check "while a volume is mounted, the kernel's memory holds its key: by design" holds fekek "$WORK/memory-booted.img"

# Strings are on record as \x61\x62...
trace=$WORK/trace
sed 's/\\x//g' "$WORK/boots/unattended/trace" >"$trace"
the_read="^[0-9]+ +read\(0, \"$(hex "$WORK/passphrase")\""
expect_equal "the passphrase went through one system call: the read of standard input" 1 "$(grep -cE "$the_read" "$trace")"
grep -vE "$the_read" "$trace" >"$trace.rest"
check "and through no other, in no form and not in pieces" holds_none passphrase "$trace.rest"
check_output "argv and environment are on record, too" \
    "execve\(\"[^\"]*\", \[\"$(printf sealmount | hex -)\", .*\"$(printf 'PATH=' | hex -)" cat "$trace"
for what in master fekek; do
    check "no system call had the $what" holds_none "$what" "$trace"
done

cat "$WORK"/boots/*/{journal.txt,dmesg.txt,console.log,script.log} "$WORK"/boots/enroll/enroll.log >"$WORK/said"
for what in passphrase master fekek; do
    check "journal, console and output: no $what" holds_none "$what" "$WORK/said"
    check "the whole disk: no $what" holds_none "$what" "$WORK/disk.img"
done
