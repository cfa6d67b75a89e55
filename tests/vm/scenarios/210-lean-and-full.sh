#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# the small unlock and the one that does everything leave the same: keys, notes, journal fields, TPM commands; in both forms
need_product

cat >"$SHARE/compare.sh" <<'END'
lib=/usr/lib/sealmount
volumes=(vault plain manual apart)
mapfile -t signatures < <(jq -r '.volumes[] | .signature, .filename_signature // empty' /etc/sealmount/manifest.json | sort -u)

# untouched: as at the beginning of a boot.
untouched() {
    local volume
    for volume in "${volumes[@]}"; do
        $lib/sealmount-unlock-full unload "$volume"
    done
    rm -rf /run/sealmount/loaded /run/sealmount/stopped /run/sealmount/booting
    [ -z "$(hidden_keys)" ]
}

# run PROGRAM WORD...: in a service of its own, as the units start it, under the name that it has there.
run() {
    local program=$1
    shift
    systemd-run --quiet --wait -p Type=oneshot -p KeyringMode=private -p NotifyAccess=main \
        bash -c 'exec -a '$lib'/sealmount-unlock "$0" "$@"' "$lib/$program" "$@"
}

# left: keys and notes.
left() {
    local signature
    for signature in "${signatures[@]}"; do
        ! keyctl search @u encrypted "$signature" >/dev/null 2>&1 || printf 'key %s\n' "$signature"
    done
    printf '%s keys that may only be searched for\n' "$(hidden_keys | wc -l)"
    (cd /run/sealmount && find . -type l -printf 'note %p: %l\n' | sort)
}

# said CURSOR_FILE: what the journal has since then, but for what journald itself adds.
said() {
    journalctl -q -b -o json --cursor-file="$1" |
        jq -cS 'select(.MASTER != null) | with_entries(select(.key | startswith("_") | not))'
}

# outcome PROGRAM STEP...: what it leaves of each step, beginning with an untouched system. STEP: "load vault", "unload vault",
# "load-all default"; "!COMMAND" is done between two of them.
outcome() {
    local program=$1 step status
    shift
    untouched
    rm -f /run/cursor
    journalctl -q -b -n 0 --cursor-file=/run/cursor
    for step in "$@"; do
        status=0
        if [[ $step == !* ]]; then
            eval "${step#!}"
            continue
        fi
        # shellcheck disable=SC2086 # "load vault" is two words
        run "$program" $step || status=$?
        printf '%s: %s\n' "$step" "$status"
        left
        said /run/cursor
    done
}

# same WORDS STEP...: both programs do it.
same() {
    local words=$1
    shift
    outcome sealmount-unlock-full "$@" >/run/full.txt 2>&1
    outcome sealmount-unlock "$@" >/run/small.txt 2>&1
    check "$words" diff -u /run/full.txt /run/small.txt
    check_output "and something was loaded" '^key ' cat /run/small.txt
    check_output "and the journal has a line of it" '"SLOT"' cat /run/small.txt
}

