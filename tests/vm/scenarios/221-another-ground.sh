#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# the disk below is absent, another one or empty: no mount, no key, one sentence; and the way back
need_product

# in_order: volumes on disks of /etc/fstab are unlocked once those are mounted.
cat >"$SHARE/ground.sh" <<'END'
# refused NAME PATTERN: not mounted, its keys are not there, journal and check say why.
refused() {
    check_fails "$1 is not mounted" mounted "/srv/$1"
    check_fails "$1: no key of it is loaded" has_key "$(jq -r --arg n "$1" '.volumes[] | select(.name == $n) | .signature' /etc/sealmount/manifest.json)"
    check_status "$1: check fails" 69 sealmount check "$1"
    check_output "$1: check says why" "bad +volume $1: $2" sealmount check "$1"
}
END

boot enroll <<'END'
disk() {
    truncate -s 24M "/root/$1.img"
    mkfs.ext4 -q "/root/$1.img"
}
check "three disks" eval 'disk data && disk whole && disk other'
mkdir -p /mnt/data /mnt/whole
{
    printf '/root/data.img /mnt/data ext4 loop,nofail 0 0\n'
    printf '/root/whole.img /mnt/whole ext4 loop,nofail 0 0\n'
} >>/etc/fstab
systemctl daemon-reload
check "two are mounted" systemctl start mnt-data.mount mnt-whole.mount
make_three() {
    make_volume /mnt/data/.vault /srv/vault 'correct horse battery' 32 own-key
    make_volume /mnt/whole /srv/whole 'another passphrase' 16 plain
    make_volume /srv/.root /srv/root 'a third passphrase' 16 plain
}
check "ecryptfs-utils make three volumes, one on the root of a disk" make_three
check "the first is enrolled" enroll vault /mnt/data/.vault /srv/vault 'correct horse battery' --headless
check "the second is" enroll whole /mnt/whole /srv/whole 'another passphrase' --headless
check "the third is" enroll root /srv/.root /srv/root 'a third passphrase' --headless
uuid=$(blkid -o value -s UUID /root/data.img)
expect_equal "the ground is recorded with the disk's UUID" "$uuid" "$(jq -r '.volumes[0].ground.uuid' /etc/sealmount/manifest.json)"
expect_equal "and the directory's inode" "$(stat -c %i /mnt/data/.vault)" "$(jq -r '.volumes[0].ground.inode' /etc/sealmount/manifest.json)"
expect_equal "and the whole disk's" 2 "$(jq -r '.volumes[1].ground.inode' /etc/sealmount/manifest.json)"
systemctl stop mnt-data.mount
mkdir -p /mnt/data/.below
said() { enroll below /mnt/data/.below /srv/below 'correct horse battery' >/tmp/said 2>&1; }
check_status "a directory below a disk that is not mounted is refused" 77 said
check_output "with the line" '/mnt/data/.below lies below /mnt/data, where line [0-9]+ of /etc/fstab mounts /root/data.img' cat /tmp/said
rmdir /mnt/data/.below
END

boot good <<'END'
check "all three are readable" eval 'readable /srv/vault && readable /srv/whole && readable /srv/root'
systemctl daemon-reload # the manifest is newer than the units
check "check finds nothing" sealmount check
END

boot absent-nofail <<'END'
check "for the next boots the disks are away" mv /root/data.img /root/whole.img /root/other.img /srv/
END

boot absent <<'END'
. /lab/ground.sh
refused vault '/mnt/data/.vault is not a directory, or not there; it was inode [0-9]+ \(generation [0-9]+\) of the file system'
refused whole '/mnt/whole is another directory: it was inode 2 of the file system'
check "the volume on the root file system is not affected" readable /srv/root
expect_equal "nothing was written to the wrong disk" "" "$(ls -A /mnt/whole)"
# Without lines in the table, as disks that somebody mounts by hand.
sed -i '/\.img/d' /etc/fstab
END

boot absent-without-lines <<'END'
. /lab/ground.sh
refused vault '/mnt/data/.vault is not a directory, or not there'
refused whole '/mnt/whole is another directory: it was inode 2'
check_output "the journal says so" 'the lower directory is not what it was \(/mnt/whole is another directory: it was inode 2 of the file system [0-9a-f-]+, and now is inode [0-9]+ \(generation [0-9]+\) of the file system [0-9a-f-]+, empty' unlock_journal whole
check "the volume on the root file system is not affected" readable /srv/root

# Another disk, with the same paths.
mount -o loop /srv/other.img /mnt/whole
cp -a /srv/.root/. /mnt/whole/
check_fails "another disk in its place is not taken" systemctl start srv-whole.mount
refused whole "/mnt/whole is another directory: it was inode 2 of the file system $(blkid -o value -s UUID /srv/whole.img), and now is inode 2 of the file system $(blkid -o value -s UUID /srv/other.img)"
umount /mnt/whole

# The right ones, late.
mount -o loop /srv/whole.img /mnt/whole
mount -o loop /srv/data.img /mnt/data
check "with the right disk it starts" systemctl start srv-whole.mount
check "and so does the other" systemctl start srv-vault.mount
check "both are readable" eval 'readable /srv/vault && readable /srv/whole'
systemctl daemon-reload # the manifest is newer than the units
check "check finds nothing" sealmount check

# A move on purpose: the files are copied to another disk.
systemctl stop srv-vault.mount
mount -o remount,ro /mnt/data
check_output "a disk that is read-only is a warning" 'warning +volume vault: /mnt/data/.vault is on a file system that is read-only' sealmount check vault
check_output "for status too" 'WARNING: /mnt/data/.vault is on a file system that is read-only' sealmount status vault
cp -a /mnt/data/.vault /root/moved
umount /mnt/data
mount -o loop /srv/other.img /mnt/data
mv /root/moved /mnt/data/.vault
check_fails "the copy is not taken by itself" systemctl start srv-vault.mount
check_status "the verb says so" 69 sealmount ground vault
check "what is there now is recorded" sealmount ground vault --renew --yes
check "then it starts" systemctl start srv-vault.mount
check "and is readable" readable /srv/vault
systemctl daemon-reload # the manifest is newer than the units
check "check finds nothing" sealmount check vault
systemctl stop srv-vault.mount
rm -r /mnt/data/.vault
mkdir /mnt/data/.vault
check_fails "an empty directory is not taken" systemctl start srv-vault.mount
check_output "and named" 'bad +volume vault: /mnt/data/.vault is another directory: .*, empty' sealmount check vault
END
