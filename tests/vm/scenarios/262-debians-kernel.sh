#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# Debian's kernel with modules disabled, locked down, with AppArmor or SELinux; quotas; a lower directory of the host's
need_product
g++ -O1 -static -o "$SHARE/quota" "$VM_DIR/tools/quota.cpp"

boot enroll <<'END'
make_three() {
    make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
    make_volume /srv/.fish /srv/fish 'passphrase fish' twofish-32 plain
    make_volume /srv/.cast /srv/cast 'passphrase cast' cast6-16 plain
}
check "ecryptfs-utils make three volumes, of three ciphers" make_three
check "aes is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery' --headless
check "twofish" enroll fish /srv/.fish /srv/fish 'passphrase fish' --quiet --headless
check "cast6, not mounted at boot" enroll cast /srv/.cast /srv/cast 'passphrase cast' --quiet --headless --noauto
# As hardened systems have it.
echo 'kernel.modules_disabled = 1' >/etc/sysctl.d/lab.conf
printf '%s\n' 9p 9pnet_virtio autofs4 loop quota_v2 >/etc/modules-load.d/lab.conf
truncate -s 32M /root/disk.img
mkfs.ext4 -q -O quota /root/disk.img
echo '/root/disk.img /mnt/disk ext4 loop,nofail,usrquota 0 0' >>/etc/fstab
mkdir -p /mnt/disk
END

boot hardened --kernel stock --append 'lockdown=integrity' <<'END'
expect_equal "nothing can load a module any more" 1 "$(cat /proc/sys/kernel/modules_disabled)"
check_output "AppArmor is on" '^Y' cat /sys/module/apparmor/parameters/enabled
check_output "the kernel is locked down" '\[integrity\]' cat /sys/kernel/security/lockdown
check "aes is mounted" readable /srv/vault
check "twofish, too: its modules were loaded before" readable /srv/fish
check "cast6 starts, though nobody had asked for it before" systemctl start srv-cast.mount
check "readable" readable /srv/cast
said() { sealmount check || true; }
check_output "check asks the kernel for what the volumes require" 'good +kernel: has .*cbc\(twofish\)' said
check_no_output "and nothing of it is missing" '(bad|unknown) +kernel' said

# A file system with quotas below.
mkdir /mnt/disk/.quota /srv/quota
useradd --no-create-home --home-dir /nowhere eve
check "a volume on a disk with quotas" make_volume /mnt/disk/.quota /srv/quota 'passphrase quota' 16 plain
check "is enrolled" enroll quota /mnt/disk/.quota /srv/quota 'passphrase quota' --quiet --headless
check "it starts" eval 'systemctl daemon-reload && systemctl start srv-quota.mount && readable /srv/quota'
check "a user may use a megabyte" /lab/quota /mnt/disk "$(id -u eve)" 1024
install -d -o eve /srv/quota/eve
as_eve() { setpriv --reuid=eve --regid=eve --clear-groups "$@"; }
check_output "more is refused with the quota's own word" 'Disk quota exceeded' eval 'as_eve dd if=/dev/zero of=/srv/quota/eve/big bs=64k count=64 2>&1 || true'
check "others write" eval 'head -c 2000000 /dev/zero >/srv/quota/by-root'
check "nothing else is harmed" readable /srv/quota
check "what is removed is free again" eval 'as_eve rm /srv/quota/eve/big && as_eve sh -c "head -c 300000 /dev/zero >/srv/quota/eve/small && sync"'
check "it stops and starts" eval 'systemctl stop srv-quota.mount && systemctl start srv-quota.mount && readable /srv/quota'

# A lower directory that may make one wait: 9p, here.
mkdir -p /lab/lower /srv/far
check "a volume on the host's file system" make_volume /lab/lower /srv/far 'passphrase far' 16 plain
check "is enrolled" enroll far /lab/lower /srv/far 'passphrase far' --quiet --headless
rm /etc/sysctl.d/lab.conf
END

boot selinux --kernel stock --append 'security=selinux selinux=1 enforcing=0 lockdown=confidentiality' <<'END'
check "SELinux is on" test -e /sys/fs/selinux
check_output "nothing is confidential enough" '\[confidentiality\]' cat /sys/kernel/security/lockdown
for name in vault fish quota far; do check "$name is mounted" readable "/srv/$name"; done
expect_equal "the one on the host's file system was unlocked by itself, as it may wait" yes \
    "$([ "$(systemctl show -P ExecMainStartTimestampMonotonic sealmount-load@far.service)" -gt 0 ] && echo yes)"
expect_equal "the others were not" 0 "$(systemctl show -P ExecMainStartTimestampMonotonic sealmount-load@vault.service)"
check "it stops" systemctl stop srv-far.mount
check_output "check says what this kernel is" 'good +kernel: has .*cbc\(aes\)' sealmount check vault
END
