#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# keys and set-ups as people have them: three lines of /etc/fstab, a pair of dracut, ~/Private, an encrypted home, a wrapped passphrase, a raw key, a salt, two passphrases
need_product

# as USER COMMAND: a shell's command as a login of the user has it, with a session keyring of its own.
cat >"$SHARE/as-user" <<'END'
as() {
    setpriv --reuid "$1" --regid "$1" --clear-groups env -C / HOME="/home/$1" USER="$1" LOGNAME="$1" \
        keyctl session - bash -ec "keyctl link @u @s; $2"
}
END

boot enroll <<'END'
. /lab/as-user
# add_token: the signature of the passphrase on standard input, which is in the keyring then.
add_token() { ecryptfs-add-passphrase - | sed -n 's/.* sig \[\([0-9a-f]*\)\].*/\1/p'; }

# Three lines that mount.ecryptfs mounts.
printf 'passphrase_passwd=correct horse battery\n' >/root/options
chmod 600 /root/options
line() { printf '%s %s ecryptfs key=passphrase:passphrase_passwd_file=/root/options,no_sig_cache,ecryptfs_unlink_sigs,ecryptfs_passthrough=n,%s 0 0\n' "$@"; }
{
    line /srv/.plain /srv/plain ecryptfs_cipher=aes,ecryptfs_key_bytes=16,ecryptfs_enable_filename_crypto=n,nofail
    line /srv/.names /srv/names ecryptfs_cipher=aes,ecryptfs_key_bytes=32,ecryptfs_enable_filename_crypto=y,ecryptfs_fnek_sig=7f475b5d20a645dc,nofail
    line /srv/.manual /srv/manual ecryptfs_cipher=aes,ecryptfs_key_bytes=24,ecryptfs_enable_filename_crypto=n,noauto
} >>/etc/fstab
fill() {
    mkdir -p "/srv/.$1" "/srv/$1"
    mount "/srv/$1" </dev/null
    printf 'a secret in %s\n' "/srv/$1" >"/srv/$1/secret"
    utils_umount "/srv/$1"
}
for name in plain names manual; do
    check "mount.ecryptfs mounts $name from /etc/fstab" fill "$name"
done
check "the table is imported" sealmount import-fstab --yes --comment-out
check_no_output "its lines are comments" '^[^#].*ecryptfs' cat /etc/fstab

# ~/Private, and a whole home.
for user in alice bob; do
    useradd --user-group --create-home --skel /var/empty --shell /bin/bash "$user"
done
check "ecryptfs-setup-private makes alice's ~/Private" as alice \
    'ecryptfs-setup-private --loginpass "login of alice" --mountpass "of the mount"'
check "its own tools put a file into it" as alice '
    printf "login of alice" | ecryptfs-insert-wrapped-passphrase-into-keyring ~/.ecryptfs/wrapped-passphrase -
    mount.ecryptfs_private
    echo "a secret in /home/alice/Private" >~/Private/secret'
check "and encrypts bob's home" ecryptfs-setup-private --username bob --bootstrap --loginpass "login of bob" \
    --mountpass "of the home"
fill_home() {
    echo "a secret in /home/bob" >/home/bob/secret
    chown bob:bob /home/bob/secret
    utils_umount /home/bob
}
check "a file in it" fill_home
printf 'login of alice\n' >/root/login
check "alice's is imported, while it is mounted" sealmount import-private alice --yes --passphrase-file /root/login
check "two reloads later hers is still mounted" eval 'systemctl daemon-reload && systemctl daemon-reload && mounted /home/alice/Private'
printf 'login of bob\n' >/root/login
check "bob's is imported" sealmount import-private bob --yes --passphrase-file /root/login
check "alice's own tool unmounts hers" as alice umount.ecryptfs_private
expect_equal "the guard is below" i "$(lsattr -d /home/alice/Private | cut -c 5)"
check_fails "nothing goes into it" touch /home/alice/Private/file

# A passphrase that ecryptfs-wrap-passphrase wrapped.
check "a volume" make_volume /srv/.wrapped /srv/wrapped 'a wrapped passphrase' 32 own-key
printf '%s\n%s' 'a wrapped passphrase' 'login' | ecryptfs-wrap-passphrase /root/wrapped -
printf 'login\n' >/root/login
check "the wrapped passphrase is enrolled" sealmount enroll wrapped --lower /srv/.wrapped --mountpoint /srv/wrapped \
    --wrapped-passphrase /root/wrapped --passphrase-file /root/login
printf 'no login\n' >/root/login
check_status "a wrong wrapping passphrase is refused" 77 sealmount enroll wrapped --lower /srv/.wrapped --mountpoint /srv/wrapped \
    --wrapped-passphrase /root/wrapped --passphrase-file /root/login

# File names with a passphrase of their own.
two() {
    local content names
    content=$(printf 'for the contents' | add_token)
    names=$(printf 'for the names' | add_token)
    mkdir -p /srv/.two /srv/two
    mount -i -t ecryptfs -o "ecryptfs_sig=$content,ecryptfs_fnek_sig=$names,ecryptfs_cipher=aes,ecryptfs_key_bytes=16" /srv/.two /srv/two
    printf 'a secret in /srv/two\n' >/srv/two/secret
    utils_umount /srv/two
}
check "a volume with two passphrases" two
printf 'for the contents' >/root/contents
printf 'for the names' >/root/names
check "it is enrolled" sealmount enroll two --lower /srv/.two --mountpoint /srv/two --passphrase-file /root/contents \
    --filename-passphrase-file /root/names

