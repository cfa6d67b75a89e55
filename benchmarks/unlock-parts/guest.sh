#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# In the guest: what one unlock costs, each way in turn. Everything is bound to PCR 7. A way that this guest does not have is
# left out, with a note of why.

RUNS=7
secret=/run/secret
head -c 32 /dev/urandom >"$secret"

# way NAME MEASURE_ARGUMENT...: writes "NAME CPU_MS PEAK_KIB TPM_MARK", medians of all runs; once more between two marks in
# the TPM's wire log, which is where the host counts its commands.
printf '0\n' >/run/marks
mark() {
    wire_mark
    echo $(($(cat /run/marks) + 1)) >/run/marks
}
way() {
    local name=$1
    shift
    if ! /lab/measure "$RUNS" "$@" >/run/measured 2>/run/failed; then
        note "$name was not measured: $(tail -n 1 /run/failed)"
        return 0
    fi
    mark
    /lab/measure 1 "$@" >/dev/null
    mark
    sort -n /run/measured | awk -v name="$name" -v mark=$(($(cat /run/marks) - 1)) '
        { cpu[NR] = $1; if ($2 > peak) peak = $2 }
        END { printf "%s %.2f %d %d %.2f\n", name, cpu[int((NR + 1) / 2)] / 1000, peak, mark, (cpu[NR] - cpu[1]) / 1000 }' >>/lab/results/costs
}

# calls NAME PROGRAM...: writes "NAME NUMBER", the system calls of one run with all that it becomes; which, is in calls-NAME.
calls() {
    local name=$1
    shift
    strace -f -qq -c -S calls -o "/lab/results/calls-$name" "$@"
    awk -v name="$name" '$NF == "total" { print name, $4 }' "/lab/results/calls-$name" >>/lab/results/calls
}

lib=/usr/lib/sealmount
stop="$lib/sealmount-unlock-full unload vault"

ours() {
    # As in their services: with a journal and a service manager to report to.
    export NOTIFY_SOCKET=/run/systemd/notify JOURNAL_STREAM=1:1
    way sealmount --before "$stop" -- $lib/sealmount-unlock load vault
    way sealmount-full --before "$stop" -- $lib/sealmount-unlock-full load vault
    way sealmount-loaded -- $lib/sealmount-unlock load vault
    for program in sealmount-unlock sealmount-unlock-full; do
        $stop
        calls ${program/-unlock/} $lib/$program load vault
    done
    calls sealmount-loaded $lib/sealmount-unlock load vault
    unset NOTIFY_SOCKET JOURNAL_STREAM
    $stop
}

# Two calls of keyctl, as dracut's script makes them: no policy, no session, nothing checked.
keyctl_pair() {
    local master=$1 signature=00112233445566aa
    if [ "$master" = trusted ]; then
        keyctl add trusted pair "new 32 keyhandle=0x81000001" @s >/run/pair.id
        { printf 'load ' && keyctl pipe "$(cat /run/pair.id)"; } >/run/pair.master
    else
        head -c 24 /dev/urandom | base64 >/run/pair.master
        keyctl add user pair "$(cat /run/pair.master)" @s >/run/pair.id
    fi
    keyctl add encrypted $signature "new ecryptfs $master:pair 64" @s >/run/pair.key
    { printf 'load ' && keyctl print "$(cat /run/pair.key)"; } >/run/pair.text
    way keyctl-pair --before "keyctl purge encrypted $signature >/dev/null; keyctl purge $master pair >/dev/null" \
        -- keyctl add "$master" pair @/run/pair.master @s -- keyctl add encrypted $signature @/run/pair.text @s
    keyctl purge encrypted $signature >/dev/null
    keyctl purge "$master" pair >/dev/null
}

cryptsetup_attach() {
    local device
    truncate -s 32M /root/luks.img
    modprobe -a loop dm_mod dm_crypt 2>/dev/null || true
    device=$(losetup -f --show /root/luks.img)
    printf 'a passphrase' >/root/luks.pw
    cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file /root/luks.pw "$device"
    PASSWORD='a passphrase' systemd-cryptenroll --tpm2-device=auto --tpm2-pcrs=7 "$device" >/dev/null
    way systemd-cryptsetup --before '[ ! -e /dev/mapper/bench ] || /lib/systemd/systemd-cryptsetup detach bench' \
        -- /lib/systemd/systemd-cryptsetup attach bench "$device" - tpm2-device=auto,headless=yes
}

creds_decrypt() {
    systemd-creds encrypt --with-key=tpm2 --tpm2-pcrs=7 --name=x "$secret" /run/x.cred
    way systemd-creds -- systemd-creds decrypt --name=x /run/x.cred -
}

clevis_decrypt() {
    clevis encrypt tpm2 '{"pcr_ids":"7"}' <"$secret" >/run/x.jwe
    way clevis --stdin /run/x.jwe -- clevis decrypt
}

# What a careful hand does with tpm2-tools: an encrypting session, the policy, the unseal, and no file with the key.
tools_by_hand() {
    export TPM2TOOLS_TCTI=device:/dev/tpmrm0
    tpm2_startauthsession -Q -S /run/t.trial
    tpm2_policypcr -Q -S /run/t.trial -l sha256:7 -L /run/t.policy
    tpm2_flushcontext -Q /run/t.trial
    tpm2_create -Q -C 0x81000001 -L /run/t.policy -i "$secret" -u /run/t.pub -r /run/t.priv
    cat >/run/by-tools <<'SCRIPT'
set -e
tpm2_load -Q -C 0x81000001 -u /run/t.pub -r /run/t.priv -c /run/t.object
tpm2_startauthsession -Q --policy-session -c 0x81000001 -S /run/t.session
tpm2_policypcr -Q -S /run/t.session -l sha256:7
tpm2_unseal -Q -c /run/t.object -p session:/run/t.session | keyctl padd user bytools @s
tpm2_flushcontext -Q /run/t.session
SCRIPT
    way tpm2-tools --before 'keyctl purge user bytools >/dev/null' -- bash /run/by-tools
}

# attempt FUNCTION ARGUMENT...: one way that cannot be had must not cost the others.
attempt() {
    local status
    set +e
    (set -e; "$@") >/run/attempt 2>&1
    status=$?
    set -e
    [ "$status" = 0 ] || note "$1: $(tail -n 1 /run/attempt)"
}
