#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# Debian's own kernels, next to the one that the lab builds: from Debian's packages, with the few modules that a guest here
# uses, and a small initramfs that finds the disk.

STOCK_KINDS=(stock new newer)

# debian_mirror LABEL: where this machine has its own packages from: "Debian" or "Debian-Security". Nothing when from nowhere.
debian_mirror() {
    # shellcheck disable=SC2016 # apt expands it
    apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Identifier: Packages' | awk -v label="$1" '$2 == label && !found++ { print $1 }'
}

# stock_suites KIND: the lines of sources.list that have its linux-image-amd64. Not the guest's own suite: each is there
# for what it is.
stock_suites() {
    local mirror security
    mirror=${SEALMOUNT_LAB_MIRROR:-$(debian_mirror Debian)}
    security=$(debian_mirror Debian-Security)
    [ -n "$mirror" ] || die "apt knows no mirror of Debian; add one to its sources, and run: apt-get update"
    case $1 in
        # 6.1, as Debian 12 has it, with its security updates
        stock) printf '%s\n' "$mirror bookworm main" ${security:+"$security bookworm-security main"} ;;
        # 6.12, as Debian 13 has it
        new) printf '%s\n' "$mirror trixie main" ${security:+"$security trixie-security main"} ;;
        # 6.13 or later: refuses unknown mount options
        newer) say "$mirror trixie-backports main" ;;
        *) die "there is no kernel '$1'; there are: lab ${STOCK_KINDS[*]}" ;;
    esac
}

# What must be there, built in or as a module, and what else is taken along where the kernel has it. udev loads some;
# those of ECRYPTFS_MODULES nothing loads before it is used.
DISK_MODULES=(virtio_pci virtio_blk ext4)
GUEST_MODULES=(9p 9pnet_virtio autofs4 ecryptfs encrypted-keys)
OPTIONAL_MODULES=(virtio_rng crc32c_generic crc32c crc32c-intel aesni-intel md5 ecb cbc twofish_generic cast6_generic cast5_generic
    blowfish_generic des_generic efivarfs af_alg algif_hash algif_skcipher loop quota_v2)

STOCK_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

stock_needs() {
    need_root
    need kmod depmod modprobe
    need cpio cpio
    need xz-utils xz
    need busybox-static busybox
    need_file debian-archive-keyring "$STOCK_KEYRING"
}

# stock_apt KIND PROGRAM ARGUMENT...: apt-get or apt-cache with sources, lists and status of its own.
stock_apt() {
    local state=$LAB_CACHE/apt-$1 program=$2
    shift 2
    "$program" -qq -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
        -o Acquire::Languages=none -o Acquire::GzipIndexes=true -o Acquire::Retries=3 -o APT::Sandbox::User=root -o APT::Install-Recommends=false "$@"
}

# stock_index KIND: asks the mirror once a day. When it cannot be reached, what it said last time is good enough.
stock_index() {
    local kind=$1 state=$LAB_CACHE/apt-$1 line
    [ -z "$(find "$state/updated" -mmin -1440 2>/dev/null)" ] || return 0
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    : >"$state/status"
    stock_suites "$kind" | while read -r line; do say "deb [signed-by=$STOCK_KEYRING] $line"; done >"$state/sources.list"
    if stock_apt "$kind" apt-get -o APT::Update::Error-Mode=any update >&2; then
        touch "$state/updated"
    elif [ -e "$state/updated" ]; then
        progress "the mirror cannot be reached; taking what it offered before"
    else
        die "cannot read the package lists of: $(stock_suites "$kind" | paste -sd';')"
    fi
}

# stock_packages KIND: "NAME VERSION" of those that hold the kernel and its modules; newer ones come in several parts.
stock_packages() {
    stock_apt "$1" apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
        --no-enhances linux-image-amd64 | grep -oE '^linux-(image|base|binary|modules)-[0-9][^ ]*' | sort -u |
        while read -r package; do
            say "$package $(stock_apt "$1" apt-cache show --no-all-versions "$package" | sed -n 's/^Version: //p')"
        done
}

# stock_kernel KIND: prints its cache entry: vmlinuz, initrd.img, version.
stock_kernel() {
    local kind=$1 lock packages
    stock_needs
    stock_suites "$kind" >/dev/null
    mkdir -p "$LAB_CACHE"
    exec {lock}>"$LAB_CACHE/apt-$kind.lock"
    flock "$lock"
    stock_index "$kind"
    packages=$(stock_packages "$kind")
    exec {lock}>&-
    [ -n "$packages" ] || die "there is no linux-image-amd64 in: $(stock_suites "$kind" | paste -sd';')"
    STOCK_KIND=$kind STOCK_PACKAGES=$packages
    cached "debian-$kind" "$({ say "$packages"; declare -p DISK_MODULES GUEST_MODULES OPTIONAL_MODULES; declare -f make_stock_kernel \
        stock_modules stock_initramfs; cat "$VM_DIR/guest/initramfs"; } | hash_of_stdin)" make_stock_kernel
}

