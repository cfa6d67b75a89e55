#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# Debian 13: programs that were built on Debian 12 run; a policy that the real systemd-pcrlock keeps: unattended, and after its next make-policy with a new kernel as well
need_product

# For signatures, because systemd-pcrlock pads what it hashes to eight bytes, as signing does; of the boot loader without one,
# which is longer than that, the firmware measures another digest.
new_keys
new_esp
new_disk trixie

cat >"$SHARE/words.sh" <<'END'
pcrlock=/usr/lib/systemd/systemd-pcrlock
kernels=/var/lib/pcrlock.d/650-kernel.pcrlock
unattended() {
    check "the volume is mounted" readable /srv/vault
    check_output "by the TPM" 'keys loaded \(by the TPM, trusted key\)' sealmount status vault
    check "nobody was asked" eval '[ ! -s /lab/results/asked ]'
}
# make_policy: for the PCRs of firmware, boot loader and kernel.
make_policy() { "$pcrlock" make-policy --pcr=0,2,4,7; }
END

boot enroll --firmware <<'END'
. /lab/words.sh
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check_output "it is systemd 257" '^systemd 257' systemctl --version
for program in /usr/sbin/sealmount /usr/lib/sealmount/sealmount-unlock{,-user,-full} /usr/lib/systemd/system-generators/sealmount-generator; do
    check_no_output "$program has all its libraries" 'not found' ldd "$program"
done
check "it runs" sealmount --version
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 plain
check "systemd-pcrlock takes down what was measured: all that this machine's firmware and boot loader measure" \
    pcrlock_components "$ESP/EFI/BOOT/BOOTX64.EFI" "$ESP/lab/vmlinuz-lab" "$ESP/lab/initrd-lab"
policy=/var/lib/systemd/pcrlock.json
check "it makes a policy of the PCRs that do not change from boot to boot" "$pcrlock" make-policy --pcr=0,1,2,3,4,5,7
expect_equal "for these PCRs" 0,1,2,3,4,5,7 "$(jq -r '[.pcrValues[].pcr] | join(",")' "$policy")"
check_output "with the present value of PCR 7 in it" "^$(pcr_value 7)\$" jq -r '.pcrValues[] | select(.pcr == 7) | .values[]' "$policy"
keep "$policy"
keep_vector vector
check "and makes a policy" make_policy
expect_equal "for these PCRs" 0,2,4,7 "$(jq -r '[.pcrValues[].pcr] | join(",")' /var/lib/systemd/pcrlock.json)"
check "the volume is enrolled under it" enroll vault /srv/.vault /srv/vault 'correct horse battery' --policy pcrlock
END

boot next --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
unattended
check "it stops" systemctl stop srv-vault.mount
check "its keys go" wait_until inactive sealmount-keys@vault.service
wire_mark
check "it starts" systemctl start srv-vault.mount
wire_mark
unattended
check "it stops again" systemctl stop srv-vault.mount
check "its keys go" wait_until inactive sealmount-keys@vault.service
wire_mark
exec 8<>/dev/tpm0
check "it starts while another process holds the raw device" systemctl start srv-vault.mount
exec 8>&-
wire_mark
check_output "in the user form then" 'unlocked by the TPM \(slot [0-9]+, user key\)' unlock_journal vault
sha256sum /etc/sealmount/masters/* /etc/sealmount/keys/* >/root/sums
check "an upgrade is installed" install_upgrade
esp_default next.conf
# Both kernels, as alternatives.
mkdir "$kernels.d" && mv "$kernels" "$kernels.d/lab.pcrlock"
check "systemd-pcrlock takes down the new kernel" "$pcrlock" lock-pe /lab/upgrade/vmlinuz --pcrlock="$kernels.d/next.pcrlock"
check "and makes a policy again" make_policy
END

step "TPM commands for one unlock, pcrlock with four PCRs: trusted $(wire_count "$WORK/boots/next/wire.log" 1), user \
$(wire_commands "$WORK/boots/next/wire.log" 3 | grep -cvE '^Context(Load|Save)$')"
wire_commands "$WORK/boots/next/wire.log" 1 | paste -sd ' ' | details

boot upgraded --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
check_output "the new kernel runs" -lab-next$ uname -r
unattended
check "sealmount's files are as they were" sha256sum --check --quiet /root/sums
rm "$kernels.d/lab.pcrlock"
check "systemd-pcrlock makes a policy without the old kernel" make_policy
esp_default lab.conf
END

boot refused --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
check_output "the old kernel runs" -lab$ uname -r
check "somebody is asked" test -s /lab/results/asked
check_output "and the journal names the PCR" 'PCR 4' unlock_journal vault
check "the passphrase opened it" readable /srv/vault
END
