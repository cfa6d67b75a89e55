#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# every state that a TPM can be in ends in the right outcome, sentence and exit code, within its bound
need_product
g++ -O1 -static -o "$SHARE/extend" "$VM_DIR/tools/extend.cpp"

boot enroll <<'END'
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 plain
check "it is enrolled, headless" enroll vault /srv/.vault /srv/vault 'correct horse battery' --headless
END

cat >"$SHARE/states.sh" <<'END'
unit=sealmount-load@vault.service
: >/lab/results/table

demand() { # demand trusted|auto
    jq --arg form "$1" '.volumes[0].form = $form' /etc/sealmount/manifest.json >/root/manifest
    cat /root/manifest >/etc/sealmount/manifest.json
}

# outcomes: how each unlock since boot ended, "opened FORM" or "refused REASON", from its one outcome message.
outcomes() {
    journalctl -b -o json --no-pager MESSAGE_ID=fb38ccd3b3fc4e8ebc8a371a4c997e68 + MESSAGE_ID=1cf48701f5124ccbaf568aa03ff8c278 |
        jq -r 'if .WAY == null then "refused " + .REASON else "opened " + (.FORM // .WAY) end'
}

# state NAME OUTCOME STATUS SENTENCE LONGEST_MS: starts the volume, and holds what comes of it against the row.
state() {
    local name=$1 outcome=$2 status=$3 sentence=$4 longest=$5 lines before found took
    systemctl stop srv-vault.mount
    wait_until eval '[[ "$(systemctl show -P ActiveState sealmount-keys@vault.service)" == @(inactive|failed) ]]'
    systemctl reset-failed "$unit" srv-vault.mount 2>/dev/null || true
    lines=$(unlock_journal vault | wc -l) before=$(outcomes | wc -l)
    systemctl start srv-vault.mount || true
    took=$((($(systemctl show -P ExecMainExitTimestampMonotonic "$unit") - $(systemctl show -P ExecMainStartTimestampMonotonic "$unit")) / 1000))
    found=$(outcomes | tail -n +$((before + 1)))
    printf '%-34s %-26s %3s %6s ms  (bound %s ms)\n' "$name" "$found" "$(systemctl show -P ExecMainStatus "$unit")" "$took" "$longest" >>/lab/results/table
    expect_equal "$name: the outcome" "$outcome" "$found"
    expect_equal "$name: the exit status" "$status" "$(systemctl show -P ExecMainStatus "$unit")"
    said() { unlock_journal vault | tail -n +$((lines + 1)); }
    check_output "$name: the journal says why" "$sentence" said
    check "$name: within its bound" test "$took" -le "$longest"
    case $outcome in
        opened*) check "$name: it is mounted" readable /srv/vault ;;
        *) check_fails "$name: it is not mounted" mounted /srv/vault ;;
    esac
}

# start_holding SECONDS: another program has the raw device for so long.
start_holding() {
    coproc HOLD { exec bash -c 'exec 7<>/dev/tpm0; echo ready; exec sleep "$1"' hold "$1"; }
    read -r _ <&"${HOLD[0]}"
}

# leave_sessions NUMBER: starts policy sessions on the raw device and forgets them.
leave_sessions() {
    local n
    exec 8<>/dev/tpm0
    for ((n = 0; n < $1; n++)); do
        printf '\x80\x01\x00\x00\x00\x2b\x00\x00\x01\x76\x40\x00\x00\x07\x40\x00\x00\x07\x00\x100123456789abcdef\x00\x00\x01\x00\x10\x00\x0b' |
            tpm_send 8 43
    done
    exec 8>&-
}
leave_objects() {
    local n
    for ((n = 0; n < $1; n++)); do
        tpm2_createprimary -Q -T device:/dev/tpm0 -C o -G ecc -c "/tmp/left$n.ctx"
    done
}
END

# On two processors, so that others use the TPM at the same moment.
PROCESSORS=2 boot states <<'END'
. /lab/states.sh
state "in order" "opened trusted" 0 'unlocked by the TPM' 15000

start_holding 5
state "raw device held for 5 s" "opened trusted" 0 'unlocked by the TPM' 20000
start_holding 10000
state "raw device held for ever" "opened user" 0 'no trusted key: another program holds the TPM' 30000
demand trusted
state "held for ever, trusted demanded" "refused tpm-busy" 75 'held by sleep \(pid [0-9]+\)' 30000
check_output "check says who holds it, too" 'bad .*held by sleep' sealmount check
kill "$HOLD_PID"; wait "$HOLD_PID" || true
demand auto

# Others extend a PCR 800 times without a pause, beginning just before the unlock does.
cp /lab/extend /tmp
mkdir -p /run/systemd/system/sealmount-load@vault.service.d
printf '[Service]\nExecStartPre=+/usr/bin/systemd-run --service-type=exec --remain-after-exit --unit=others /tmp/extend 10 800\n' \
    >/run/systemd/system/sealmount-load@vault.service.d/others.conf
