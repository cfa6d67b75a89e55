#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# a policy that the TPM lets lapse by itself: a suspension over a change of firmware variables
need_product

new_esp
cp "$VM_DIR/tools/unseal-slot" "$SHARE/"

cat >"$SHARE/words.sh" <<'END'
by_slot() { check_output "slot $1 opened it, as a trusted key" "unlocked by the TPM \(slot $1, trusted key\)" unlock_journal vault; }
# unseal_slot ID: root's own unseal; the TPM answers TPM_RC_POLICY (0x126) when TPM2_PolicyCounterTimer does not hold.
unseal_slot() { bash /lab/unseal-slot /etc/sealmount/masters/default.json "$1"; }
refusal='PolicyCounterTimer.*0x126'
slots() { sealmount slots --json | jq -c '[.slots[].id]'; }
# change_firmware: one more boot option, which the firmware measures into PCR 1; it is tried last.
change_firmware() {
    local order=$EFIVARS/BootOrder-$GLOBAL_GUID
    printf '\7\0\0\0\1\0\0\0\4\0A\0\0\0\177\377\4\0' >/run/option && cat /run/option >"$EFIVARS/Boot00F0-$GLOBAL_GUID"
    { cat "$order" && printf '\360\0'; } >/run/order
    chattr -i "$order"
    cat /run/order >"$order"
}
END

boot enroll --firmware <<'END'
. /lab/words.sh
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 plain
check "it is enrolled for the firmware's configuration" enroll vault /srv/.vault /srv/vault 'correct horse battery' --pcrs 1+7
check "the policy is suspended for one boot" sealmount suspend
check_output "status says so, loudly" 'WARNING: slot 2: the policy is suspended' sealmount status
check_output "so does check" 'warning  master default: slot 2: the policy is suspended' sealmount check
check_output "and the journal" 'the policy of the master key default is suspended for the next boot' \
    journalctl -b --no-pager -o cat -p warning
check "a firmware variable changes" change_firmware
give pcr1 "$(pcr_value 1)"
cp -a /etc/sealmount /root/copy-of-the-disk
END

boot changed --firmware <<'END'
. /lab/words.sh
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
give pcr1 "$(pcr_value 1)"
check "the volume is mounted" readable /srv/vault
by_slot 2
check_output "the journal warns" 'slot 2 of the master key default opened it: the policy is suspended' unlock_journal vault
check "the service that ends suspensions has run" wait_until inactive sealmount-resume.service
check_output "the present state is sealed" 'the present state is sealed in slot 3' journalctl -b --no-pager -o cat -u sealmount-resume.service
expect_equal "and the suspension is gone" '[1,3]' "$(slots)"
END
check "PCR 1 was another one" test "$(given enroll pcr1)" != "$(given changed pcr1)"

boot resumed --firmware <<'END'
. /lab/words.sh
check "the volume is mounted" readable /srv/vault
by_slot 3
check "the copy of the disk is put back" eval 'rm -rf /etc/sealmount && cp -a /root/copy-of-the-disk /etc/sealmount'
check_output "in this boot it is of no use" 'it was made for boots that are over' sealmount slots
END

boot copy --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
check "the volume is open only because its passphrase was typed" readable /srv/vault
check_output "the journal says how" 'unlocked by passphrase' unlock_journal vault
check_output "the TPM refused the suspension, two boots later" \
    'slot 2: it was made for boots that are over \(TPM reset [0-9]+ was its last, this is number [0-9]+\)' unlock_journal vault
# Not only by our own comparison: the TPM itself, asked for the very object.
check_output "the TPM itself says so" "$refusal" unseal_slot 2
check "the volumes are bound to the present state" eval \
    'printf "correct horse battery" >/root/passphrase && sealmount rebind --passphrase-file /root/passphrase'
END
