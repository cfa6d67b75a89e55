#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# when the TPM refuses: the reason in the journal, the passphrase at an agent, and a boot that goes on
need_product
# shellcheck disable=SC2034 # boot.sh reads it
ENGINE=qemu # firmware that measures, and the kernel's own TPM driver

boot enroll <<'END'
make_three() {
    make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
    make_volume /srv/.silent /srv/silent 'never typed' 16 plain
    make_volume /srv/.other /srv/other 'another passphrase' 16 plain
}
check "ecryptfs-utils make three volumes" make_three
check "one is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery'
check "a headless one is enrolled under the same master key" enroll silent /srv/.silent /srv/silent 'never typed' --headless
check "another is enrolled under a master key of its own that is bound to PCR 11" \
    enroll other /srv/.other /srv/other 'another passphrase' --master other --pcrs 11 --headless
give pcr7 "$(pcr_value 7)"
END
given enroll pcr7 >"$SHARE/pcr7"

cat >"$SHARE/refused.sh" <<'END'
# What is the same in each boot that changed PCR 7.
expect_equal "the boot came to its end, and systemd shows that something failed" degraded "$(cat /lab/results/state)"
check "multi-user.target was reached" systemctl -q is-active multi-user.target
check_output "the journal names the PCR with the value expected and the value found" \
    "PCR 7 .*expected $(cat /lab/pcr7), found $(pcr_value 7)" unlock_journal vault
check_no_output "and no other PCR" 'PCR ([0-689]|[12][0-9]) .*expected' unlock_journal vault
expect_equal "no try was counted against the lockout" 0 "$(lockout_counter)"
check "the volume under the other master key is mounted, by the TPM" readable /srv/other
check_fails "the headless volume is not mounted" mounted /srv/silent
check_output "its unlock failed, with the status for refused" '^77$' systemctl show -P ExecMainStatus sealmount-load@silent.service
check_no_output "it never asked" silent cat /lab/results/asked
took() {
    local unit=sealmount-load@silent.service
    echo $(($(systemctl show -P ExecMainExitTimestampMonotonic "$unit") - $(systemctl show -P ExecMainStartTimestampMonotonic "$unit")))
}
give silent-usec "$(took)"
# Generous, because the machine may be slow: what counts is that it did not wait 90 seconds for somebody.
check "and failed at once" test "$(took)" -lt 45000000
END

boot right --append lab.extend=7 --answer 'correct horse' --answer 'correct horse battery' <<'END'
. /lab/refused.sh
question='Passphrase of the eCryptfs volume vault (/srv/vault):'
expect_equal "the question says for which volume" "$(printf '%s\n%s' "$question" "$question")" "$(cat /lab/results/asked)"
check_output "the first answer was wrong" 'wrong passphrase, tries left: 2' unlock_journal vault
check "the second was right: the volume is mounted" readable /srv/vault
check_output "the journal says how" 'unlocked by passphrase' unlock_journal vault
check_no_output "no master key stays, nor a key that can be read" . master_keys
check_fails "the key cannot be read" keyctl print "$(keyctl search @u encrypted 7f475b5d20a645dc)"
check_output "status names the PCR as well" 'PCR 7 .*expected' sealmount status
check "the volume can be stopped" systemctl stop srv-vault.mount
check "and its keys go" wait_until inactive sealmount-keys@vault.service
check_fails "they are gone" has_key 7f475b5d20a645dc
END

boot wrong --append lab.extend=7 --answer one --answer two --answer '' <<'END'
. /lab/refused.sh
expect_equal "it asked three times" 3 "$(wc -l </lab/results/asked)"
check_output "the last answer was wrong, too" 'wrong passphrase, tries left: 0' unlock_journal vault
check_fails "the volume is not mounted" mounted /srv/vault
check_output "its unlock failed, with the status for refused" '^77$' systemctl show -P ExecMainStatus sealmount-load@vault.service
check_fails "its keys are not there" has_key 7f475b5d20a645dc
others_failed() { systemctl list-units --failed --no-legend --plain | grep -vE '^sealmount-load@(vault|silent)\.service ' || true; }
check_no_output "nothing else failed" . others_failed
END

new_tpm
boot new-tpm --answer 'correct horse battery' <<'END'
check "the passphrase opens the volume" readable /srv/vault
check_output "the journal says that the TPM is another one" 'the TPM has no storage root key.* cleared or swapped' unlock_journal vault
check_output "for the headless volume as well" 'cleared or swapped' unlock_journal silent
check_fails "which is not mounted" mounted /srv/silent
check_fails "nor is the one under the other master key" mounted /srv/other
expect_equal "multi-user.target was reached" active "$(systemctl show -P ActiveState multi-user.target)"
expect_equal "no try was counted against the lockout" 0 "$(lockout_counter)"

another_srk() {
    tpm2_createprimary -Q -C o -G ecc -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt' \
        -c /tmp/srk.ctx -T device:/dev/tpmrm0
    tpm2_evictcontrol -Q -C o -c /tmp/srk.ctx 0x81000001 -T device:/dev/tpmrm0
}
check "the new TPM gets a storage root key of its own" another_srk
check_fails "which does not open the volume" systemctl start srv-silent.mount
check_output "and the journal says so" 'the TPM has another storage root key than before: it was cleared or swapped' unlock_journal silent
END

boot no-tpm --no-tpm --answer 'correct horse battery' <<'END'
expect_equal "the boot came to its end" degraded "$(cat /lab/results/state)"
check "without a TPM the passphrase opens the volume" readable /srv/vault
check_output "the journal says why it asked" 'no TPM' unlock_journal vault
expect_equal "it asked once" 1 "$(wc -l </lab/results/asked)"
check_fails "the headless volume is not mounted" mounted /srv/silent
END
step "the headless volume failed after $(($(given right silent-usec) / 1000)) ms"
