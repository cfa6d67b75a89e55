#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# what one unlock costs, in a machine that counts instructions
need_product
# shellcheck disable=SC2034 # boot.sh reads it
ENGINE=qemu
check "measure is compiled" g++ -std=c++20 -Os -static -o "$SHARE/measure" "$BENCHMARK/measure.cpp"
cp "$BENCHMARK/guest.sh" "$SHARE/"

boot enroll <<'END'
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 plain
check "it is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery' --noauto
END

# measured NAME MASTER [KERNEL]: the costs are then in boots/NAME/costs, with the number of TPM commands in place of the mark.
measured() {
    # shellcheck disable=SC2034 # boot.sh reads it
    COUNTED=yes
    boot "$1" ${3:+--kernel "$3"} --seconds 3000 <<END
. /lab/guest.sh
attempt ours
attempt keyctl_pair $2
attempt cryptsetup_attach
attempt creds_decrypt
attempt clevis_decrypt
attempt tools_by_hand
END
    # shellcheck disable=SC2034
    COUNTED=no
    local name cpu peak mark spread
    while read -r name cpu peak mark spread; do
        printf '%s %s %s %s %s\n' "$name" "$cpu" "$peak" "$(wire_count "$WORK/boots/$1/wire.log" "$mark")" "$spread"
    done <"$WORK/boots/$1/costs" >"$RESULTS/unlock-$1.txt"
    cp "$WORK/boots/$1/calls" "$RESULTS/calls-$1.txt"
    check "ours is among what was measured" grep -q '^sealmount ' "$RESULTS/unlock-$1.txt"
}

# cost NAME WAY FIELD
cost() { awk -v way="$2" -v field="$3" '$1 == way { print $field }' "$RESULTS/unlock-$1.txt"; }
at_most() { awk -v a="$1" -v b="$2" -v factor="$3" 'BEGIN { exit !(a > 0 && b > 0 && a <= b * factor) }'; }

measured trusted trusted
check "trusted: at most what the bare keyctl pair costs" \
    at_most "$(cost trusted sealmount 2)" "$(cost trusted keyctl-pair 2)" 1.0
check "trusted: less than 4 MiB at the most" at_most "$(cost trusted sealmount 3)" 4095 1
check "trusted: at most 7 TPM commands" at_most "$(cost trusted sealmount 4)" 7 1
if [ -z "${SEALMOUNT_BENCHMARK_TRUSTED_ONLY:-}" ]; then
    measured user user stock
    check "user: at most 0.15 of systemd-cryptsetup attach" \
        at_most "$(cost user sealmount 2)" "$(cost user systemd-cryptsetup 2)" 0.15
fi
