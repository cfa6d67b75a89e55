#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# every kind of policy with the kernel's trusted key and in the user form, and what each costs on the TPM's wire
need_product

cat >"$SHARE/kinds.sh" <<'END'
printf 1234 >/root/pin
# credential of the unlock unit: so nobody has to type
mkdir -p /run/credstore && printf 1234 >/run/credstore/sealmount.pin.vault
make_keys() {
    mkdir -p /etc/systemd
    openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out /root/rsa.pem
    openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out /root/ecc.pem
    local kind
    for kind in rsa ecc; do
        openssl pkey -in "/root/$kind.pem" -pubout -out "/root/$kind.pub"
        sealmount sign-policy --private-key "/root/$kind.pem" --pcr "16=$(pcr_value 16)" --output "/etc/systemd/$kind.json"
    done
}
check "keys and signed policies are made" make_keys
reseal() { sealmount reseal default "$@" --pin-file /root/pin --replace; }

# try MARK WORDS OPTION...: a slot of the kind alone opens the volume; the wire between the marks MARK and MARK+1 is its unlock.
try() {
    local mark=$1 words=$2
    shift 2
    check "$words: sealed" reseal "$@"
    check "$words: stopped" systemctl stop srv-vault.mount
    check "$words: the keys are gone" wait_until inactive sealmount-keys@vault.service
    wire_mark
    check "$words: started" systemctl start srv-vault.mount
    wire_mark
    check "$words: open" readable /srv/vault
    check_output "$words: by the TPM" "unlocked by the TPM \(slot [0-9]+, $FORM key\)" unlock_journal vault
    check "$words: through that slot" eval '[ "$(sealmount slots --json | jq ".slots | length")" = 1 ]'
}
try 1 "literal PCR 7" --pcrs 7
try 3 "literal PCRs 0 to 7" --pcrs 0+1+2+3+4+5+6+7
try 5 "literal PCRs of two banks" --pcrs 7:sha1+7:sha256
try 7 "boot window" --pcrs 7 --boot-window 40000
try 9 "signed, RSA" --policy signed --signed-pcrs 16 --public-key /root/rsa.pub --signatures /etc/systemd/rsa.json
try 11 "signed, ECC, and literal PCR 7" --policy signed --signed-pcrs 16 --public-key /root/ecc.pub --signatures /etc/systemd/ecc.json --pcrs 7
try 13 "PIN and literal PCR 7" --pcrs 7 --pin
try 15 "no condition" --policy none
expect_equal "no try was counted against the lockout" 0 "$(lockout_counter)"
expect_equal "no session is left" "" "$(tpm_handles loaded-session)"
END

boot enroll <<'END'
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 plain
check "it is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery'
END

boot trusted <<'END'
FORM=trusted
. /lab/kinds.sh
check "bound to PCR 7 again" reseal --pcrs 7
END

boot user --kernel stock <<'END'
FORM=user
. /lab/kinds.sh
END

kinds=('literal PCR 7' 'literal PCRs 0 to 7' 'literal PCRs of two banks' 'boot window' 'signed, RSA' 'signed, ECC, and PCR 7'
    'PIN and PCR 7' 'no condition')
table() {
    local i mark trusted user
    printf '%-28s %8s %8s\n' 'TPM commands for one unlock' trusted user
    for i in "${!kinds[@]}"; do
        mark=$((2 * i + 1))
        trusted=$(wire_count "$WORK/boots/trusted/wire.log" $mark)
        # The kernel's resource manager saves and loads a context around each command; that is not ours.
        user=$(wire_commands "$WORK/boots/user/wire.log" $mark | grep -cvE '^Context(Load|Save)$')
        printf '%-28s %8s %8s\n' "${kinds[i]}" "$trusted" "$user"
    done
}
step "TPM commands on the wire (user form: without the kernel's ContextLoad and ContextSave):"
table | details
check "a literal policy takes at most 7" test "$(wire_count "$WORK/boots/trusted/wire.log" 1)" -le 7
check "also with eight PCRs" test "$(wire_count "$WORK/boots/trusted/wire.log" 3)" -le 7
expect_equal "there was one unseal in each" 8 \
    "$(for i in "${!kinds[@]}"; do wire_commands "$WORK/boots/trusted/wire.log" $((2 * i + 1)); done | grep -cx Unseal)"
