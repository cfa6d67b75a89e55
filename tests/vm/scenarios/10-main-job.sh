#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# an existing volume is enrolled once, mounts itself at every boot byte for byte, and its passphrase stays valid
need_product
# shellcheck disable=SC2034 # boot.sh reads it
ENGINE=qemu # the TPM as hardware has it: the main job is shown on the kernel's own driver

boot enroll <<'END'
fill() {
    : >"$1/empty"
    printf x >"$1/one byte"
    head -c 4096 /dev/urandom >"$1/page"
    head -c 5242880 /dev/urandom >"$1/five"
    mkdir "$1/sub"
    printf 'a secret\n' >"$1/sub/Grüße ☃ 日本.txt"
}
# make LOWER MOUNTPOINT PASSPHRASE NAMES SUMS
make() {
    utils_mount "$1" "$2" "$3" 32 "$4"
    fill "$2"
    tree_sums "$2" >"$5"
    utils_umount "$2"
}
check "ecryptfs-utils make a volume with a filename key of its own" \
    make /srv/.vault /srv/vault 'correct horse battery' own-key /root/sums-vault
check "and one whose names are under the key of the contents" make /srv/.home /srv/home 'größer als gedacht' content-key /root/sums-home
check_no_output "no name can be read in the lower directory" '^[^E]' find /srv/.vault -mindepth 1 -printf '%f\n'
keep /root/sums-vault /root/sums-home

check "the first is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery'
check "the second is enrolled, with a mount option more" enroll home /srv/.home /srv/home 'größer als gedacht' --option nosuid

volume() { jq -c --arg name "$1" '.volumes[] | select(.name == $name) | [.signature, .filename_signature, .cipher, .key_bytes]' /etc/sealmount/manifest.json; }
expect_equal "cipher, key size and filename key were detected" \
    '["7f475b5d20a645dc","c61563a65ef80ad1","aes",32]' "$(volume vault)"
check "that the names are under the key of the contents, too" \
    jq -e '.volumes[] | select(.name == "home") | .key_bytes == 32 and .signature == .filename_signature' /etc/sealmount/manifest.json
check_fails "nothing is mounted yet" mounted /srv/vault
check_output "the key files are for root alone" '^600$' stat -c %a /etc/sealmount/keys/7f475b5d20a645dc.key
END

boot use --shutdown --answer 'not needed' <<'END'
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check "nobody was asked anything" eval '[ ! -s /lab/results/asked ]'
check "both volumes are mounted" eval 'mounted /srv/vault && mounted /srv/home'
tree_sums /srv/vault >/lab/results/sums-vault
tree_sums /srv/home >/lab/results/sums-home

option() { check_output "the mount of $1 has the option $2" "(^|[ ,])$2(,|$)" findmnt -n -o OPTIONS --mountpoint "$1"; }
option /srv/vault ecryptfs_sig=7f475b5d20a645dc
option /srv/vault ecryptfs_fnek_sig=c61563a65ef80ad1
option /srv/vault ecryptfs_cipher=aes
option /srv/vault ecryptfs_key_bytes=32
option /srv/vault ecryptfs_mount_auth_tok_only
option /srv/home nosuid
expect_equal "its lower directory is the right one" /srv/.vault "$(findmnt -n -o SOURCE --mountpoint /srv/vault)"
check_status "a mounted volume is not where encrypted files are" 77 sealmount inspect /srv/vault
check_output "which inspect names" 'inspect /srv/\.vault' sealmount inspect /srv/vault
check_no_output "systemd finds nothing wrong with the units" . \
    systemd-analyze verify --man=no /run/systemd/generator.late/srv-{vault,home}.mount \
    sealmount-unlock@default.service sealmount-load@vault.service sealmount-keys@vault.service
check_output "the journal says how it was unlocked" 'unlocked by the TPM|loaded already' unlock_journal vault
give seconds "$(systemctl show -P ActiveEnterTimestampMonotonic srv-vault.mount)"

check "a file can be written" eval 'printf "written through sealmount\n" >"/srv/vault/neu – new"'
check "the volume can be stopped" systemctl stop srv-vault.mount
by_passphrase() {
    utils_mount /srv/.vault /mnt 'correct horse battery' 32 own-key
    [ "$(cat '/mnt/neu – new')" = "written through sealmount" ]
    tree_sums /mnt | grep -vF 'neu – new' >/lab/results/sums-passphrase
    utils_umount /mnt
}
check "ecryptfs-utils and the passphrase alone read the new file" by_passphrase
END
for volume in vault home; do
    expect_equal "$volume has its five files" 5 "$(wc -l <"$WORK/boots/enroll/sums-$volume")"
    check "after the boot $volume is byte for byte what it was" \
        cmp "$WORK/boots/enroll/sums-$volume" "$WORK/boots/use/sums-$volume"
done
check "and the old files are still the same through ecryptfs-utils" \
    cmp "$WORK/boots/enroll/sums-vault" "$WORK/boots/use/sums-passphrase"
check_output "the UTF-8 name among them" 'Grüße ☃ 日本.txt$' cat "$WORK/boots/use/sums-vault"
step "vault was mounted $(($(given use seconds) / 1000)) ms after the kernel started"
