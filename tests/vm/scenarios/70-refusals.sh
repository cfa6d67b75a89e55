#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# what cannot work is refused before anything is written; a busy TPM is waited for
need_product

cat >"$SHARE/refused.sh" <<'END'
# configuration: every file and directory below /etc/sealmount, with modes and checksums.
configuration() {
    [ -e /etc/sealmount ] || return 0
    find /etc/sealmount -printf '%y %m %p\n' | LC_ALL=C sort
    find /etc/sealmount -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum
}

# refused WORDS STATUS PATTERN COMMAND...: it fails with the status, a line of what it says matches, and nothing was written.
refused() {
    local words=$1 status=$2 pattern=$3 before
    shift 3
    before=$(configuration)
    said() { "$@" >/tmp/said 2>&1; }
    check_status "$words: refused" "$status" said "$@"
    check_output "$words: says why" "$pattern" cat /tmp/said
    expect_equal "$words: nothing was written" "$before" "$(configuration)"
}
END

boot with-tpm <<'END'
. /lab/refused.sh
make_volumes() {
    make_volume /srv/.vault /srv/vault 'correct horse battery' 16 own-key
    make_volume /srv/.second /srv/second 'another passphrase' 16 plain
    mkdir /srv/.empty
}
check "ecryptfs-utils make two volumes" make_volumes

refused "a wrong passphrase at the very first" 77 'wrong passphrase.* 7f475b5d20a645dc.* gives [0-9a-f]{16}' \
    enroll vault /srv/.vault /srv/vault 'wrong horse'
expect_equal "there is no configuration yet" "" "$(configuration)"
# Headless, so that the boot without TPM does not wait for an answer.
check "the right one is taken" enroll vault /srv/.vault /srv/vault 'correct horse battery' --headless
check "an empty volume is enrolled" enroll empty /srv/.empty /srv/empty 'correct horse battery' --headless

refused "a wrong passphrase for an enrolled directory" 77 'wrong passphrase.* 7f475b5d20a645dc.* gives [0-9a-f]{16}' \
    enroll vault /srv/.vault /srv/vault 'wrong horse' --headless
refused "a wrong passphrase for an enrolled directory without files" 77 \
    'wrong passphrase.*"empty".* 7f475b5d20a645dc.* gives [0-9a-f]{16}' enroll empty /srv/.empty /srv/empty 'wrong horse' --headless
refused "the lower directory of another volume" 77 '/srv/.vault is the lower directory of the volume "vault" already' \
    enroll again /srv/.vault /srv/again 'correct horse battery'
refused "a second volume of the same name" 77 'already has a volume called "vault"' \
    enroll vault /srv/.second /srv/second 'another passphrase'

mount -t tmpfs tmpfs /srv/second
refused "a mount point with something mounted" 77 '/srv/second is in use: tmpfs' \
    enroll second /srv/.second /srv/second 'another passphrase'
umount /srv/second
touch /srv/second/file
refused "a mount point with files" 77 '/srv/second is in use: it holds files' \
    enroll second /srv/.second /srv/second 'another passphrase'
rm /srv/second/file
refused "the mount point of another volume" 77 '/srv/vault is in use: .*"vault"' \
    enroll second /srv/.second /srv/vault 'another passphrase'

mount --bind /etc/sealmount /etc/sealmount
mount -o remount,bind,ro /etc/sealmount
refused "a read-only /etc/sealmount" 73 '/etc/sealmount.*[Rr]ead-only' enroll second /srv/.second /srv/second 'another passphrase'
umount /etc/sealmount

# A file system that fills up before the first, the second, ... file is written; each file takes a page.
full_file_system() {
    local room status before failures=0
    cp -a /etc/sealmount /root/sealmount
    mount -t tmpfs -o size=256k,mode=755 tmpfs /etc/sealmount
    cp -a /root/sealmount/. /etc/sealmount/
    before=$(configuration)
    for room in 0 1 2 3 4 5; do
        rm -f /etc/sealmount/filler
        dd if=/dev/zero of=/etc/sealmount/filler bs=4096 status=none 2>/dev/null || true
        truncate -s -$((room * 4096)) /etc/sealmount/filler
        status=0
        enroll second /srv/.second /srv/second 'another passphrase' --master new || status=$?
        rm /etc/sealmount/filler
        [ "$status" != 0 ] || break
        failures=$((failures + 1))
        [ "$status" = 73 ]
        diff <(echo "$before") <(configuration)
    done
    umount /etc/sealmount
    # Master key, key, manifest.
    [ "$failures" = 3 ] && [ "$status" = 0 ]
}
check "a full /etc/sealmount: whatever could not be written, nothing was changed" full_file_system

check "the volume starts" eval 'systemctl daemon-reload && systemctl start srv-vault.mount && readable /srv/vault'
check "and stops" eval 'systemctl stop srv-vault.mount && wait_until inactive sealmount-keys@vault.service'
busy() {
    exec 8<>/dev/tpm0
    (sleep 4; echo released >/tmp/released) &
    exec 8>&-
    [ ! -e /tmp/released ]
    systemctl start srv-vault.mount
    [ -e /tmp/released ]
    readable /srv/vault
}
check "a TPM that another program holds for four seconds is waited for" busy
END

boot no-tpm --no-tpm <<'END'
. /lab/refused.sh
refused "no TPM, with a master key that is there" 69 'no TPM' enroll second /srv/.second /srv/second 'another passphrase'
refused "no TPM, with a new master key" 69 'no TPM' enroll second /srv/.second /srv/second 'another passphrase' --master new
END
