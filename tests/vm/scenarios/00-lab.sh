#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# the lab proves itself, in QEMU and in user-mode Linux: key types, eCryptfs, TPM, agent, early PCR change, wire log

for ENGINE in qemu uml; do
new_tpm
boot "plain-$ENGINE" <<'END'
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check "there is a raw TPM device and one behind the resource manager" test -c /dev/tpm0 -a -c /dev/tpmrm0
check "modprobe knows what is built in" modprobe ecryptfs

encrypted_key() {
    keyctl add user labmaster "$(head -c 32 /dev/urandom | base64)" @s
    keyctl add encrypted labkey "new user:labmaster 32" @s
}
check "the kernel makes an encrypted key" encrypted_key

trusted_key() {
    tpm2_createprimary -Q -C o -G ecc -c /tmp/srk.ctx -T device:/dev/tpmrm0
    tpm2_evictcontrol -Q -C o -c /tmp/srk.ctx 0x81000001 -T device:/dev/tpmrm0
    keyctl add trusted labtrusted "new 32 keyhandle=0x81000001" @s
}
check "the kernel makes a trusted key in the TPM" trusted_key

mount_ecryptfs() {
    mkdir -p /srv/lower /srv/upper
    printf 'passphrase_passwd=correct horse battery\n' >/tmp/passphrase
    mount -t ecryptfs -o "key=passphrase:passphrase_passwd_file=/tmp/passphrase,no_sig_cache,ecryptfs_cipher=aes,\
ecryptfs_key_bytes=32,ecryptfs_passthrough=n,ecryptfs_enable_filename_crypto=y,\
ecryptfs_fnek_sig=7f475b5d20a645dc" /srv/lower /srv/upper
    printf 'a secret\n' >/srv/upper/plain-name
}
check "mount.ecryptfs mounts a directory with a passphrase" mount_ecryptfs
check "its signature is the one that this passphrase has everywhere" grep -q ecryptfs_sig=7f475b5d20a645dc /proc/mounts
check_output "its file names are encrypted" '^ECRYPTFS_FNEK_ENCRYPTED' ls /srv/lower
check "it can be unmounted" umount /srv/upper
check_fails "a check that expects a failure sees one" test -e /srv/upper/plain-name

rm -f /srv/kept /srv/synced
touch /srv/kept
give pcr7 "$(pcr_value 7)"
give pcr23 "$(pcr_value 23)"
give processor "$(sed -n 's/^vendor_id.*: //p' /proc/cpuinfo)"
wire_mark
tpm2_getrandom -T device:/dev/tpm0 8 >/dev/null
wire_mark
END
expect_equal "the wire log shows what ran between two marks, and only that" "GetCapability GetRandom" \
    "$(wire_commands "$WORK/boots/plain-$ENGINE/wire.log" 1 | sort -u | paste -sd' ')"
check_output "the wire log can be compared with another" '^1 Shutdown$' wire_more "$WORK/boots/plain-$ENGINE/wire.log" /dev/null

boot "changed-$ENGINE" --append lab.extend=7 --answer 'first line' --answer '  zweite, äöü  ' <<'END'
check "the disk is the one of the boot before" test -e /srv/kept
check "the TPM is the one of the boot before" tpm2_readpublic -T device:/dev/tpmrm0 -c 0x81000001
check "PCR 7 was extended before systemd did anything" eval \
    'dmesg | grep -E "lab: PCR 7|systemd\[1\]: systemd" | head -n 1 | grep "lab: PCR 7 is extended"'
give pcr7 "$(pcr_value 7)"
give pcr23 "$(pcr_value 23)"
expect_equal "the agent answers a question" 'first line' "$(systemd-ask-password --no-tty 'Who is there?')"
expect_equal "the next answer is the next line, as it is" '  zweite, äöü  ' "$(systemd-ask-password --no-tty 'And now?')"
check_fails "when there is no line left the question stays open" \
    systemd-ask-password --no-tty --timeout=2 'Still there?'
expect_equal "the agent wrote down what it was asked" \
    "$(printf '%s\n' 'Who is there?' 'And now?' 'Still there?' '(no answer left)')" "$(cat /lab/results/asked)"
END
check "PCR 7 has another value than in the boot before" \
    test "$(given "plain-$ENGINE" pcr7)" != "$(given "changed-$ENGINE" pcr7)"
expect_equal "the PCRs that nobody extended are the same" "$(given "plain-$ENGINE" pcr23)" "$(given "changed-$ENGINE" pcr23)"

# How the power goes and what a disk then has is the host's doing, the same for both: SEALMOUNT_LAB_ALL=yes looks at both.
if [ "$ENGINE" = uml ] || [ -n "${SEALMOUNT_LAB_ALL:-}" ]; then
new_tpm
boot "new-tpm-$ENGINE" <<'END'
check_fails "a new TPM knows nothing of the old one" tpm2_readpublic -T device:/dev/tpmrm0 -c 0x81000001
touch /srv/synced
sync /srv/synced
power_cut
END
check_no_output "a power cut leaves no word to the TPM" '^Shutdown$' wire_commands "$WORK/boots/new-tpm-$ENGINE/wire.log"

boot "no-tpm-$ENGINE" --no-tpm <<'END'
check_fails "there is no TPM" test -e /dev/tpm0
check "what was synced before the power cut is on the disk" test -e /srv/synced
END
fi

boot "dying-$ENGINE" <<'END'
alive() { tpm2_getrandom -T device:/dev/tpm0 --hex 8 && tpm2_getrandom -T device:/dev/tpmrm0 --hex 8; }
check "the TPM of the boots before lives" alive
tpm_dies
for device in tpm0 tpmrm0; do
    check "/dev/$device is still there" test -c "/dev/$device"
    check_fails "but no command succeeds" tpm2_getrandom -T "device:/dev/$device" --hex 8
done
check_fails "for the kernel's trusted keys neither" keyctl add trusted labtrusted "new 32 keyhandle=0x81000001" @s
END

boot "dead-$ENGINE" --tpm-dies <<'END'
check_fails "a TPM can be dead before systemd starts" tpm2_getrandom -T device:/dev/tpmrm0 --hex 8
END
done

expect_equal "PCR 7 is the same in both" "$(given plain-qemu pcr7)" "$(given plain-uml pcr7)"
expect_equal "which were two machines" "User Mode Linux" "$(given plain-uml processor)"
check "the other one's processor is QEMU's" test "$(given plain-qemu processor)" != "User Mode Linux"

# These are QEMU's alone.
ENGINE=''
boot table-only --tpm-table-only <<'END'
check "the firmware reports a TPM" test -s /sys/firmware/acpi/tables/TPM2
check_fails "that is not there" eval '[ -e /dev/tpm0 ] || [ -e /dev/tpmrm0 ]'
END

new_tpm sha1,sha256,sha384,sha512
boot uefi --uefi <<'END'
check_output "UEFI firmware leaves an event log" "Spec ID Event03" grep -ao "Spec ID Event03" /sys/kernel/security/tpm0/binary_bios_measurements
check_fails "and has measured itself" expr "$(pcr_value 0)" : "0*$"
END
