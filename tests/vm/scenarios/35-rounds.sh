#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# rounds of stop and start, with daemon-reload in between and stops while starting, leave nothing behind
need_product

# SEALMOUNT_LAB_ALL=yes: twenty.
rounds=8
[ -z "${SEALMOUNT_LAB_ALL:-}" ] || rounds=20
printf '%s\n' "$rounds" >"$SHARE/rounds"

boot enroll <<'END'
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
check "it is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery'
END

# On two processors, where a stop and a start can race.
PROCESSORS=2 boot rounds <<'END'
check "it is mounted" readable /srv/vault
keys=sealmount-keys@vault.service load=sealmount-load@vault.service
settled() { [ "$(systemctl show -P Job "$keys")$(systemctl show -P Job srv-vault.mount)" = 00 ] || [ -z "$(systemctl list-jobs --no-legend | grep -E 'vault')" ]; }
check_unmounted() { if mounted /srv/vault; then return 1; fi; }
nothing_left() {
    wait_until inactive "$keys"
    check_unmounted
    [ -z "$(hidden_keys)" ] && [ -z "$(master_keys)" ]
    local kind
    for kind in loaded-session saved-session transient; do
        [ -z "$(tpm_handles "$kind")" ]
    done
}
round() {
    systemctl stop srv-vault.mount
    [ $(($1 % 2)) = 0 ] || systemctl daemon-reload
    systemctl start srv-vault.mount
    [ $(($1 % 3)) = 0 ] || systemctl daemon-reload
    readable /srv/vault
}
rounds() { local n; for ((n = 1; n <= $(cat /lab/rounds); n++)); do round "$n"; done; }
check "$(cat /lab/rounds) rounds end mounted and readable" rounds
check "a stop takes everything with it" systemctl stop srv-vault.mount
check "no key, TPM handle or mount is left" nothing_left

# A start that is stopped at another moment each time: in the queue, at the TPM, loading, mounting.
interrupted() {
    systemctl start --no-block srv-vault.mount
    sleep "$1"
    if ! systemctl stop srv-vault.mount; then
        # The stop came when mount(8) had mounted and not ended: systemd ends it, finds the volume mounted, and says that the
        # unmounting failed (mount_enter_dead_or_mounted() in its src/core/mount.c). The next stop unmounts.
        note "systemd has ended mount(8), and left the volume mounted"
        mounted /srv/vault
        systemctl stop srv-vault.mount
    fi
    systemctl reset-failed srv-vault.mount "$load" 2>/dev/null || true
    wait_until settled
    nothing_left
}
for delay in 0 0.05 0.1 0.2 0.3 0.4 0.5 0.6 0.8 1.0 1.3 1.6; do
    check "stopped $delay s after the start, nothing is left" interrupted "$delay"
done
check "and it starts again" systemctl start srv-vault.mount
check "readable" readable /srv/vault
expect_equal "nothing failed" running "$(systemctl is-system-running)"
END
