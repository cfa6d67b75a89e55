#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# keys that ecryptfs-add-passphrase put into the keyring are enrolled with nothing typed; so is a passphrase from a credential
need_product

boot enroll <<'END'
content=7f475b5d20a645dc names=c61563a65ef80ad1
make_three() {
    make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
    make_volume /srv/.plain /srv/plain 'another passphrase' 16 plain
    make_volume /srv/.third /srv/third 'a third one' 16 content-key
}
check "ecryptfs-utils make three volumes" make_three
add_passphrase() { printf '%s' "$1" | ecryptfs-add-passphrase "${@:2}" -; }
from_keyring() {
    local name=$1
    shift
    sealmount enroll "$name" --lower "/srv/.$name" --mountpoint "/srv/$name" --from-keyring "$@"
}
user_key() { keyctl search @u user "$1"; }

# refused WORDS STATUS PATTERN COMMAND...
refused() {
    local words=$1 status=$2 pattern=$3
    shift 3
    said() { "$@" >/tmp/said 2>&1; }
    check_status "$words: refused" "$status" said "$@"
    check_output "$words: says why" "$pattern" cat /tmp/said
    check "$words: nothing was written" eval '[ ! -e /etc/sealmount ] && [ ! -e /srv/new ]'
}
refused "a key that is not there" 66 "does not hold the user key $content; .*ecryptfs-add-passphrase" from_keyring vault "$content"
keyctl add user "$content" nonsense @u >/dev/null
refused "a user key that is not a token" 65 "$content in the keyring is not an eCryptfs key" from_keyring vault "$content"
keyctl clear @u
check "ecryptfs-add-passphrase puts the key of another volume there" add_passphrase 'another passphrase'
other=$(keyctl list @u | sed -n 's/.*user: //p')
refused "the key of another volume" 77 "was made with the key $content, the key in the keyring is $other" from_keyring vault "$other"
check "ecryptfs-add-passphrase puts the right one there" add_passphrase 'correct horse battery'
refused "a key without that of the file names" 66 "the user key $names, .*ecryptfs-add-passphrase --fnek" from_keyring vault "$content"

check "with --fnek it puts both there" add_passphrase 'correct horse battery' --fnek
check "the volume is enrolled, with nothing typed" from_keyring vault "$content" --unlink
check_fails "the key that could be read is gone" user_key "$content"
check_fails "so is that of the file names" user_key "$names"
check_output "the key of the other volume has stayed" . user_key "$other"

# As sudo and services have it: a session in which the user keyring is not linked.
said() { keyctl session - sealmount enroll plain --lower /srv/.plain --mountpoint /srv/plain --from-keyring "$other" >/tmp/said 2>&1; }
check_fails "in another session its key cannot be read" keyctl session - keyctl print "$(user_key "$other")"
check "but enrolled" said
check_output "the warning says how to drop it" "user key $other is still in the keyring.*keyctl unlink" cat /tmp/said
check "it is there" user_key "$other"
drop() { eval "$(sed -n "s/.*drop it with '\(.*\)'\$/\1/p" /tmp/said)"; }
check "the command of the warning drops it" drop
check_fails "it is gone" user_key "$other"

printf 'a third one\n' >/root/passphrase
check "a passphrase from a credential" systemd-run --quiet --pipe --wait -p LoadCredential=third:/root/passphrase \
    sealmount enroll third --lower /srv/.third --mountpoint /srv/third --passphrase-credential third
END

boot use --answer 'not needed' <<'END'
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check "nobody was asked anything" eval '[ ! -s /lab/results/asked ]'
for volume in vault plain third; do
    check "$volume is mounted and readable" readable "/srv/$volume"
    check_output "$volume: by the TPM" 'unlocked by the TPM|loaded already' unlock_journal "$volume"
done
check_no_output "no readable key is in any keyring" . master_keys
END
