#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# Machines that Debian's shim and GRUB start, on the partition of uefi.sh.

# debian_grub KIND: prints a cache entry with shimx64.efi, grubx64.efi and modules/ of that Debian (`stock` is 12, `new` is 13).
debian_grub() {
    local lock
    GRUB_KIND=$1
    stock_needs
    exec {lock}>"$LAB_CACHE/apt-$1.lock"
    flock "$lock"
    stock_index "$1"
    exec {lock}>&-
    cached "grub-$1" "$({ stock_apt "$1" apt-cache show --no-all-versions shim-signed grub-efi-amd64-signed grub-efi-amd64-bin |
        grep '^Version'; declare -f make_debian_grub; } | hash_of_stdin)" make_debian_grub
}

make_debian_grub() {
    local out=$1 deb
    mkdir -p "$out/deb" "$out/tree"
    (cd "$out/deb" && stock_apt "$GRUB_KIND" apt-get download shim-signed grub-efi-amd64-signed grub-efi-amd64-bin) || return 1
    for deb in "$out"/deb/*.deb; do
        dpkg-deb -x "$deb" "$out/tree" || return 1
    done
    mv "$out/tree/usr/lib/shim/shimx64.efi.signed" "$out/shimx64.efi" &&
        mv "$out/tree/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" "$out/grubx64.efi" &&
        mv "$out/tree/usr/lib/grub/x86_64-efi" "$out/modules" && rm -r "$out/deb" "$out/tree"
}

# grub_esp KIND: the partition of new_esp, started by Debian's shim and GRUB. All of /boot is on it. The scenario has a function
# `grub_config` that prints grub.cfg.
grub_esp() {
    local entry stage=$WORK/grub-stage
    entry=$(debian_grub "$1")
    rm -rf "$stage"
    mkdir -p "$stage/EFI/BOOT" "$stage/EFI/debian" "$stage/boot/grub/x86_64-efi"
    cp "$entry/shimx64.efi" "$stage/EFI/BOOT/BOOTX64.EFI"
    cp "$entry/grubx64.efi" "$stage/EFI/BOOT/grubx64.efi"
    cp "$entry"/modules/*.lst "$entry"/modules/{password,date,datetime}.mod "$stage/boot/grub/x86_64-efi/"
    [ ! -e "$entry/modules/bli.mod" ] || cp "$entry/modules/bli.mod" "$stage/boot/grub/x86_64-efi/"
    sign_image "$stage/EFI/BOOT/BOOTX64.EFI" "$stage/EFI/BOOT/grubx64.efi"
    # shellcheck disable=SC2016 # GRUB expands it
    printf 'search.fs_uuid 5EA1-AB5E root \nset prefix=($root)'"'/boot/grub'"'\nconfigfile $prefix/grub.cfg\n' \
        >"$stage/EFI/debian/grub.cfg"
    { printf '# GRUB Environment Block\n' && printf '#%.0s' {1..999}; } >"$stage/boot/grub/grubenv"
    grub_config >"$stage/boot/grub/grub.cfg"
    mcopy -o -s -i "$WORK/esp.img@@$ESP_OFFSET" "$stage"/* ::
}
