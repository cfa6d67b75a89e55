#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# the TPM dies: passphrase and recovery key at the prompt, the next TPM, and another machine with nothing but the files
need_product

cat >"$SHARE/words.sh" <<'END'
volumes() { local n; for n in {1..10}; do readable "/srv/v$n"; done; }
# outcomes WAY: how many unlocks of this boot ended in this way.
outcomes() {
    journalctl -b -o json --no-pager MESSAGE_ID=fb38ccd3b3fc4e8ebc8a371a4c997e68 | jq -rs --arg way "$1" '[.[] | select(.WAY == $way)] | length'
}
END

boot enroll <<'END'
make_ten() {
    local n
    for n in {1..10}; do
        make_volume "/srv/.v$n" "/srv/v$n" "passphrase $n" 16 plain
        enroll "v$n" "/srv/.v$n" "/srv/v$n" "passphrase $n" --quiet $([ "$n" -gt 1 ] || echo --save-recovery-key /root/recovery-key)
    done
}
check "ten volumes are made and enrolled under one master key" make_ten
check_output "with a recovery key" 'slot 2: recovery key' sealmount slots
check_output "in systemd's form" '^([b-lnrt-v]{8}-){7}[b-lnrt-v]{8}$' cat /root/recovery-key
give key "$(cat /root/recovery-key)"
tar -C / -cf /lab/rescue.tar etc/sealmount srv/.v3 srv/.v7 srv/v7
# For the next boot, the third is the only automatic one: what it asks is answered.
check "the machine goes on without ecryptfs-utils" purge_utils
cp /etc/sealmount/manifest.json /root/all.json
jq '.volumes |= map(if .name == "v3" then . else .noauto = true end)' /root/all.json >/etc/sealmount/manifest.json
END
key=$(given enroll key)
# answered BOOT: how many questions of that boot were answered.
answered() { local asked=$WORK/boots/$1/asked; echo $(($(grep -c 'eCryptfs' "$asked") - $(grep -c 'no answer left' "$asked" || true))); }

new_tpm
boot passphrase --answer 'passphrase 3' <<'END'
. /lab/words.sh
check "the passphrase opens its volume" readable /srv/v3
expect_equal "by itself" 1 "$(outcomes passphrase)"
check_fails "and no other one" mounted /srv/v1
cat /root/all.json >/etc/sealmount/manifest.json
END
expect_equal "the question" 'Passphrase or recovery key of the eCryptfs volume v3 (/srv/v3):' "$(cat "$WORK/boots/passphrase/asked")"

# On two processors, so that ten unlocks race for one answer, and below for one unseal.
PROCESSORS=2 boot recovery-key --answer "${key^^}" <<'END'
. /lab/words.sh
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check "the recovery key opens all ten" volumes
expect_equal "one unlock had it" 1 "$(outcomes recovery-key)"
expect_equal "the others were given their keys" 9 "$(outcomes loaded-already)"
journalctl -b -o cat --no-pager MESSAGE_ID=fb38ccd3b3fc4e8ebc8a371a4c997e68
check_no_output "no question is left open" . find /run/systemd/ask-password -name 'ask.*'
check_no_output "the master key is in no keyring" . master_keys
check_output "status says how" '\(by the recovery key\)' sealmount status
check_output "check says what is wrong" 'bad .*cleared or swapped' sealmount check
check_output "slots of another TPM do not fit" 'does not fit now' sealmount slots
check_no_output "whatever its PCRs are" 'fits now' sealmount slots
check "the recovery key binds them to this TPM" sealmount reseal --recover --new-tpm --recovery-key-file /root/recovery-key
check_output "which opens them now" 'slot 3 of 1' sealmount check
check_output "and the recovery key stays" 'good .*has a recovery key \(slot 2\)' sealmount check
END
expect_equal "one question was answered, in capitals" 1 "$(answered recovery-key)"
step "questions in that boot: $(grep -c eCryptfs "$WORK/boots/recovery-key/asked")"

PROCESSORS=2 boot unattended --answer 'nobody needs this' <<'END'
. /lab/words.sh
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check "all ten are mounted" volumes
expect_equal "one unlock asked the TPM" 1 "$(outcomes tpm)"
END
expect_equal "nobody was asked" 0 "$(wc -l <"$WORK/boots/unattended/asked" 2>/dev/null || echo 0)"

new_disk "$LAB_SUITE"
printf '%s\n' "$key" >"$SHARE/recovery-key"
boot rescue --no-tpm <<'END'
check_fails "this machine knows no volume" test -e /etc/sealmount
mkdir -p /rescue /mnt/v
tar -C /rescue -xf /lab/rescue.tar
echo 'passphrase 3' >/root/passphrase
check "the lower directory and the passphrase are enough" \
    sealmount recover --lower /rescue/srv/.v3 --mountpoint /mnt/v --passphrase-file /root/passphrase
expect_equal "the file is there" 'a secret in /srv/v3' "$(cat /mnt/v/secret)"
check_fails "and cannot be changed" touch /mnt/v/secret
check_no_output "no key stays behind" . hidden_keys
check_no_output "nor a master key" . master_keys
check "it is unmounted" umount /mnt/v
check "with the backup, the recovery key opens another" \
    sealmount recover v7 --root /rescue --recovery-key-file /lab/recovery-key --read-write
expect_equal "its file is there" 'a secret in /srv/v7' "$(cat /rescue/srv/v7/secret)"
check "and can be changed, on request" eval 'echo more >/rescue/srv/v7/more && umount /rescue/srv/v7'
check "which lasts" sealmount recover v7 --root /rescue --recovery-key-file /lab/recovery-key
expect_equal "to the letter" more "$(cat /rescue/srv/v7/more)"
check "it is unmounted" umount /rescue/srv/v7
END
