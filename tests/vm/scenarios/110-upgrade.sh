#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# a kernel upgrade with prediction: new and old boot unattended, and after prune the old one is refused by name
need_product

new_esp
new_ukis
esp_default lab.conf

cat >"$SHARE/words.sh" <<'END'
unattended() {
    check "the volume is mounted" readable /srv/vault
    check_output "by the TPM" 'keys loaded \(by the TPM, trusted key\)' sealmount status vault
    check "nobody was asked" eval '[ ! -s /lab/results/asked ]'
}
# refused PCR EVENT: why the last boot's slot did not fit. What was found is what the firmware's log has: systemd measures its
# phases of the boot into PCR 11 only after the unlock of the master key, which says so.
refused() {
    local found
    found=$(replayed_table "$1")
    check_output "the journal names PCR $1" "PCR $1 .*expected [0-9a-f]{64}, found ${found#* }" unlock_journal vault
    check_output "and the event: $2" "${2//./\\.}" unlock_journal vault
    check "the passphrase opened it" readable /srv/vault
    expect_equal "no try was counted against the lockout" 0 "$(lockout_counter)"
}
slots() { sealmount slots --json | jq '.slots | length'; }
END

boot enroll --firmware <<'END'
. /lab/words.sh
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 plain
check "it is enrolled for this boot chain" enroll vault /srv/.vault /srv/vault 'correct horse battery' --pcrs 4+7+9
check "an upgrade is installed" install_upgrade
check "a slot for the boot to come is predicted" sealmount reseal --pcrs 4+7+9 --replace "$ESP/lab/vmlinuz-lab=$ESP/lab/vmlinuz-next" \
    --replace "$ESP/lab/initrd-lab=$ESP/lab/initrd-next" --command-line "initrd=\\lab\\initrd-next $(cat /lab/arguments)"
expect_equal "next to the one for the present" 2 "$(slots)"
END

boot old --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
check_output "the old kernel runs" -lab$ uname -r
unattended
check "the upgrade starts from the next boot on" esp_default next.conf
END

boot new --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
check_output "the new kernel runs" -lab-next$ uname -r
unattended
check "prune drops the slot of the old one" sealmount prune
expect_equal "one is left" 1 "$(slots)"
esp_default lab.conf
END

boot refused --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
check_output "the old kernel runs" -lab$ uname -r
refused 4 vmlinuz-lab
esp_default lab.efi
END

# The same with a unified kernel image. Volumes are unlocked before systemd measures a phase of the boot: PCR 11 is then still
# what the firmware's log says.
boot uki --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
refused 4 lab.efi
check "the passphrase binds the master key to this boot" sealmount rebind --passphrase-file /root/passphrase
old=$(sealmount slots --json | jq -r '.slots[] | "--slot \(.id)"')
pcr11=$(replayed_table 11)
check "it is sealed to the image's sections" sealmount reseal --pcrs "4+11:sha256=${pcr11#* }"
check "an upgrade is installed" eval 'cp /lab/upgrade/next.efi "$ESP/EFI/Linux/next.efi" && sync -f "$ESP"'
check "a slot for the boot to come is predicted" sealmount reseal --pcrs 4+11 --replace "$ESP/EFI/Linux/lab.efi=$ESP/EFI/Linux/next.efi"
# What is left does not open before the next boot, that is why prune has to be forced.
# shellcheck disable=SC2086 # words
check "all else goes" sealmount prune default --force $old
END

boot uki-old --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
unattended
before_phases() {
    local unlocked phase
    unlocked=$(systemctl show -P ExecMainExitTimestampMonotonic sealmount-unlock@default.service)
    phase=$(systemctl show -P ExecMainStartTimestampMonotonic systemd-pcrphase-sysinit.service)
    [ "$unlocked" -gt 0 ] && [ "$phase" -gt "$unlocked" ]
}
check "before systemd extended PCR 11 with a phase of the boot" before_phases
esp_default next.efi
END

boot uki-new --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
check_output "the new kernel runs" -lab-next$ uname -r
unattended
old=$(sealmount slots --json | jq '[.slots[].id] | min')
check "the slot of the old image is dropped" sealmount prune default --force --slot "$old"
check_no_output "it is gone" "^$old\$" eval 'sealmount slots --json | jq ".slots[].id"'
esp_default lab.efi
END

boot uki-refused --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
refused 4 lab.efi
refused 11 .linux
END
