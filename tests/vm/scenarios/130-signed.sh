#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# values of PCR 11 that a key's owner has signed: by systemd-measure and by sign-policy; two kernels in one file; and refusals
need_product

new_esp
new_ukis

cat >"$SHARE/words.sh" <<'END'
SIGNATURES=/etc/systemd/tpm2-pcr-signature.json
by_tpm() {
    check "the volume is mounted" readable /srv/vault
    check_output "by the TPM" 'unlocked by the TPM \(slot 1, trusted key\)' unlock_journal vault
}
# measure IMAGE KEY: systemd-measure signs the boot phases of a unified image, those that its kernel is in when volumes are
# unlocked and later; they are added to what is signed already, which systemd-measure 252 cannot do itself.
measure() {
    local image=$1 key=$2
    cd "/lab/sections/$image"
    /lib/systemd/systemd-measure sign --bank=sha256 --phase='' --phase=sysinit --phase=sysinit:ready --linux=linux --osrel=osrel \
        --cmdline=cmdline --initrd=initrd --private-key="$key.pem" --public-key="$key.pub" >/run/signed.json
    [ -e "$SIGNATURES" ] || echo '{"sha256":[]}' >"$SIGNATURES"
    jq -c -s '{sha256: (.[0].sha256 + .[1].sha256)}' "$SIGNATURES" /run/signed.json >/run/both.json
    cp /run/both.json "$SIGNATURES"
}
make_key() {
    openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.pem"
    openssl pkey -in "$1.pem" -pubout -out "$1.pub"
}
# against PATTERN: what stands against the slot now.
against() { check_output "$1" "$2" sealmount slots; }
END

boot enroll --firmware <<'END'
. /lab/words.sh
check_output "the first build runs" -lab$ uname -r
mkdir -p /etc/systemd
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 plain
check "a key" make_key /root/key
check "another key" make_key /root/other
check "systemd-measure signs this image" measure lab /root/key
check "the volume is enrolled under what the key's owner signs" enroll vault /srv/.vault /srv/vault 'correct horse battery' \
    --policy signed --public-key /root/key.pub
check "the next image is signed into the same file" measure next /root/key
expect_equal "six states are signed" 6 "$(jq '.sha256 | length' "$SIGNATURES")"
END

boot first --firmware --answer 'not needed' <<'END'
. /lab/words.sh
check_output "the first build runs" -lab$ uname -r
by_tpm
check "the next image is installed" eval 'cp /lab/upgrade/next.efi "$ESP/EFI/Linux/next.efi" && esp_default next.efi'
END

boot second --firmware --answer 'not needed' <<'END'
. /lab/words.sh
check_output "the second build runs" -lab-next$ uname -r
by_tpm
check "nobody was asked" eval '[ ! -s /lab/results/asked ]'

# What systemd-measure reckons is what sign-policy signs, and systemd's own tools take it.
boot_value=$(replayed_table 11) now_value=$(pcr_table 11)
rm "$SIGNATURES"
against "without the file the reason is reported" "$SIGNATURES: No such file or directory"
check "sign-policy signs the value of now" sealmount sign-policy --private-key /root/key.pem --pcr "11=${now_value#* }" --output "$SIGNATURES"
check_output "the slot fits" 'fits now' sealmount slots
creds() {
    printf 'a secret of systemd' | systemd-creds encrypt --with-key=tpm2-with-public-key --tpm2-public-key=/root/key.pub \
        --tpm2-public-key-pcrs=11 --name=x - /run/x.cred &&
        systemd-creds decrypt --name=x --tpm2-signature="$SIGNATURES" /run/x.cred -
}
check_output "systemd's own tools accept the signature" '^a secret of systemd$' creds

sign_other() { rm -f "$SIGNATURES" && sealmount sign-policy --private-key /root/other.pem --pcr "11=${now_value#* }" --output "$SIGNATURES"; }
check "another key signs" sign_other
against "a wrong key is refused with the reason" 'signature.json: .*key'
sign_pcr12() { rm -f "$SIGNATURES" && sealmount sign-policy --private-key /root/key.pem --pcr "12=$(pcr_value 12)" --output "$SIGNATURES"; }
check "the key signs PCR 12" sign_pcr12
against "other PCRs are refused with the reason" 'signature.json: .*PCR'
sign_state() { rm -f "$SIGNATURES" && sealmount sign-policy --private-key /root/key.pem --pcr "11=$(printf '11%.0s' {1..32})" --output "$SIGNATURES"; }
check "the key signs another state" sign_state
against "another state is refused with the reason" 'signature.json: .*state'
sign_damaged() {
    rm -f "$SIGNATURES" && sealmount sign-policy --private-key /root/key.pem --pcr "11=${now_value#* }" --output "$SIGNATURES" &&
        sed -i -E 's/("sig":")(.)/\1\2\2/; s/==?"/"/' "$SIGNATURES"
}
check "a signature is damaged" sign_damaged
against "a damaged one is refused with the reason" 'signature.json: '
printf '{ "sha256": [' >"$SIGNATURES"
against "and a file that is cut off" 'signature.json: .*1:14'
check "sign-policy signs the value at which volumes are unlocked" eval \
    'rm "$SIGNATURES" && sealmount sign-policy --private-key /root/key.pem --pcr "11=${boot_value#* }" --output "$SIGNATURES"'
END

boot ours --firmware --answer 'not needed' <<'END'
. /lab/words.sh
by_tpm
check "the file is gone at the next boot" rm "$SIGNATURES"
END

boot missing --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
check "the passphrase opened the volume" readable /srv/vault
check_output "the journal says which file is missing" "slot 1: $SIGNATURES: No such file or directory" unlock_journal vault
END
