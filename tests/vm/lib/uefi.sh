#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# Machines that start as real ones do: UEFI firmware, its variables, an EFI system partition with systemd-boot, kernels with an
# initrd or as unified kernel images (UKI), and Secure Boot with keys of the lab's own.

# The build with Secure Boot, for all boots: what it measures must not depend on whether a machine has keys yet. It keeps its
# variables behind system management mode, which QEMU emulates as well.
FIRMWARE_CODE=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd
FIRMWARE_VARS=/usr/share/OVMF/OVMF_VARS_4M.fd
BOOT_LOADER=/usr/lib/systemd/boot/efi/systemd-bootx64.efi
UKI_STUB=/usr/lib/systemd/boot/efi/linuxx64.efi.stub
ESP_MIB=128
ESP_OFFSET=1M
# Whose a signature is, in the firmware's lists: any number will do.
KEY_OWNER=5ea1ab5e-a1ab-5ea1-ab5e-a1ab5ea1ab00

esp_needs() {
    need mtools mcopy mdir
    need dosfstools mkfs.vfat
    need fdisk sfdisk
    need cpio cpio
    need busybox-static busybox
    need binutils objcopy objdump
    need_file systemd-boot-efi "$BOOT_LOADER"
    need_file ovmf "$FIRMWARE_CODE"
}

