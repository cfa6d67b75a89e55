#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# The guest's root file system: a small Debian, of the host's own suite or the next, and the image that is made from it.

# What a machine with sealmount has installed, then what the checks in the guest use. inotify-tools is for the
# password agent, which must wait for a question and not poll for it.
GUEST_PACKAGES=(
    systemd systemd-sysv udev dbus kmod ecryptfs-utils keyutils tpm2-tools openssl jq e2fsprogs
    libtss2-esys-3.0.2-0 libtss2-tcti-device0 libtss2-tctildr0 libtss2-mu0 libtss2-rc0
    libkeyutils1 libsystemd0 libssl3 libqrencode4 inotify-tools strace
)
# Debian 13 renamed these for its 64-bit time_t.
GUEST_PACKAGES_TRIXIE=(
    systemd systemd-sysv udev dbus kmod ecryptfs-utils keyutils tpm2-tools openssl jq e2fsprogs
    libtss2-esys-3.0.2-0t64 libtss2-tcti-device0t64 libtss2-tctildr0t64 libtss2-mu-4.0.1-0t64 libtss2-rc0t64
    libkeyutils1 libsystemd0 libssl3t64 libqrencode4 inotify-tools strace
)

guest_packages() {
    case $1 in
        bookworm) printf '%s\n' "${GUEST_PACKAGES[@]}" ;;
        *) printf '%s\n' "${GUEST_PACKAGES_TRIXIE[@]}" ;;
    esac
}

# The versions that apt knows are part of the key: an update of one of them makes a new root file system.
rootfs_key() {
    {
        say "$1"
        guest_packages "$1"
        # shellcheck disable=SC2046 # words
        suite_policy "$1" $(guest_packages "$1") 2>/dev/null | grep -E '^[^ ]|Candidate:' || true
    } | hash_of_stdin
}

# suite_policy SUITE PACKAGE...: what apt-cache policy says, for Debian 13 with the lists that its kernel comes from.
suite_policy() {
    local suite=$1
    shift
    if [ "$suite" = "$LAB_SUITE" ]; then
        apt-cache policy "$@"
    else
        stock_index new
        stock_apt new apt-cache policy "$@"
    fi
}

# rootfs_path [SUITE]: the host's own suite, or trixie.
rootfs_path() {
    local entry suite=${1:-$LAB_SUITE} kind=rootfs
    need_root
    need mmdebstrap mmdebstrap
    [ "$LAB_SUITE" != unknown ] || die "/etc/os-release names no suite; the lab runs on Debian 12 or later"
    [ "$suite" = "$LAB_SUITE" ] || kind=root-$suite
    ROOTFS_SUITE=$suite
    entry=$(cached "$kind" "$(rootfs_key "$suite")" make_rootfs)
    say "$entry/root"
}

make_rootfs() {
    local out=$1 began=$SECONDS
    progress "rootfs: Debian $ROOTFS_SUITE with mmdebstrap (about 45 seconds)"
    mmdebstrap --quiet --variant=minbase --include="$(guest_packages "$ROOTFS_SUITE" | paste -sd,)" \
        --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$ROOTFS_SUITE" "$out/root" ${SEALMOUNT_LAB_MIRROR:+"$SEALMOUNT_LAB_MIRROR"} >"$out/mmdebstrap.log" 2>&1 ||
        { tail -n 20 "$out/mmdebstrap.log"; return 1; }
    progress "rootfs: made in $((SECONDS - began)) s"
}

# make_image BUILD_DIR OUT [SUITE]: an image for the kernel $KERNEL. BUILD_DIR may be empty, for a guest without the product.
make_image() (
    build=$1 out=$2
    need e2fsprogs mke2fs
    base=$(rootfs_path "${3:-}")
    # A true copy and not hard links: nothing that is installed below can then write into the cached tree.
    stage=$(mktemp -d "$LAB_CACHE/.stage.XXXXXX")
    trap 'rm -rf --one-file-system "$stage" "$stage.log"' EXIT
    chmod 755 "$stage"
    cp -a --reflink=auto "$base/." "$stage"
    install_guest_files "$stage"
    builtin_modules "$stage" "${KERNEL%/*}/.config"
    install_product "$build" "$stage"
    # Nothing is newer than these: systemd need not look for an update of /usr at the first boot.
    touch -d '+1 hour' "$stage/etc/.updated" "$stage/var/.updated"
    write_image "$stage" "$out"
)

install_product() {
    local build=$1 stage=$2
    [ -n "$build" ] || return 0
    need meson meson
    if ! DESTDIR=$stage meson install -C "$build" --no-rebuild >"$stage.log" 2>&1; then
        tail -n 20 "$stage.log" >&2
        die "cannot install from $build; build it first with: meson compile -C $build"
    fi
}