systemctl daemon-reload
before=$(pcr_value 10)
state "800 PCR extensions by others" "opened trusted" 0 'unlocked by the TPM' 60000
check "they were made" wait_until eval '[ "$(systemctl show -P SubState others.service)" = exited ]'
check "PCR 10 is another" test "$(pcr_value 10)" != "$before"
when() { echo $(($(systemctl show -P "$2" "$1") / 1000)); }
others_ended=$(when others.service ExecMainExitTimestampMonotonic)
unlock_ended=$(when "$unit" ExecMainExitTimestampMonotonic)
interrupted=$(dmesg | grep -c 'A TPM error (296)' || true)
note "the last came $((others_ended - unlock_ended)) ms after the end of the unlock; $interrupted unseals were interrupted"
check "they came while the TPM was asked" test "$interrupted" -gt 0 -o "$others_ended" -gt "$unlock_ended"
rm /run/systemd/system/sealmount-load@vault.service.d/others.conf
systemctl daemon-reload

# One wrong password, of the one that is allowed.
lock_out() {
    export TPM2TOOLS_TCTI=device:/dev/tpmrm0
    tpm2_dictionarylockout -s -n 1 -t 600 -l 600
    tpm2_createprimary -Q -C o -c /tmp/p.ctx
    printf guess | tpm2_create -Q -C /tmp/p.ctx -p secret -i- -u /tmp/u -r /tmp/r
    tpm2_load -Q -C /tmp/p.ctx -u /tmp/u -r /tmp/r -c /tmp/o.ctx
    if tpm2_unseal -c /tmp/o.ctx -p wrong; then return 1; fi
    tpm2_getcap properties-variable | grep -q 'inLockout: *1'
}
check "somebody's wrong password locks the TPM" lock_out
state "dictionary-attack lockout" "opened trusted" 0 'unlocked by the TPM' 20000
check_output "check names the lockout" 'warning .*lockout' sealmount check
expect_equal "and that it opens all the same" true "$(sealmount check --json | jq .opens)"
check "the fix ends it" tpm2_dictionarylockout -T device:/dev/tpmrm0 --clear-lockout
check_no_output "check finds none any more" 'warning .*lockout' sealmount check

leave_objects 3
check_output "the object slots are full" 0x80000002 tpm_handles transient
check_output "check counts what others left" 'warning .*others left 3 objects' sealmount check
state "out of object slots" "opened trusted" 0 'unlocked by the TPM' 20000
check_no_output "what others left is gone" . tpm_handles transient
leave_sessions 3
state "out of session slots" "opened trusted" 0 'unlocked by the TPM' 20000
check_no_output "what others left is gone" . tpm_handles loaded-session

another_srk() {
    tpm2_clear -Q -T device:/dev/tpmrm0 -c platform || tpm2_clear -Q -T device:/dev/tpmrm0
}
check "the TPM is cleared" another_srk
state "cleared" "refused srk-missing" 69 'new, or it was cleared or swapped' 20000
check_output "check says so" 'bad .*cleared or swapped' sealmount check
plain_srk() {
    tpm2_createprimary -Q -C o -G ecc -c /tmp/srk.ctx -T device:/dev/tpmrm0
    tpm2_evictcontrol -Q -C o -c /tmp/srk.ctx 0x81000001 -T device:/dev/tpmrm0
}
check "another tool makes a storage root key of its own kind" plain_srk
state "replaced" "refused srk-changed" 77 'another storage root key than before' 20000

tpm_dies
state "failing" "refused tpm-failed" 69 'the TPM does not work' 30000
check_output "check says so" 'bad ' sealmount check
cat /lab/results/table
END
step "what became of each state:"
details <"$WORK/boots/states/table"

boot absent --no-tpm <<'END'
. /lab/states.sh
state "absent" "refused no-tpm" 69 'this machine has no TPM 2.0' 10000
END
details <"$WORK/boots/absent/table"

boot announced --tpm-table-only <<'END'
. /lab/states.sh
check_output "at boot the device was waited for" 'no device appeared in 30 seconds' unlock_journal vault
took() { echo $((($(systemctl show -P ExecMainExitTimestampMonotonic "$1") - $(systemctl show -P ExecMainStartTimestampMonotonic "$1")) / 1000)); }
check "the unlock of all waited" test "$(took sealmount-unlock@default.service)" -ge 29000
check "its own did not wait again" test "$(took sealmount-load@vault.service)" -le 10000
state "announced, but never there" "refused no-tpm" 69 'no device appeared in 30 seconds' 10000
END
details <"$WORK/boots/announced/table"