# alone PROGRAM WORD...: it did the work itself, and became no other program than this.
alone() {
    local program=$1
    shift
    strace -f -qq -e trace=execve -o /run/trace $lib/sealmount-unlock "$@"
    [ "$(grep -o '^[0-9]* *execve("[^"]*"' /run/trace | sed 's/.*"\(.*\)"/\1/' | tail -n 1)" = "$lib/$program" ]
}

untouched_alone() {
    untouched
    alone "$@"
}

compare() {
    for volume in vault plain; do
        check "$volume was mounted at boot" readable /srv/$volume
        systemctl stop "srv-$volume.mount"
    done
    check "everything is unloaded" untouched
    check "the manifest has what enrollments record of the ground" jq -e 'all(.volumes[]; .ground)' /etc/sealmount/manifest.json
    check "$1 alone opens a volume" alone "$1" load vault
    check "and sealmount-unlock alone takes its keys away" alone sealmount-unlock unload vault
    check "everything is unloaded again" untouched
    check "$1 alone opens all volumes of a master key" alone "$1" load-all default
    same "one volume, and what comes along" 'load vault'
    same "stops" 'load vault' 'load plain' 'unload vault' 'unload plain' 'load manual'
    same "all of a master key" 'load-all default' 'load-all default' 'load vault' 'unload plain'
    same "all, whatever was stopped" 'load vault' 'unload vault' 'unload plain' 'load-all default'
    mv /srv/.plain /srv/.away
    same "one whose lower directory is not there" 'load vault' 'load plain' 'load-all default' 'unload vault'
    mv /srv/.away /srv/.plain
    same "one that is loaded, and must not be mounted any more" \
        'load-all default' '!mv /srv/.plain /srv/.away' 'load-all default' 'load plain' '!mv /srv/.away /srv/.plain'
    in_one_place
    behind_an_automount "$1"
}

compare_more() {
    same "the other one" 'load plain'
    same "one that is not automatic" 'load manual'
    same "another master key" 'load apart'
    same "what was loaded along is there" 'load vault' 'load plain' 'load vault'
    same "a stopped one stays stopped" 'load plain' 'unload plain' 'load vault' 'unload vault'
    same "all, of which one is there" 'load manual' 'load-all default'
    mv /srv/.plain /srv/.away
    same "all but one whose lower directory is not there" 'load-all default' 'load plain'
    mv /srv/.away /srv/.plain
}

# Of two volumes in one place, the first of the manifest is mounted.
in_one_place() {
    cp /etc/sealmount/manifest.json /run/manifest
    jq '(.volumes[] | select(.name == "vault")) as $first | (.volumes[] | select(.name == "plain")) |= . + {lower: $first.lower, ground: $first.ground}' \
        /run/manifest >/etc/sealmount/manifest.json
    same "of two volumes in one place" 'load-all default' 'load plain' 'load vault'
    check_output "the first one was loaded" '^note ./loaded/vault' cat /run/small.txt
    check_no_output "and only that" '^note ./loaded/plain' cat /run/small.txt
    cp /run/manifest /etc/sealmount/manifest.json
}

# Nobody but its own unlock may touch it.
behind_an_automount() {
    mv /srv/.plain /srv/.behind
    mkdir /srv/.plain
    printf '[Mount]\nWhat=/srv/.behind\nWhere=/srv/.plain\nType=none\nOptions=bind\n' >/run/systemd/system/srv-.plain.mount
    printf '[Automount]\nWhere=/srv/.plain\n' >/run/systemd/system/srv-.plain.automount
    systemctl daemon-reload
    systemctl start srv-.plain.automount
    same "one behind an automount" 'load-all default' 'load vault' 'unload vault' 'load vault'
    check_no_output "is left to its own unlock" '^note ./loaded/plain' cat /run/small.txt
    check "and was not touched" inactive srv-.plain.mount
    check "$1 alone opens the others" untouched_alone "$1" load-all default
    systemctl stop srv-.plain.automount
    rm /run/systemd/system/srv-.plain.*
    systemctl daemon-reload
    rmdir /srv/.plain
    mv /srv/.behind /srv/.plain
}
END

boot enroll <<'END'
make_four() {
    make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
    make_volume /srv/.plain /srv/plain 'another passphrase' 16 plain
    make_volume /srv/.manual /srv/manual 'a third one' 16 plain
    make_volume /srv/.apart /srv/apart 'a fourth one' 16 plain
}
check "ecryptfs-utils make four volumes" make_four
check "the first is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery'
check "the second" enroll plain /srv/.plain /srv/plain 'another passphrase'
check "a third, not automatic" enroll manual /srv/.manual /srv/manual 'a third one' --noauto
check "a fourth under another master key" enroll apart /srv/.apart /srv/apart 'a fourth one' --noauto --master other
END

boot trusted <<'END'
. /lab/compare.sh
compare sealmount-unlock
compare_more
check_no_output "no handle is left in the TPM" . eval 'tpm_handles transient; tpm_handles loaded-session'

untouched
wire_mark
$lib/sealmount-unlock-full load vault
untouched
wire_mark
$lib/sealmount-unlock load vault
wire_mark

refused() {
    tpm2_pcrextend -T device:/dev/tpmrm0 "7:sha256=$(printf '5a%.0s' {1..32})"
    untouched
    status=0
    "$lib/$1" load manual </dev/null || status=$?
    echo "status $status"
    left
}
sed -i 's/"name": "manual",/"name": "manual", "headless": true,/' /etc/sealmount/manifest.json
expect_equal "what the TPM refuses ends alike" "$(refused sealmount-unlock-full 2>/dev/null)" "$(refused sealmount-unlock 2>/dev/null)"
check_output "and it was refused" '^status 77$' refused sealmount-unlock
END
log=$WORK/boots/trusted/wire.log
expect_equal "TPM commands are the same, and in the same order" "$(wire_commands "$log" 1)" "$(wire_commands "$log" 2)"
check "at most 7" test "$(wire_count "$log" 2)" -le 7

# Which volumes belong to a job is decided in the same way in both forms. SEALMOUNT_LAB_ALL=yes: all of it in the user form, too.
[ -z "${SEALMOUNT_LAB_ALL:-}" ] || : >"$SHARE/all"
boot user --kernel stock <<'END'
. /lab/compare.sh
compare sealmount-unlock-user
[ ! -e /lab/all ] || compare_more
untouched
# What it sends itself: the kernel's resource manager adds commands of its own on the wire.
strace -f -y -qq -e trace=write,writev -o /run/sent $lib/sealmount-unlock-user load vault
check "the program for the user form serves by itself, too" eval 'left | grep "^key "'
sent=$(grep -c '</dev/tpmrm0>' /run/sent)
note "TPM commands of the user form: $sent"
check "it sends TPM commands" test "$sent" -ge 5
check "at most 7" test "$sent" -le 7
END
