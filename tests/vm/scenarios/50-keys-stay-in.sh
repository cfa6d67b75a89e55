#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# root cannot read a key back after the boot; the attack that reads an unprotected one is shown to work first
need_product
cp "$VM_DIR/tools/by-hand" "$VM_DIR/tools/open-key" "$SHARE/"

boot enroll <<'END'
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
check "it is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery'
END

boot attack <<'END'
content=7f475b5d20a645dc names=c61563a65ef80ad1
# What these two keys are derived from is known: it is the passphrase's SHA-512, 65536 times.
content_key=6a254d8e80ce744e1c9d0606e42ab475b6e1ac2e009fb1b353fb749fb0c0645509070a66a2f6dfd71b7d4155b405e80592325a290f9ab14b1b2c4cc22bf5e837
check "the volume is mounted" readable /srv/vault
check_no_output "no master key is in any keyring" . master_keys

# A trusted key of known content: 32 bytes, and the byte of the old format that is cut off.
known=$(printf 'k%.0s' {1..32})
make_evil() {
    cd /tmp
    printf '%s\0' "$known" >known
    tpm2_create -Q -T device:/dev/tpmrm0 -C 0x81000001 -i known -u evil.pub -r evil.priv
    keyctl add trusted evil "load $(cat evil.priv evil.pub | od -An -v -tx1 | tr -d ' \n') keyhandle=0x81000001" @s
}
check "the attacker has a trusted key of known content" make_evil

# rewrap KEY: puts it under the attacker's master key and reads it.
rewrap() {
    keyctl update "$1" "update trusted:evil" && keyctl print "$1" | bash /lab/open-key "$known"
}
make_control() {
    bash /lab/by-hand default /etc/sealmount/masters/default.json 7
    keyctl add encrypted "$content" "load $(cat "/etc/sealmount/keys/$content.key")" @s
    keyctl unlink "$(keyctl search @s trusted default)" @s
}
check "a copy of the key is loaded without protection" make_control
control=$(keyctl search @s encrypted "$content")
expect_equal "from the copy the attack reads the key" "$content_key" "$(rewrap "$control")"
keyctl unlink "$control" @s

for signature in "$content" "$names"; do
    key=$(keyctl search @u encrypted "$signature")
    check "the kernel's key $signature is another one" test "$key" != "$control"
    check_fails "$signature: the attack fails" rewrap "$key"
    check_fails "$signature: keyctl update" keyctl update "$key" "update trusted:evil"
    check_fails "$signature: an update by adding it again" keyctl add encrypted "$signature" "update trusted:evil" @u
    check_fails "$signature: keyctl print" keyctl print "$key"
    check_fails "$signature: keyctl read" keyctl read "$key"
    check_fails "$signature: keyctl pipe" keyctl pipe "$key"
    check_fails "$signature: keyctl setperm" keyctl setperm "$key" 0x3f3f3f3f
    check_fails "$signature: keyctl chown" keyctl chown "$key" 0
    check_fails "$signature: keyctl chgrp" keyctl chgrp "$key" 0
    check_fails "$signature: keyctl link, to possess it in another way" keyctl link "$key" @s
    check_fails "$signature: keyctl describe" keyctl rdescribe "$key"
done
# What is read is encrypted under the master key of that name which the *reader* has, and for reading a key it is enough to find it
# (security/keys/keyctl.c, keyctl_read_key): an impostor of the master key needs no permission that a mount does not need, too.
impostor() { keyctl print "$1" | bash /lab/open-key "$known"; }
make_impostor() {
    make_control
    keyctl add trusted default "load $(cat /tmp/evil.priv /tmp/evil.pub | od -An -v -tx1 | tr -d ' \n') keyhandle=0x81000001" @s
}
check "the attacker's trusted key is called as ours, next to a copy without protection" make_impostor
control=$(keyctl search @s encrypted "$content")
expect_equal "from the copy the attack of the impostor reads the key" "$content_key" "$(impostor "$control")"
keyctl unlink "$control" @s
for signature in "$content" "$names"; do
    check_fails "$signature: the attack of the impostor fails" impostor "$(keyctl search @u encrypted "$signature")"
done
check_fails "no key can be called as the master key that ours have now" keyctl add user "$(printf 'x%.0s' {1..5000})" x @s

# The passive look: nothing that can be seen has the content.
check_no_output "no key that can be seen is ours" "$content|$names|trusted:? default" cat /proc/keys
check "the volume is still readable" readable /srv/vault
END
