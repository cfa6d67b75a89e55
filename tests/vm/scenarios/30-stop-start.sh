#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# stop and start: keys leave with the last volume that uses them and come back, and nothing stays in the TPM
need_product

boot enroll <<'END'
make_three() {
    make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
    make_volume /srv/.twin /srv/twin 'correct horse battery' 32 plain
    make_volume /srv/.third /srv/third 'another passphrase' 16 plain
}
check "ecryptfs-utils make three volumes, two with the same passphrase" make_three
check "the first is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery'
check "the one that shares its passphrase is enrolled" enroll twin /srv/.twin /srv/twin 'correct horse battery'
check "the third is enrolled" enroll third /srv/.third /srv/third 'another passphrase'
jq -r '.volumes[] | select(.name == "third") | .signature' /etc/sealmount/manifest.json >/root/third-signature

check_fails "enrollment itself leaves no key behind" eval 'hidden_keys | grep .'
check_no_output "and no master key" . master_keys
check "volumes can be mounted at once, without a reboot" eval 'systemctl daemon-reload && systemctl start srv-vault.mount'
check "the volume is readable" readable /srv/vault
END

boot use --shutdown <<'END'
shared=7f475b5d20a645dc names=c61563a65ef80ad1 third=$(cat /root/third-signature)
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
for volume in vault twin third; do
    check "$volume is mounted and readable" readable "/srv/$volume"
done
expect_equal "three keys of ours are in the keyrings" 3 "$(hidden_keys | wc -l)"
check "which are those" eval "has_key $shared && has_key $names && has_key $third"
check_no_output "the master key is in none" . master_keys
check "a reload of systemd changes nothing" systemctl daemon-reload
for volume in vault twin third; do
    check "$volume is still mounted" readable "/srv/$volume"
done

check "systemctl stops the first" systemctl stop srv-vault.mount
check_fails "it is unmounted" mounted /srv/vault
check "with its keys unit" wait_until inactive sealmount-keys@vault.service
check_fails "its filename key is gone" has_key "$names"
check "the key that it shares is there while the other volume uses it" has_key "$shared"
check "the others can be read" eval 'readable /srv/twin && readable /srv/third'

check "the other one is stopped" systemctl stop srv-twin.mount
check "with its keys unit" wait_until inactive sealmount-keys@twin.service
check_fails "the shared key went with the last that used it" has_key "$shared"
expect_equal "one key is left" 1 "$(hidden_keys | wc -l)"

check "a mount that is taken away by hand" umount /srv/third
check "stops its keys unit as well" wait_until inactive sealmount-keys@third.service
check_no_output "no key of ours is in any keyring" . hidden_keys
check_no_output "nor a visible one that could be ours" "$shared|$names|$third|encrypted|trusted" cat /proc/keys
check "systemd may be reloaded in between" systemctl daemon-reload

check "the third starts again" systemctl start srv-third.mount
check "it is readable" readable /srv/third
expect_equal "only its own key came back: what was stopped stays so" 1 "$(hidden_keys | wc -l)"
check "the first starts again" systemctl start srv-vault.mount
check "it is readable" readable /srv/vault
check "with its two keys" eval "has_key $shared && has_key $names"
check_output "the TPM gave them" 'unlocked by the TPM' eval "unlock_journal vault | grep -E 'unlocked by|loaded already' | tail -n 1"
check "a restart is a stop and a start" systemctl restart srv-vault.mount
check "it is readable afterwards" readable /srv/vault
expect_equal "its keys unit is active" active "$(systemctl show -P ActiveState sealmount-keys@vault.service)"

check_no_output "no master key is in any keyring" . master_keys
for kind in loaded-session saved-session transient; do
    check_no_output "the TPM holds no handle of the kind $kind" . tpm_handles "$kind"
done
check_output "the storage root key is there: handles would be shown" 0x81000001 tpm_handles persistent
expect_equal "nothing failed" running "$(systemctl is-system-running)"
END