# These only cost time in a guest that lives for seconds: masked.
USELESS_UNITS=(
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service
    fstrim.timer logrotate.timer systemd-tmpfiles-clean.timer systemd-timesyncd.service systemd-networkd.service
    systemd-resolved.service systemd-pstore.service systemd-firstboot.service systemd-update-utmp.service
    systemd-update-utmp-runlevel.service systemd-repart.service systemd-binfmt.service systemd-random-seed.service
    systemd-machine-id-commit.service systemd-boot-system-token.service getty@tty1.service
    dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount
    sys-kernel-tracing.mount modprobe@configfs.service modprobe@dm_mod.service modprobe@drm.service
    modprobe@fuse.service modprobe@loop.service
)
# The bus and the login manager take seconds to start; nothing here waits for them, and the bus still starts on demand.
LATE_UNITS=(dbus.service systemd-logind.service)
USELESS_GENERATORS=(
    systemd-bless-boot-generator systemd-gpt-auto-generator systemd-hibernate-resume-generator
    systemd-integritysetup-generator systemd-veritysetup-generator systemd-rc-local-generator
    systemd-system-update-generator systemd-sysv-generator
)

install_guest_files() {
    local stage=$1 unit units=$1/etc/systemd/system
    install -d "$stage/lab" "$stage/boot/efi" "$stage/etc/sysctl.d" "$stage/usr/lib/sealmount-lab" "$units/sysinit.target.wants" \
        "$units/multi-user.target.wants" "$units/serial-getty@ttyS0.service.d"
    install -m 755 "$VM_DIR"/guest/{init,agent,probe} "$VM_DIR"/guest/{checks,guest,volumes,boot}.sh "$stage/usr/lib/sealmount-lab/"
    install -m 644 "$VM_DIR"/guest/{lab.mount,lab-agent.service,lab-probe.service} "$units/"
    install -m 644 "$VM_DIR/guest/autologin.conf" "$units/serial-getty@ttyS0.service.d/"
    ln -sf ../lab.mount ../lab-agent.service "$units/sysinit.target.wants/"
    ln -sf ../lab-probe.service "$units/multi-user.target.wants/"
    install -d "$stage/etc/systemd/system-generators"
    for unit in "${USELESS_UNITS[@]}"; do
        ln -sf /dev/null "$units/$unit"
    done
    for unit in "${USELESS_GENERATORS[@]}"; do
        ln -sf /dev/null "$stage/etc/systemd/system-generators/$unit"
    done
    for unit in "${LATE_UNITS[@]}"; do
        rm -f "$stage/usr/lib/systemd/system/multi-user.target.wants/$unit"
    done
    # The lab's kernel allows fewer processes than this file asks for, which would make every boot "degraded".
    ln -sf /dev/null "$stage/etc/sysctl.d/50-pid-max.conf"
    replace_file "$stage/etc/hostname" 'lab'
    replace_file "$stage/etc/fstab" '/dev/vda / ext4 rw 0 0'
    # A fixed machine id, so that the first boot is like every other.
    replace_file "$stage/etc/machine-id" '5ea1ab5ea1ab5ea1ab5ea1ab5ea1ab00'
    rm -f "$stage/var/lib/dbus/machine-id"
}

# builtin_modules STAGE CONFIG: shows modprobe what is in the kernel, so that `modprobe ecryptfs` succeeds as it does on
# an installed system.
builtin_modules() {
    local stage=$1 version release directory
    version=$(sed -n 's|^# Linux/x86.* \([0-9][^ ]*\) Kernel Configuration|\1|p' "$2")
    for release in "$version-lab" "$version-lab-next"; do
        directory=$stage/usr/lib/modules/$release
        install -d "$directory"
        printf 'kernel/%s.ko\n' fs/ecryptfs/ecryptfs security/keys/trusted-keys/trusted \
            security/keys/encrypted-keys/encrypted-keys drivers/char/tpm/tpm_crb drivers/char/tpm/tpm_tis drivers/md/dm-mod \
            drivers/md/dm-crypt >"$directory/modules.builtin"
        : >"$directory/modules.order"
        : >"$directory/modules.builtin.modinfo"
        chroot "$stage" depmod "$release"
    done
}

replace_file() {
    rm -f "$1"
    printf '%s\n' "$2" >"$1"
}

write_image() {
    local stage=$1 out=$2 size
    size=$(du -sm --apparent-size "$stage" | cut -f1)
    rm -f "$out"
    mke2fs -q -F -t ext4 -m 0 -L lab -E lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0 -O ^metadata_csum \
        -d "$stage" "$out" "$((size + 384))M" >/dev/null
}
