#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# disks that say that they are the one: the same UUID on another, a copy of every block, older and changed files
need_product

boot disks <<'END'
truncate -s 24M /root/true.img
mkfs.ext4 -q /root/true.img
mkdir -p /mnt/data
mount -o loop /root/true.img /mnt/data
check "ecryptfs-utils make a volume" make_volume /mnt/data/.vault /srv/vault 'correct horse battery' 32 plain
check "it is enrolled" enroll vault /mnt/data/.vault /srv/vault 'correct horse battery' --headless
systemctl daemon-reload
check "it starts" systemctl start srv-vault.mount
check "and is readable" readable /srv/vault
stop() { systemctl stop srv-vault.mount && wait_until inactive sealmount-keys@vault.service; }
check "it stops" stop

uuid=$(blkid -o value -s UUID /root/true.img)
false_disk() {
    cp -a /mnt/data/.vault /root/copy
    umount /mnt/data
    truncate -s 24M /root/false.img
    mkfs.ext4 -q -U "$uuid" /root/false.img
    mount -o loop /root/false.img /mnt/data
    cp -a /root/copy /mnt/data/.vault
}
check "another disk gets the UUID of the true one, and a copy of its files" false_disk
check_fails "it is not taken" systemctl start srv-vault.mount
check_output "because it is another directory" 'the lower directory is not what it was .*generation' unlock_journal vault
check_no_output "no key of it was loaded" . hidden_keys
umount /mnt/data

cp /root/true.img /root/copy.img
mount -o loop /root/copy.img /mnt/data
check "a copy of every block is taken: by design" systemctl start srv-vault.mount
check "and is readable" readable /srv/vault
check "it stops" stop
umount /mnt/data

# The owner's disk again: now with an older file, and with one that was changed without a key.
mount -o loop /root/true.img /mnt/data
cp -p /mnt/data/.vault/secret /root/old-secret
check "the true disk starts" systemctl start srv-vault.mount
printf 'a later secret, which is longer\n' >/srv/vault/secret
head -c 9000 /dev/zero >/srv/vault/zeros
check "it stops" stop
cat /root/old-secret >/mnt/data/.vault/secret
printf '\377' | dd of=/mnt/data/.vault/zeros bs=1 seek=$((8192 + 100)) conv=notrunc status=none
check "it starts" systemctl start srv-vault.mount
check "the older file is there again, and nothing says so: by design" readable /srv/vault
changed() { [ "$(stat -c %s /srv/vault/zeros)" = 9000 ] && ! cmp -s /srv/vault/zeros <(head -c 9000 /dev/zero); }
check "the changed one reads as something else, and nothing says so: by design" changed
END
