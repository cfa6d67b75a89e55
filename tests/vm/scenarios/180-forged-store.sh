#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# a store that somebody edited who has not the master key: at boot, in both forms, and what the kernel itself says to it
need_product

cat >"$SHARE/forged.sh" <<'END'
file=/etc/sealmount/masters/default.json
edit() { jq "$@" "$file" >/root/edited && cat /root/edited >"$file"; }
kinds() { sealmount slots --json | jq -c '[.slots[].words]'; }
# proves TEXT: does the kernel take it, under the user key "forged" of the bytes in /root/master?
proves() { keyctl add encrypted forged-proof "load $1" @s >/dev/null; }

# kernels_word: the kernel authenticates format, description, length, vector and contents of the text of a key that nobody uses.
kernels_word() {
    local text good at digit
    head -c 32 /dev/urandom >/root/master
    keyctl padd user forged @s </root/master >/dev/null
    keyctl add encrypted forged-proof "new default user:forged 32" @s >/dev/null
    good=$(keyctl pipe "$(keyctl search @s encrypted forged-proof)")
    keyctl unlink "$(keyctl search @s encrypted forged-proof)" @s
    check "the kernel takes the text of a key in the format 'default'" proves "$good"
    keyctl unlink "$(keyctl search @s encrypted forged-proof)" @s
    for at in 0 15 31 34 97 98 161; do # vector, contents, HMAC: first and last digits
        text=${good##* }
        digit=0
        [ "${text:at:1}" != 0 ] || digit=1
        check_fails "not with another digit $at" proves "${good% *} ${text:0:at}$digit${text:at+1}"
    done
    check_fails "not in another format" proves "enc32 ${good#* }"
    check_fails "not under another name of the same master key" eval \
        'keyctl padd user forged-too @s </root/master >/dev/null && proves "'"${good/user:forged/user:forged-too}"'"'
}
END

boot enroll --kernel lab <<'END'
. /lab/forged.sh
note "Linux $(uname -r)"
kernels_word
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 plain
check "it is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery'
expect_equal "the file is proved" 2 "$(jq .version "$file")"
check "the policy is suspended" sealmount suspend --boots 3
cp -a /etc/sealmount /root/good
check "somebody plants a slot of PCR 16, and lets the suspension be over" edit '.slots += [.slots[0] | .id = 8
    | .policy = {pcrs: [{bank: "sha256", values: {"16": ("0" * 64)}}]}] | .slots[1].policy.last_boot = 0'
END

boot planted --answer 'correct horse battery' <<'END'
. /lab/forged.sh
check "the volume is open only because its passphrase was typed" readable /srv/vault
check_output "the journal says why" 'masters/default.json is not as it was written' unlock_journal vault
check "the service that ends suspensions has failed" wait_until systemctl is-failed -q sealmount-resume.service
check_output "it refused" 'its proof fails' journalctl -b --no-pager -o cat -u sealmount-resume.service
expect_equal "nothing was sealed: the slots are those that were planted" 3 "$(jq '.slots | length' "$file")"
check_fails "check says that it would not open" sealmount check
check "the right files come back" eval 'rm -rf /etc/sealmount && cp -a /root/good /etc/sealmount'
END

boot right --answer 'not needed' <<'END'
. /lab/forged.sh
check "the volume is mounted" readable /srv/vault
check_output "by the TPM, as a trusted key" 'unlocked by the TPM .*trusted key' unlock_journal vault
check_no_output "the proof is in no keyring" . eval 'grep -F sealmount: /proc/keys || true'
expect_equal "nobody was asked" '' "$(cat /lab/results/asked)"
check "the proof is taken away" edit 'del(.seal, .keys, .may_rebind) | .version = 1'
END

boot stripped --answer 'correct horse battery' <<'END'
. /lab/forged.sh
check "the volume is open only because its passphrase was typed" readable /srv/vault
check_output "the journal says why" 'has no proof, and keys/.* was written with one' unlock_journal vault
check "the right files come back" eval 'rm -rf /etc/sealmount && cp -a /root/good /etc/sealmount'
END

# The kernels without trusted keys: there the program itself looks.
for kernel in stock new; do
    boot "$kernel" --kernel "$kernel" --answer 'not needed' <<'END'
. /lab/forged.sh
note "Linux $(uname -r)"
kernels_word
check "the volume is mounted" readable /srv/vault
check_output "by the TPM, as a user key" 'unlocked by the TPM .*user key' unlock_journal vault
check "a note is edited" edit '.slots[0].note = "edited"'
END
    boot "$kernel-edited" --kernel "$kernel" --answer 'correct horse battery' <<'END'
. /lab/forged.sh
check_output "an edited file is refused" 'masters/default.json is not as it was written' unlock_journal vault
check "and the passphrase opens the volume" readable /srv/vault
check "the right files come back" eval 'rm -rf /etc/sealmount && cp -a /root/good /etc/sealmount'
END
done