# new_esp: the machine gets a second disk with an EFI system partition: systemd-boot, and the entry `lab` (type 1 of the Boot
# Loader Specification) for the lab's kernel with an initrd. The firmware forgets its variables. The guest mounts the partition
# on /boot/efi; the kernels are in its directory lab/. What an upgrade brings, the kernel's other build and its initrd, is in
# /lab/upgrade/{vmlinuz,initrd} of the guest (`install_upgrade`, in guest/boot.sh). All is signed when `new_keys` came first.
new_esp() {
    local stage=$WORK/esp
    esp_needs
    rm -rf "$stage" "$WORK/firmware.fd" "$WORK/esp.img" "$SHARE/upgrade"
    mkdir -p "$stage"/{EFI/BOOT,EFI/Linux,loader/entries,lab} "$SHARE/upgrade"
    cp "$FIRMWARE_VARS" "$WORK/firmware.fd"
    cp "$BOOT_LOADER" "$stage/EFI/BOOT/BOOTX64.EFI"
    cp "$KERNEL" "$stage/lab/vmlinuz-lab"
    cp "$KERNEL-next" "$SHARE/upgrade/vmlinuz"
    make_initrd "$stage/lab/initrd-lab" 'for the first build'
    make_initrd "$SHARE/upgrade/initrd" 'for the second build'
    sign_image "$stage/EFI/BOOT/BOOTX64.EFI" "$stage/lab/vmlinuz-lab" "$SHARE/upgrade/vmlinuz"
    printf 'title lab\nlinux /lab/vmlinuz-lab\ninitrd /lab/initrd-lab\noptions %s\n' "$(firmware_arguments)" \
        >"$stage/loader/entries/lab.conf"
    printf 'timeout 0\ndefault lab.conf\n' >"$stage/loader/loader.conf"
    cp "$stage/lab/initrd-lab" "$WORK/initrd-lab"
    esp_disk "$WORK/esp.img"
    mcopy -s -i "$WORK/esp.img@@$ESP_OFFSET" "$stage"/* ::
    rm -rf "$stage"
}

# new_ukis: the same two as unified kernel images: the old one is installed as EFI/Linux/lab.efi and is what starts, the new one
# is /lab/upgrade/next.efi in the guest. /lab/sections/{lab,next}/ hold what is in them, for systemd-measure.
new_ukis() {
    rm -rf "$SHARE/sections"
    mkdir -p "$SHARE/sections"
    make_uki "$WORK/lab.efi" "$KERNEL" "$WORK/initrd-lab" "$(firmware_arguments)" "$SHARE/sections/lab"
    make_uki "$SHARE/upgrade/next.efi" "$KERNEL-next" "$SHARE/upgrade/initrd" "$(firmware_arguments)" "$SHARE/sections/next"
    esp_put "$WORK/lab.efi" /EFI/Linux/lab.efi
    esp_default lab.efi
}

# firmware_arguments: the same in every boot, because they are measured.
firmware_arguments() { say "$KERNEL_ARGUMENTS ${UNATTENDED//$'\n'/ }"; }

# esp_disk IMAGE: always with the same numbers, because the firmware measures the partition table.
esp_disk() {
    truncate -s "$((ESP_MIB + 2))M" "$1"
    sfdisk --quiet "$1" <<END
label: gpt
label-id: 5EA1AB5E-A1AB-5EA1-AB5E-A1AB5EA1AB01
start=2048, size=${ESP_MIB}M, type=uefi, uuid=5EA1AB5E-A1AB-5EA1-AB5E-A1AB5EA1AB02, name=esp
END
    mkfs.vfat -F 32 -s 1 -i 5ea1ab5e -n LAB-ESP --offset 2048 "$1" "$((ESP_MIB * 1024))" >/dev/null 2>&1 ||
        die "mkfs.vfat could not make a file system in $1"
}

# esp_put FILE PATH, esp_get PATH FILE, esp_list: from and to the partition, while the machine is off.
esp_put() { mcopy -o -i "$WORK/esp.img@@$ESP_OFFSET" "$1" "::$2"; }
esp_get() { mcopy -o -n -i "$WORK/esp.img@@$ESP_OFFSET" "::$1" "$2"; }
esp_list() { mdir -/ -b -i "$WORK/esp.img@@$ESP_OFFSET" ::; }

# esp_default ENTRY: what starts from the next boot on: lab.conf, or the name of a UKI. The guest has it too.
esp_default() {
    printf 'timeout 0\ndefault %s\n' "$1" >"$WORK/loader.conf"
    esp_put "$WORK/loader.conf" /loader/loader.conf
}

# make_initrd OUT WORDS: all that it does is to hand over to the root disk; other words make another one.
make_initrd() {
    local stage
    stage=$(mktemp -d "$WORK/initrd.XXXXXX")
    mkdir "$stage/modules"
    : >"$stage/modules/preload"
    say "$2" >"$stage/words"
    stock_initramfs "$stage" >"$1"
    rm -rf "$stage"
}

# make_uki OUT KERNEL INITRD ARGUMENTS SECTIONS: one image with all of them in it, as systemd-stub(7) requires it; signed when
# there are keys. The directory SECTIONS gets a file for each.
make_uki() {
    local out=$1 sections=$5 stub=$UKI_STUB name at step options=()
    mkdir -p "$sections"
    printf 'ID=lab\nVERSION_ID=1\nPRETTY_NAME="The lab"\n' >"$sections/osrel"
    printf '%s' "$4" >"$sections/cmdline"
    cp "$2" "$sections/linux"
    cp "$3" "$sections/initrd"
    sign_image "$sections/linux"
    step=$((16#$(objdump -p "$stub" | awk '$1 == "SectionAlignment" { print $2 }')))
    at=$(uki_stub_end "$stub")
    # The kernel comes last: it may be unpacked where it lies.
    for name in osrel cmdline initrd linux; do
        at=$(((at + step - 1) / step * step))
        options+=(--add-section ".$name=$sections/$name" --change-section-vma ".$name=$at")
        at=$((at + $(stat -c %s "$sections/$name")))
    done
    objcopy "${options[@]}" "$stub" "$out"
    sign_image "$out"
}

# uki_stub_end STUB: the first address behind its sections.
uki_stub_end() {
    objdump -h "$1" | while read -r number _ size address _; do
        [[ $number != [0-9]* ]] || say $((16#$size + 16#$address))
    done | sort -n | tail -n 1
}

# new_keys: Secure Boot keys for this machine: $WORK/keys/{PK,KEK,db}.{key,crt}, and for the guest what enrolls them
# (`secure_boot_enroll` in guest/boot.sh). What `new_esp` and `make_uki` make from then on is signed.
new_keys() {
    local keys=$WORK/keys name signer
    need openssl openssl
    need efitools cert-to-efi-sig-list sign-efi-sig-list
    need sbsigntool sbsign
    rm -rf "$keys" "$SHARE/keys"
    mkdir -p "$keys" "$SHARE/keys"
    for name in PK KEK db; do
        # Each is signed by the one above it, the first by itself.
        signer=PK
        [ "$name" != db ] || signer=KEK
        openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=the lab's $name" -keyout "$keys/$name.key" \
            -out "$keys/$name.crt" 2>/dev/null
        cert-to-efi-sig-list -g "$KEY_OWNER" "$keys/$name.crt" "$keys/$name.esl"
        sign-efi-sig-list -g "$KEY_OWNER" -t '2020-01-01 00:00:00' -k "$keys/$signer.key" -c "$keys/$signer.crt" "$name" \
            "$keys/$name.esl" "$keys/$name.auth" >/dev/null
        cp "$keys/$name".{auth,esl,crt} "$SHARE/keys/"
    done
}

# sign_image FILE...: with the machine's key, if it has one.
sign_image() {
    local file
    [ -e "$WORK/keys/db.key" ] || return 0
    for file in "$@"; do
        sbsign --key "$WORK/keys/db.key" --cert "$WORK/keys/db.crt" --output "$file" "$file" 2>/dev/null
    done
}

# firmware_drives: what qemu_command adds for a machine with an ESP. The slot is behind that of the root disk, which is to stay
# /dev/vda.
firmware_drives() {
    [ -e "$WORK/esp.img" ] || die "boot --firmware requires an EFI system partition; call new_esp first"
    MACHINE+=(-global "driver=cfi.pflash01,property=secure,value=on"
        -drive "if=pflash,unit=0,format=raw,readonly=on,file=$FIRMWARE_CODE"
        -drive "if=pflash,unit=1,format=raw,file=$WORK/firmware.fd"
        -drive "if=none,id=esp,format=raw,cache=unsafe,file=$WORK/esp.img"
        -device "virtio-blk-pci,drive=esp,bootindex=0,addr=0x10")
}
