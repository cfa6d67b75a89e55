#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# what PCR 7 alone gives, and what PCR 4+7+9 hold: another initrd, another signed kernel, a live stick; and an edited root
need_product

new_keys
new_esp
esp_default lab.conf
disk_copy stick # a system of somebody else's, with programs of his own
cp "$VM_DIR/tools/unseal-slot" "$SHARE/"
make_initrd "$WORK/initrd-edited" 'edited by whoever has the disk'

cat >"$SHARE/words.sh" <<'END'
# only_vendor PCR: what is sealed to PCR 7 alone opens, by design; the other does not, and its journal names the PCR.
only_vendor() {
    expect_equal "Secure Boot is on, and accepted it" '1 0' "$(efivar_byte SecureBoot) $(efivar_byte SetupMode)"
    check "PCR 7 alone gives the key to any system of the same vendor: by design" readable /srv/vendor
    check_fails "PCR 4+7+9 do not" mounted /srv/bound
    check_output "because of PCR $1" "PCR $1 .*expected [0-9a-f]{64}, found [0-9a-f]{64}" unlock_journal bound
    check_no_output "and not of PCR 7" 'PCR 7 .*expected' unlock_journal bound
}
END

boot keys --firmware <<'END'
check "Secure Boot's keys are enrolled" secure_boot_enroll
END

boot enroll --firmware <<'END'
expect_equal "Secure Boot is on" '1 0' "$(efivar_byte SecureBoot) $(efivar_byte SetupMode)"
check "ecryptfs-utils make a volume" make_volume /srv/.vendor /srv/vendor 'correct horse battery' 32 plain
check "and another" make_volume /srv/.bound /srv/bound 'another passphrase' 16 plain
check "one is enrolled with PCR 7 alone, the default" enroll vendor /srv/.vendor /srv/vendor 'correct horse battery' --headless
check "the other with PCR 4+7+9" enroll bound /srv/.bound /srv/bound 'another passphrase' --headless --master bound --pcrs 4+7+9
check "another kernel of the same vendor's is on the disk" install_upgrade
mkdir /lab/stolen
cp -a /etc/sealmount /srv/.vendor /srv/.bound /lab/stolen/
END

boot approved --firmware <<'END'
check "in the approved state both are open" eval 'readable /srv/vendor && readable /srv/bound'
END

esp_get /lab/initrd-lab "$WORK/initrd-true"
esp_put "$WORK/initrd-edited" /lab/initrd-lab
boot edited-initrd --firmware <<'END'
. /lab/words.sh
only_vendor 9
END
esp_put "$WORK/initrd-true" /lab/initrd-lab

esp_default next.conf
boot other-kernel --firmware <<'END'
. /lab/words.sh
check_output "another kernel runs, whose signature is good" -lab-next$ uname -r
only_vendor 4
END

# The disk stays at home: its copy is read from a stick, which boots a kernel of the same vendor.
disk_copy victim
disk_restore stick
boot stick --firmware <<'END'
check_output "a live system runs" -lab-next$ uname -r
check_fails "which knows nothing of volumes" test -e /etc/sealmount/manifest.json
cp -a /lab/stolen/sealmount /etc/
expect_equal "PCR 7 alone: the TPM gives the stick the master key, by design" 32 \
    "$(bash /lab/unseal-slot /etc/sealmount/masters/default.json 1 | wc -c)"
check_fails "PCR 4+7+9: it does not" bash /lab/unseal-slot /etc/sealmount/masters/bound.json 1
cp -a /lab/stolen/.vendor /lab/stolen/.bound /srv/
mkdir -p /srv/vendor /srv/bound
for volume in vendor bound; do
    check "the thief says that $volume's files are where they belong" sealmount ground "$volume" --renew --yes
done
systemctl daemon-reload
check "the volume under PCR 7 alone can be read from the stick: by design" eval 'systemctl start srv-vendor.mount && readable /srv/vendor'
check_fails "the one under PCR 4+7+9 cannot" systemctl start srv-bound.mount
check_fails "it is not mounted" mounted /srv/bound
END
disk_restore victim

# Whoever has the disk writes a unit into a root file system that is not encrypted. Nothing that is measured changes.
esp_default lab.conf
boot edit --firmware <<'END'
cat >/etc/systemd/system/planted.service <<'UNIT'
[Unit]
After=srv-bound.mount
[Service]
Type=oneshot
ExecStart=/bin/cp /srv/bound/secret /var/loot
[Install]
WantedBy=multi-user.target
UNIT
check "a unit is planted" systemctl enable planted.service
END

boot edited-root --firmware <<'END'
check "PCR 4+7+9 know nothing of it" readable /srv/bound
check_output "the planted unit has read the volume: by design" 'a secret in /srv/bound' cat /var/loot
END
