#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# What a guest that the firmware started does with its EFI system partition, its event log and its firmware's variables.

ESP=/boot/efi
EVENT_LOG=/sys/kernel/security/tpm0/binary_bios_measurements
EFIVARS=/sys/firmware/efi/efivars
IMAGE_SECURITY_GUID=d719b2cb-3d3a-4596-a3bc-dad00e67656f
GLOBAL_GUID=8be4df61-93ca-11d2-aa0d-00e098032b8c

# esp_entry NAME KERNEL INITRD [ARGUMENTS]: a boot entry, as a kernel package writes it; without ARGUMENTS those of this boot.
esp_entry() {
    printf 'title %s\nlinux %s\ninitrd %s\noptions %s\n' "$1" "${2#"$ESP"}" "${3#"$ESP"}" "${4:-$(cat /lab/arguments)}" \
        >"$ESP/loader/entries/$1.conf"
    sync -f "$ESP"
}

# install_upgrade [ARGUMENTS]: the kernel's other build and its initrd, as lab/{vmlinuz,initrd}-next, and their entry `next`.
# They do not start before `esp_default next.conf`.
install_upgrade() {
    cp /lab/upgrade/vmlinuz "$ESP/lab/vmlinuz-next"
    cp /lab/upgrade/initrd "$ESP/lab/initrd-next"
    esp_entry next "$ESP/lab/vmlinuz-next" "$ESP/lab/initrd-next" "$@"
}

# esp_default ENTRY: what starts from the next boot on: lab.conf, or the name of a UKI.
esp_default() {
    printf 'timeout 0\ndefault %s\n' "$1" >"$ESP/loader/loader.conf"
    sync -f "$ESP"
}

# events: the event log as tpm2-tools read it.
events() { tpm2_eventlog "$EVENT_LOG"; }

# pcr_table PCR...: "PCR VALUE" in the SHA-256 bank, in lower-case hex.
pcr_table() {
    local IFS=,
    tpm2_pcrread -T device:/dev/tpmrm0 "sha256:$*" | sed -nE 's/^ *([0-9]+) *: 0x/\1 /p' | tr A-F a-f
}

# replayed_table PCR...: the same, as the firmware's event log has it; zeros where it has nothing.
replayed_table() {
    local pcr value replayed
    replayed=$(events 2>/dev/null | sed -n '/^pcrs:/,$p' | sed -n '/^  sha256:/,/^  [a-z]/p')
    for pcr in "$@"; do
        value=$(sed -n "s/^ *$pcr *: 0x//p" <<<"$replayed" | tr A-F a-f)
        printf '%s %s\n' "$pcr" "${value:-$(printf '0%.0s' {1..64})}"
    done
}

# keep_vector NAME: event log, PCRs and command line of this boot, for whoever reads such logs.
keep_vector() {
    mkdir -p "/lab/results/$1"
    cat "$EVENT_LOG" >"/lab/results/$1/eventlog.bin"
    tpm2_pcrread -T device:/dev/tpmrm0 >"/lab/results/$1/pcrs.txt"
    cat /proc/cmdline >"/lab/results/$1/cmdline"
}

# efivar_write NAME GUID FILE: with the attributes of a variable that is written with a signature and a time (UEFI, section
# 8.2): non-volatile, for boot and run time, time-based authenticated write access.
efivar_write() {
    local variable=$EFIVARS/$1-$2
    [ ! -e "$variable" ] || chattr -i "$variable"
    { printf '\x27\0\0\0' && cat "$3"; } >/run/efivar
    cat /run/efivar >"$variable"
}

# efivar_byte NAME: the first byte of a global variable, as a number: SecureBoot, SetupMode.
efivar_byte() { od -An -tu1 -j4 -N1 "$EFIVARS/$1-$GLOBAL_GUID" | tr -d ' '; }

# secure_boot_enroll: the keys of the host's new_keys; the last one ends setup mode, and from the next boot on the firmware
# starts only what they signed.
secure_boot_enroll() {
    efivar_write db "$IMAGE_SECURITY_GUID" /lab/keys/db.auth
    efivar_write KEK "$GLOBAL_GUID" /lab/keys/KEK.auth
    efivar_write PK "$GLOBAL_GUID" /lab/keys/PK.auth
}

# pcrlock_components LOADER KERNEL INITRD: has Debian 13's systemd-pcrlock take down all that was measured in a boot with them,
# but for PCR 12, which it cannot.
pcrlock_components() {
    local pcrlock=/usr/lib/systemd/systemd-pcrlock own=/var/lib/pcrlock.d
    "$pcrlock" lock-firmware-code && "$pcrlock" lock-firmware-config && "$pcrlock" lock-secureboot-policy &&
        "$pcrlock" lock-secureboot-authority && "$pcrlock" lock-gpt /dev/vdb &&
        "$pcrlock" lock-pe "$1" --pcrlock="$own/630-boot-loader.pcrlock" &&
        "$pcrlock" lock-pe "$2" --pcrlock="$own/650-kernel.pcrlock" &&
        "$pcrlock" lock-kernel-cmdline && "$pcrlock" lock-kernel-initrd "$3"
}
