#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# a reload with a broken, emptied or renamed manifest, and imports of what is mounted, leave every mount alone
need_product

boot enroll <<'END'
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
check "it is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery'
check "and one more, with names" make_volume /srv/.other /srv/other 'another passphrase' 16 plain
check "enrolled as well" enroll other /srv/.other /srv/other 'another passphrase'
END

boot reload <<'END'
manifest=/etc/sealmount/manifest.json
cp "$manifest" /root/good
check "both are mounted" eval 'readable /srv/vault && readable /srv/other'
hold() { exec 9>/srv/vault/open; echo begun >&9; exec sleep infinity; }
hold & holder=$!
still() {
    check "$1: both stay mounted" eval 'readable /srv/vault && readable /srv/other'
    check "$1: somebody's open file as well" eval 'kill -0 '"$holder"' && [ "$(cat /srv/vault/open)" = begun ]'
}
# while_it_is WORDS COMMAND...: two reloads with what the command leaves of the manifest, then one with the good one.
while_it_is() {
    local words=$1
    shift
    "$@"
    check "$words: a reload" systemctl daemon-reload
    still "$words"
    check "$words: a second one" systemctl daemon-reload
    still "$words, again"
    cat /root/good >"$manifest"
    check "$words: it is repaired" systemctl daemon-reload
    still "$words, repaired"
    check "$words: systemd has both" systemctl is-active srv-vault.mount srv-other.mount
}
typing_error() { sed 's/"version"/version"/' /root/good >"$manifest"; }
emptied() { : >"$manifest"; }
gone() { rm "$manifest"; }
unknown_member() { jq '.volumes[0].size = 1' /root/good >"$manifest"; }
renamed() { jq '.volumes[0].name = "safe"' /root/good >"$manifest"; }
other_master() { jq '.volumes[0].master = "elsewhere"' /root/good >"$manifest"; }
while_it_is "a typing error" typing_error
while_it_is "an empty file" emptied
while_it_is "no file" gone
while_it_is "an unknown member" unknown_member
while_it_is "another name" renamed
while_it_is "another master key" other_master
check "daemon-reexec" systemctl daemon-reexec
still "daemon-reexec"
kill "$holder"; wait "$holder" || true
check "a stop ends it" systemctl stop srv-vault.mount
check_fails "it is unmounted" mounted /srv/vault
check "its keys go" wait_until eval '! has_key 7f475b5d20a645dc'
check "a start brings it back" systemctl start srv-vault.mount
check "readable" readable /srv/vault

# Renamed while it is mounted, for good.
renamed
check "it gets another name" systemctl daemon-reload
check "it stays mounted" readable /srv/vault
check "it stops" systemctl stop srv-vault.mount
check "it starts under its new name" systemctl start srv-vault.mount
check "readable" readable /srv/vault
check "stops" systemctl stop srv-vault.mount
check "its keys go" wait_until eval '! has_key 7f475b5d20a645dc'
cat /root/good >"$manifest"

# Lines of the table that are imported while they are mounted.
printf 'passphrase_passwd=a third one\n' >/root/options
chmod 600 /root/options
printf '/srv/.third /srv/third ecryptfs %s,%s 0 0\n' key=passphrase:passphrase_passwd_file=/root/options,no_sig_cache,ecryptfs_unlink_sigs \
    ecryptfs_passthrough=n,ecryptfs_cipher=aes,ecryptfs_key_bytes=16,ecryptfs_enable_filename_crypto=n,nofail >>/etc/fstab
by_table() {
    mkdir -p /srv/.third /srv/third
    systemctl daemon-reload
    mount /srv/third </dev/null
    printf 'a secret in /srv/third\n' >/srv/third/secret
}
check "a third volume is in the table of mounts, and mounted" by_table
check "it is imported while it is mounted" sealmount import-fstab --yes --comment-out
check "a reload" systemctl daemon-reload
check "it stays mounted" readable /srv/third
check "a second reload" systemctl daemon-reload
check "it stays mounted" readable /srv/third
check "systemd has it" systemctl is-active srv-third.mount
check "it stops" systemctl stop srv-third.mount
keyctl clear @u
check "and starts by the TPM" systemctl start srv-third.mount
check "readable" readable /srv/third
END

boot failed <<'END'
jq '.volumes += [{"name": "bad", "lower": "/a/../b"}]' /root/good >/etc/sealmount/manifest.json
END

boot seen <<'END'
check "with a refused volume the others are mounted" eval 'readable /srv/vault && readable /srv/other'
check_output "a unit has failed" '^sealmount-manifest.service ' systemctl list-units --failed --no-legend --plain
check_output "whose status has the sentence" 'volumes\[2\].*"/a/\.\./b" contains' systemctl status sealmount-manifest.service
cat /root/good >/etc/sealmount/manifest.json
check "after the fix it is well" systemctl restart sealmount-manifest.service
rm /etc/sealmount/manifest.json
END

boot lost <<'END'
check "the boot came to its end" systemctl is-active multi-user.target
check_output "a lost manifest is a failed unit" 'manifest.json: is missing, but there are master keys' systemctl status sealmount-manifest.service
cat /root/good >/etc/sealmount/manifest.json
chattr -i /srv/other
rmdir /srv/other
END

boot no-mountpoint <<'END'
check "one volume is mounted" readable /srv/vault
check_fails "the one without a mount point is not, and nobody made one" test -e /srv/other
check_output "a missing mount point is a failed unit" 'volume other: its mount point "/srv/other" is missing' systemctl status sealmount-manifest.service
END
