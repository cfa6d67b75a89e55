#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# Volumes as people have them: made and mounted by ecryptfs-utils, with a passphrase and nothing else. And the short words
# for what the scenarios do with them.

# utils_mount LOWER MOUNTPOINT PASSPHRASE [CIPHER-]KEY_BYTES NAMES [OPTION]: mounts with mount.ecryptfs; the cipher is aes, unless
# it is named. NAMES says what becomes of file names: plain; content-key (encrypted with the key of the contents, as
# mount.ecryptfs offers it); own-key (with the one that `ecryptfs-add-passphrase --fnek` makes). OPTION is one more.
utils_mount() {
    local lower=$1 mountpoint=$2 passphrase=$3 key_bytes=${4##*-} cipher=${4%-*} names=$5 signatures options
    [ "$cipher" != "$4" ] || cipher=aes
    mkdir -p "$lower" "$mountpoint"
    # 65536 rounds of SHA-512 each: an emulated processor takes its time.
    [ "$names" = plain ] || mapfile -t signatures < <(printf '%s' "$passphrase" | ecryptfs-add-passphrase --fnek - |
        sed -n 's/.* sig \[\([0-9a-f]*\)\].*/\1/p')
    (umask 077 && printf 'passphrase_passwd=%s\n' "$passphrase" >/run/utils-passphrase)
    options="key=passphrase:passphrase_passwd_file=/run/utils-passphrase,no_sig_cache,ecryptfs_cipher=$cipher"
    options+=",ecryptfs_key_bytes=$key_bytes,ecryptfs_passthrough=n${6:+,$6}"
    case $names in
        plain) options+=",ecryptfs_enable_filename_crypto=n" ;;
        content-key) options+=",ecryptfs_enable_filename_crypto=y,ecryptfs_fnek_sig=${signatures[0]}" ;;
        own-key) options+=",ecryptfs_enable_filename_crypto=y,ecryptfs_fnek_sig=${signatures[1]}" ;;
    esac
    mount -t ecryptfs -o "$options" "$lower" "$mountpoint" </dev/null
    rm /run/utils-passphrase
}

# utils_umount MOUNTPOINT: and no key of ecryptfs-utils is left in root's user keyring.
utils_umount() {
    umount "$1"
    keyctl clear @u
}

# make_volume LOWER MOUNTPOINT PASSPHRASE [CIPHER-]KEY_BYTES NAMES [OPTION]: a volume with one file in it, which says where it is.
# ecryptfs-utils made it: now, or when an earlier run asked for the same one, whose lower files the host has kept.
make_volume() {
    local kept
    kept=$(printf '%s\n' "${@:2}" | sha256sum | cut -c1-32).tar
    if [ -e "/lab/made/$kept" ]; then
        mkdir -p "$1" "$2"
        tar -C "$1" --xattrs --xattrs-include='user.*' -xpf "/lab/made/$kept"
        return
    fi
    utils_mount "$@"
    printf 'a secret in %s\n' "$2" >"$2/secret"
    utils_umount "$2"
    mkdir -p /lab/results/volumes
    tar -C "$1" --xattrs --xattrs-include='user.*' -cpf "/lab/results/volumes/$kept" .
}

# enroll NAME LOWER MOUNTPOINT PASSPHRASE [OPTION...]
enroll() {
    local name=$1 lower=$2 mountpoint=$3
    (umask 077 && printf '%s\n' "$4" >/root/passphrase)
    shift 4
    sealmount enroll "$name" --lower "$lower" --mountpoint "$mountpoint" --passphrase-file /root/passphrase "$@"
}

# mounted DIR: an eCryptfs volume is mounted there.
mounted() { findmnt -n -t ecryptfs --mountpoint "$1"; }

# readable DIR: the file of make_volume can be read there.
readable() { mounted "$1" && [ "$(cat "$1/secret")" = "a secret in $1" ]; }

# inactive UNIT: stopped, and not because it failed.
inactive() { [ "$(systemctl show -P ActiveState "$1")" = inactive ]; }

# master_of NAME: the master key of the volume.
master_of() { jq -r --arg name "$1" '[.volumes[] | select(.name == $name) | .master // "default"][0] // "default"' /etc/sealmount/manifest.json; }

# unlock_journal NAME: what the volume's unlock, and that of its master key, said since boot; of all volumes: '*'.
unlock_journal() {
    local master='*'
    [ "$1" = '*' ] || master=$(master_of "$1")
    journalctl -b --no-pager -o cat -u "sealmount-unlock@$master.service" -u "sealmount-load@$1.service" -u "sealmount-keys@$1.service"
}

# has_key SIGNATURE: our key is in root's user keyring. It cannot be listed, only searched for.
has_key() { keyctl search @u encrypted "$1"; }

# hidden_keys: the numbers of all keys that are linked into a keyring and may not be looked at, as ours; they are in no line
# of /proc/keys.
hidden_keys() {
    local keyring key
    for keyring in $(awk '$8 == "keyring" { print "0x" $1 }' /proc/keys) @u; do
        for key in $(keyctl rlist "$keyring" 2>/dev/null); do
            keyctl rdescribe "$key" >/dev/null 2>&1 || printf '%s\n' "$key"
        done
    done | sort -u
}

# master_keys: what /proc/keys has of the types that a master key can be of. systemd puts a user key "invocation_id" into
# each service's keyring, newer kernels have one of their own for Opal disks.
master_keys() {
    awk '($8 == "trusted" || $8 == "user") && $9 != "invocation_id:" && $9 != "opal-boot-pin:" { print }' /proc/keys
}

# tree_sums DIR: "CHECKSUM NAME" of all files, in the order of their names.
tree_sums() { (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum); }

# tpm_handles KIND: loaded-session, saved-session or transient, as the chip has them (not the resource manager).
tpm_handles() { tpm2_getcap -T device:/dev/tpm0 "handles-$1"; }

# lockout_counter: the failed tries that the TPM remembers.
lockout_counter() { tpm2_getcap -T device:/dev/tpmrm0 properties-variable | sed -n 's/^TPM2_PT_LOCKOUT_COUNTER: 0x//p'; }

# purge_utils: the machine goes on without ecryptfs-utils, and so without mount.ecryptfs.
purge_utils() {
    DEBIAN_FRONTEND=noninteractive dpkg --purge ecryptfs-utils
    [ ! -e /sbin/mount.ecryptfs ]
}