# The salt of root's ~/.ecryptfsrc, which is gone afterwards.
echo 'salt=0102030405060708' >/root/.ecryptfsrc
salted() {
    local signature
    signature=$(printf 'correct horse battery' | add_token)
    expect_equal "ecryptfs-utils take the salt" c4e8a643bd9e36f7 "$signature"
    mkdir -p /srv/.salted /srv/salted
    mount -i -t ecryptfs -o "ecryptfs_sig=$signature,ecryptfs_cipher=aes,ecryptfs_key_bytes=16" /srv/.salted /srv/salted
    printf 'a secret in /srv/salted\n' >/srv/salted/secret
    utils_umount /srv/salted
}
salted
check "a volume with a salt is enrolled" enroll salted /srv/.salted /srv/salted 'correct horse battery'
rm /root/.ecryptfsrc

# A raw key, for a volume of a list.
raw() {
    local signature
    signature=$(printf 'never to be typed' | add_token)
    keyctl pipe "$(keyctl search @u user "$signature")" | tail -c +649 | head -c 64 >/root/raw.key
    mkdir -p /srv/.raw /srv/raw
    mount -i -t ecryptfs -o "ecryptfs_sig=$signature,ecryptfs_cipher=aes,ecryptfs_key_bytes=16" /srv/.raw /srv/raw
    printf 'a secret in /srv/raw\n' >/srv/raw/secret
    utils_umount /srv/raw
}
check "a volume of which only the key is known" raw
echo '{"version": 1, "volumes": [{"name": "raw", "lower": "/srv/.raw", "mountpoint": "/srv/raw", "fekek_file": "/root/raw.key"}]}' >/root/list.json
check "it is enrolled from a list" sealmount enroll --batch /root/list.json

# What dracut's modules masterkey and ecryptfs mount: a master key that the kernel made below the storage root key, and an encrypted key
# under it, as their README says; the volume lies on its own lower directory.
mkdir -p /etc/keys /etc/sysconfig /secret
# Without a key size this kernel mounts nothing.
echo 'ECRYPTFS_EXTRA_MOUNT_OPTS="ecryptfs_cipher=aes,ecryptfs_key_bytes=16"' >/etc/sysconfig/ecryptfs
. /etc/sysconfig/ecryptfs
key() { keyctl search @u "$1" "$2"; }
make_pair() {
    keyctl add trusted kmk-trusted 'new 32 keyhandle=0x81000001' @u
    keyctl pipe "$(key trusted kmk-trusted)" >/etc/keys/kmk-trusted.blob
    keyctl add encrypted 1000100010001000 'new ecryptfs trusted:kmk-trusted 64' @u
    keyctl pipe "$(key encrypted 1000100010001000)" >/etc/keys/ecryptfs-trusted.blob
    keyctl clear @u
}
as_dracut() {
    keyctl add trusted kmk-trusted "load $(cat /etc/keys/kmk-trusted.blob) pcrlock=11" @u
    keyctl add encrypted 1000100010001000 "load $(cat /etc/keys/ecryptfs-trusted.blob)" @u
    mount -i -t ecryptfs -o "ecryptfs_sig=1000100010001000,$ECRYPTFS_EXTRA_MOUNT_OPTS" /secret /secret
}
fill_secret() {
    make_pair
    as_dracut
    printf 'a secret in /secret\n' >/secret/secret
    utils_umount /secret
    check_no_output "its files are encrypted" 'a secret' cat /secret/secret
}
check "a volume of dracut" fill_secret
check "it is imported" sealmount import-dracut --yes --save-recovery-key /root/recovery --master dracut
END

boot next <<'END'
. /lab/as-user
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
for place in /srv/{plain,names,wrapped,two,salted,raw} /secret; do
    check "$place is open" readable "$place"
done
check "dracut's volume is mounted where it was" test "$(findmnt -n -o SOURCE /secret)" = /secret
check "the one that is not mounted at boot is not" eval '! mounted /srv/manual'
check "it starts" systemctl start srv-manual.mount
check "and is readable" readable /srv/manual
for place in alice/Private bob; do
    check "/home/$place is open" readable "/home/$place"
    expect_equal "and belongs to its user" "${place%/*}" "$(stat -c %U "/home/$place")"
    check "who reads and writes it" as "${place%/*}" "grep -q secret /home/$place/secret && touch /home/$place/file"
done
check_fails "another does not" as bob 'cat /home/alice/Private/secret'

# What pam_ecryptfs would run at logout and login (sealmount(8) says it).
check "the end of a session unmounts ~/Private, whoever mounted it" as alice umount.ecryptfs_private
check "so it is closed" eval '! mounted /home/alice/Private'
check "what is mounted at login then" as alice '
    printf "login of alice" | ecryptfs-insert-wrapped-passphrase-into-keyring ~/.ecryptfs/wrapped-passphrase -
    mount.ecryptfs_private'
check "stays mounted: nothing of ours takes a mount away" eval 'systemctl daemon-reload && mounted /home/alice/Private'
check "it is readable" readable /home/alice/Private
check_fails "an encrypted home is not unmounted" as bob umount.ecryptfs_private
check "it is readable still" readable /home/bob
check "nobody was asked" eval '[ ! -s /lab/results/asked ]'
only_two() {
    jq '.volumes |= map(if .name == "two" then . else .noauto = true end)' /etc/sealmount/manifest.json >/run/manifest
    cat /run/manifest >/etc/sealmount/manifest.json
}
check "from now on only the one with two passphrases is mounted at boot" only_two
END

# Another machine, as far as the TPM is concerned.
boot typed --no-tpm --answer 'for the contents' --answer 'for the names' <<'END'
check "without the TPM, two passphrases open the volume that has two" wait_until readable /srv/two
END