make_stock_kernel() {
    local out=$1 tree=$1/tree version packages deb
    mapfile -t packages <<<"${STOCK_PACKAGES// /=}"
    progress "kernel $STOCK_KIND: Debian's ${packages[*]} (about 20 seconds)"
    mkdir -p "$out/deb" "$tree/usr/lib/modules" "$tree/boot"
    (cd "$out/deb" && stock_apt "$STOCK_KIND" apt-get download "${packages[@]}") || return 1
    ln -s usr/lib "$tree/lib"
    for deb in "$out"/deb/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tree" --keep-directory-symlink --exclude='*/drivers/gpu' \
            --exclude='*/drivers/net' --exclude='*/drivers/media' --exclude='*/sound' --exclude='./usr/share' || return 1
    done
    rm -r "$out/deb"
    version=$(ls "$tree/usr/lib/modules")
    # Up to 7.2 it is in /boot.
    mv "$tree/boot/vmlinuz-$version" "$out/vmlinuz" 2>/dev/null ||
        mv "$tree/usr/lib/modules/$version/vmlinuz" "$out/vmlinuz" || return 1
    say "$version" >"$out/version"
    stock_modules "$tree" "$version" "$out/initramfs/modules" || return 1
    stock_initramfs "$out/initramfs" >"$out/initrd.img" || return 1
    rm -rf "$tree" "$out/initramfs"
}

# stock_modules TREE VERSION OUT: the wanted modules and what they need, unpacked; OUT/preload is the order of those that
# the disk needs.
stock_modules() {
    local tree=$1 version=$2 out=$3 name action file rest
    depmod -b "$tree" "$version" || return 1
    mkdir -p "$out/$version"
    for name in "${DISK_MODULES[@]}" "${GUEST_MODULES[@]}" "${OPTIONAL_MODULES[@]}"; do
        if ! modprobe -d "$tree" -S "$version" --show-depends "$name" >"$out/depends" 2>/dev/null; then
            case " ${OPTIONAL_MODULES[*]} " in
                *" $name "*) continue ;;
            esac
            progress "kernel $STOCK_KIND: $version has no $name"
            return 1
        fi
        while read -r action file rest; do
            [ "$action" = insmod ] || continue
            file=${file#*"/modules/$version/"}
            mkdir -p "$out/$version/${file%/*}"
            case $file in
                *.xz) xz -dc "$tree/usr/lib/modules/$version/$file" >"$out/$version/${file%.xz}" || return 1 ;;
                *) cp "$tree/usr/lib/modules/$version/$file" "$out/$version/$file" || return 1 ;;
            esac
            case " ${DISK_MODULES[*]} " in
                *" $name "*) say "$version/${file%.xz}" >>"$out/depends.disk" ;;
            esac
        done <"$out/depends"
    done
    awk '!seen[$0]++' "$out/depends.disk" >"$out/preload" || return 1
    rm "$out"/depends*
    cp "$tree/usr/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$out/$version/" || return 1
    # depmod has to find them where a system has them.
    mkdir "$out/lib" && ln -s .. "$out/lib/modules" && depmod -b "$out" "$version" || return 1
    rm -r "${out:?}/lib"
}

# stock_initramfs DIR: not packed, because unpacking takes an emulated processor longer than reading.
stock_initramfs() {
    mkdir -p "$1"/{bin,dev,proc,sys,root}
    cp "$(command -v busybox)" "$1/bin/busybox" || return 1
    install -m 755 "$VM_DIR/guest/initramfs" "$1/init" || return 1
    (cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0)
}

# choose_kernel KIND: sets KERNEL and INITRD for the next qemu_command.
choose_kernel() {
    local entry
    INITRD=''
    if [ "$1" = lab ]; then
        KERNEL=$(kernel_path)
    else
        # Asked once in a run: apt takes seconds to say what the newest is.
        entry=$(cat "${RUN:-/nowhere}/kernel-$1" 2>/dev/null) || {
            entry=$(stock_kernel "$1")
            [ -z "${RUN:-}" ] || say "$entry" >"$RUN/kernel-$1"
        }
        # shellcheck disable=SC2034 # boot.sh reads them
        KERNEL=$entry/vmlinuz INITRD=$entry/initrd.img
    fi
}

list_kernels() {
    local kind entry
    printf '%-8s %-24s %s\n' lab "$(sed -n 's|^# Linux/x86.* \([0-9][^ ]*\) Kernel Configuration|\1-lab|p' \
        "$(dirname "$(kernel_path)")/.config")" "$(kernel_path)"
    entry=$(uml_path)
    printf '%-8s %-24s %s\n' uml "$(sed -n 's|^# Linux/um \([0-9][^ ]*\) Kernel Configuration|\1-lab|p' "${entry%/*}/.config")" "$entry"
    for kind in "${STOCK_KINDS[@]}"; do
        entry=$(stock_kernel "$kind")
        printf '%-8s %-24s %s\n' "$kind" "$(cat "$entry/version")" "$entry/vmlinuz"
    done
}
