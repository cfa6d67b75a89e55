#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# one lower directory is never mounted twice: by enrollments, by hand, from a container, by a bind mount, after a lazy unmount
need_product

boot enroll <<'END'
make_two() {
    make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
    make_volume /srv/.plain /srv/plain 'another passphrase' 16 plain
}
check "ecryptfs-utils make two volumes" make_two
check "the first is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery' --headless
check "and the second" enroll plain /srv/.plain /srv/plain 'another passphrase' --headless

refused() {
    local words=$1 pattern=$2
    shift 2
    said() { enroll again "$@" 'correct horse battery' >/tmp/said 2>&1; }
    check_status "$words is refused" 77 said "$@"
    check_output "$words: says why" "$pattern" cat /tmp/said
}
refused "a second volume of the lower directory" '/srv/.vault is the lower directory of the volume "vault" already' /srv/.vault /srv/again
ln -s /srv/.vault /srv/link
refused "the same through a symbolic link" 'is the lower directory of the volume "vault" already' /srv/link /srv/again
mkdir -p /mnt/bound /mnt/hand
mount --bind /srv /mnt/bound
refused "the same through a bind mount" '/mnt/bound/.vault is the lower directory of the volume "vault" already' /mnt/bound/.vault /srv/again
umount /mnt/bound
refused "the directory that holds it" '/srv holds /srv/.(vault|plain), the lower directory' /srv /again
mkdir /srv/.plain/inner
refused "a directory in it" '/srv/.plain/inner lies in /srv/.plain' /srv/.plain/inner /srv/again
rmdir /srv/.plain/inner
mkdir /srv/.third
refused "a mount point in a lower directory" 'lies in /srv/.vault, the lower directory' /srv/.third /srv/.vault/clear
refused "a mount point in its own lower directory" 'the mount point /srv/.third/clear lies in the lower directory' /srv/.third /srv/.third/clear

check "a third is mounted by hand" utils_mount /srv/.third /mnt/hand 'a third passphrase' 16 plain
refused "a lower directory that is mounted elsewhere" '/srv/.third is mounted on /mnt/hand already' /srv/.third /srv/third
mkdir -p /mnt/hand/inner
refused "a lower directory in an eCryptfs mount" '/mnt/hand/inner lies in an eCryptfs volume itself' /mnt/hand/inner /srv/third
utils_umount /mnt/hand
END

boot use <<'END'
check "both are mounted and readable" eval 'readable /srv/vault && readable /srv/plain'
check "check finds nothing in the way" sealmount check
mkdir -p /mnt/hand /mnt/inside /export

# in_use WORDS PATTERN: the volume vault is stopped and does not start; journal and check say why; no key of it is loaded.
in_use() {
    check_fails "$1: it does not start" systemctl start srv-vault.mount
    check_output "$1: the journal says why" "not unlocked: the lower directory is in use by another mount \\(.*$2" unlock_journal vault
    check_fails "$1: it is not mounted" mounted /srv/vault
    check_fails "$1: its key is not loaded" has_key 7f475b5d20a645dc
    check_status "$1: check fails" 69 sealmount check vault
    check_output "$1: check says why" "bad +volume vault: .*$2" sealmount check vault
    check "$1: the other volume is not affected" readable /srv/plain
}
# free WORDS: it starts again.
free() {
    check "$1: it starts" systemctl start srv-vault.mount
    check "$1: and is readable" readable /srv/vault
    check "$1: check finds nothing" sealmount check vault
}
said_by_unlock() { unlock_journal vault | grep -qE "$1"; }
stop_vault() { systemctl stop srv-vault.mount && ! mounted /srv/vault; }

recover() { sealmount recover --lower /srv/.vault --mountpoint /mnt/hand --passphrase-file /root/vault-passphrase; }
(umask 077 && echo 'correct horse battery' >/root/vault-passphrase)
check_status "a rescue of a mounted volume is refused" 77 recover
check_output "and says why" '/srv/.vault is mounted on /srv/vault already' recover

# A container, or a service with its own mounts, that keeps what was mounted when it began.
unshare --mount --propagation private sleep 1000 &
holder=$!
check "the container has it" wait_until grep -q /srv/vault "/proc/$holder/mountinfo"
check "it is stopped" stop_vault
check "the journal says that it was not the last one" \
    wait_until said_by_unlock "stopped, but not everywhere: /srv/.vault is mounted on /srv/vault in the mount namespace of process $holder \\(sleep\\)"
check_output "also that of the mount unit" 'stopped, but not everywhere: /srv/.vault is mounted' journalctl -b -o cat --no-pager -u srv-vault.mount
in_use "a container that holds the mount" "process $holder \\(sleep\\)"
kill "$holder"
wait "$holder" || true
free "without the container"

# A container that mounts the directory itself, under another name.
check "it is stopped" stop_vault
cat >/tmp/own-mount <<'SCRIPT'
mount --bind /srv /mnt/inside
printf 'correct horse battery' | ecryptfs-add-passphrase - >/dev/null
mount -i -t ecryptfs -o ecryptfs_sig=7f475b5d20a645dc,ecryptfs_cipher=aes,ecryptfs_key_bytes=32 /mnt/inside/.vault /mnt/hand
keyctl clear @u
touch /tmp/own-mount.done
exec sleep 1000
SCRIPT
unshare --mount --propagation private bash /tmp/own-mount &
holder=$!
check "a container mounts it" wait_until test -e /tmp/own-mount.done
in_use "a container's own mount" "/srv/.vault is mounted on /mnt/hand in the mount namespace of process $holder"
kill "$holder"
wait "$holder" || true
free "without that container"

check "it is stopped" stop_vault
check "it is mounted by hand in another place" utils_mount /srv/.vault /mnt/hand 'correct horse battery' 32 own-key
in_use "a mount by hand" '/srv/.vault is mounted on /mnt/hand already'
utils_umount /mnt/hand
check "a directory that holds it is mounted" utils_mount /srv /mnt/hand 'a third passphrase' 16 plain
in_use "a mount of a parent" '/srv, which holds /srv/.vault, is mounted on /mnt/hand'
utils_umount /mnt/hand
free "without mounts by hand"

check "a bind mount of the volume" mount --bind /srv/vault /export
check "it is stopped" stop_vault
in_use "a bind mount that stays" '/srv/.vault is mounted on /export already'
umount /export
free "without the bind mount"

# A process whose working directory is in the volume: root shows whose mount it is.
(cd /srv/vault && exec sleep 1000) &
holder=$!
check "the process is in the volume" wait_until eval "[ \"\$(readlink /proc/$holder/cwd)\" = /srv/vault ]"
umount -l /srv/vault
check "its unit has stopped" wait_until inactive srv-vault.mount
in_use "a lazy unmount with somebody in it" "/srv/.vault is still in use: process $holder \\(sleep\\)"
kill "$holder"
wait "$holder" || true
free "when the process has ended"

# An open file, with encrypted names: nothing but the volume's past shows whose it is.
sleep 1000 </srv/vault/secret &
holder=$!
umount -l /srv/vault
check "its unit has stopped" wait_until inactive srv-vault.mount
check_fails "a lazy unmount with an open file: it does not start" systemctl start srv-vault.mount
check_output "and the journal says why" "/srv/.vault may still be in use: process $holder \\(sleep\\)" unlock_journal vault
kill "$holder"
wait "$holder" || true
free "when the file is closed"
END
