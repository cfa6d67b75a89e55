#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# the files are the standard ones: openssl reads the sealed object, keyctl and the kernel load everything without us
need_product
cp "$VM_DIR/tools/by-hand" "$SHARE/"

boot all <<'END'
signature=7f475b5d20a645dc names=c61563a65ef80ad1
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
check "it is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery' --pcrs 7+11
jq -r '.slots[0].sealed' /etc/sealmount/masters/default.json | base64 -d >/tmp/sealed.der
keep /etc/sealmount /tmp/sealed.der

parse() { openssl asn1parse -inform DER -in /tmp/sealed.der; }
check "openssl parses the sealed object to its end" parse
expect_equal "it is a SEQUENCE of an OID, a flag, an INTEGER and two OCTET STRINGs" \
    'SEQUENCE OBJECT cont BOOLEAN INTEGER OCTET OCTET' \
    "$(parse | sed -E 's/^[^:]*:d=[^:]*(prim|cons): *([A-Z]+|cont).*/\2/' | paste -sd' ')"
check_output "the OID is that of a loadable TSS2 key" ':2\.23\.133\.10\.1\.5$' parse
check_output "its parent is the storage root key" 'INTEGER +:81000001$' parse

check "the trusted key loads by hand" bash /lab/by-hand default /etc/sealmount/masters/default.json 7 11
check "what the kernel has is what is in the file" \
    eval '[ "$(keyctl print "$(keyctl search @s trusted default)")" = "$(od -An -v -tx1 /tmp/sealed.der | tr -d " \n")" ]'
for key in "$signature" "$names"; do
    check "the encrypted key $key loads by hand" keyctl add encrypted "$key" "load $(cat "/etc/sealmount/keys/$key.key")" @u
    check "and the kernel gives back the very text" eval '[ "$(keyctl print "$(keyctl search @u encrypted '"$key"')")" = "$(cat /etc/sealmount/keys/'"$key"'.key)" ]'
done
by_hand() {
    mount -i -t ecryptfs -o "ecryptfs_sig=$signature,ecryptfs_fnek_sig=$names,ecryptfs_cipher=aes,ecryptfs_key_bytes=32" /srv/.vault /srv/vault
    readable /srv/vault
    umount /srv/vault
}
check "with these keys the kernel alone mounts the volume" by_hand
check "by-hand left no session in the TPM" eval '[ -z "$(tpm_handles loaded-session)" ]'
check "with a PCR changed" tpm2_pcrevent -Q -T device:/dev/tpmrm0 11 /etc/hostname
check_fails "the trusted key does not load any more" bash /lab/by-hand again /etc/sealmount/masters/default.json 7 11
END
