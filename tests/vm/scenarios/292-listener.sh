#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# what crosses the TPM's bus: nothing where the program unseals; master key and PIN where a kernel before 6.10 does
need_product
cp "$VM_DIR/tools/unseal-slot" "$SHARE/"
check "the search is compiled" g++ -std=c++20 -O2 -static -o "$WORK/find_bytes" "$VM_DIR/tools/find_bytes.cpp"

# heard BOOT: all that crossed the bus in it, into $WORK/heard.
heard() {
    sed -nE '/^[[:space:]]*([0-9A-Fa-f]{2}[[:space:]]+)+$/p' "$WORK/boots/$1/wire.log" | tr -d ' \t\n' | xxd -r -p >"$WORK/heard"
    [ -s "$WORK/heard" ]
}
# holds BOOT WHAT: it has the bytes of the file WHAT.
holds() {
    printf 'needle %s\n' "$(od -An -v -tx1 -- "$2" | tr -d ' \n')" >"$WORK/needle"
    heard "$1" && "$WORK/find_bytes" "$WORK/heard" <"$WORK/needle" >"$WORK/found" && grep -q '^needle' "$WORK/found"
}
holds_none() { heard "$1" && ! holds "$@"; }

boot enroll <<'END'
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 plain
check "and another" make_volume /srv/.asks /srv/asks 'another passphrase' 16 plain
printf 2718281828 >/root/pin
check "one is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery'
check "the other with a PIN" enroll asks /srv/.asks /srv/asks 'another passphrase' --master asks --pin --pin-file /root/pin
END

boot by-kernel --answer 2718281828 <<'END'
check "both are open" eval 'readable /srv/vault && readable /srv/asks'
check_output "the kernel has unsealed" 'trusted key' unlock_journal vault
END

boot by-program --kernel stock --answer 2718281828 <<'END'
check "both are open" eval 'readable /srv/vault && readable /srv/asks'
check_output "the program has unsealed" 'user key' unlock_journal vault
check "verbs unseal, too" sealmount reseal default --pcrs 4+7
END

boot known --answer 2718281828 <<'END'
bash /lab/unseal-slot /etc/sealmount/masters/default.json 1 >/lab/results/master
END
printf 2718281828 >"$WORK/pin"
expect_equal "the master key is known" 32 "$(stat -c %s "$WORK/boots/known/master")"
check "the search finds what tpm2-tools had in the clear" holds known "$WORK/boots/known/master"
check "by the program, the master key did not cross the bus" holds_none by-program "$WORK/boots/known/master"
check "nor did the PIN" holds_none by-program "$WORK/pin"
check "by the kernel, the master key crossed it in the clear: by design" holds by-kernel "$WORK/boots/known/master"
check "and the PIN: by design" holds by-kernel "$WORK/pin"
check "so it did in the kernel's proof of an enrollment: by design" holds enroll "$WORK/boots/known/master"
