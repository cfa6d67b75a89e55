#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# verbs that write slots and keys, killed on the way: the volumes start by the TPM at once, and after power cuts at the next boot
need_product
cp "$BUILD/tests/tools/libstep_shim.so" "$SHARE/"
# SEALMOUNT_LAB_ALL=yes strikes at every step; without, those between are left to the tests on the machine itself.
[ -z "${SEALMOUNT_LAB_ALL:-}" ] || : >"$SHARE/all"

cat >"$SHARE/words.sh" <<'END'
# Both volumes are headless: what the TPM does not open fails.
open_both() {
    systemctl start srv-old.mount srv-new.mount
    readable /srv/old && readable /srv/new
}
# The sandbox that unloads the keys of one may be at the mount point of the other just when that is unmounted (DESIGN.md).
close_both() {
    local cursor
    cursor=$(journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p')
    if ! systemctl stop srv-old.mount srv-new.mount; then
        journalctl --after-cursor "$cursor" -o cat | grep -q 'target is busy' || return
        systemctl stop srv-old.mount srv-new.mount || return
    fi
    wait_until inactive sealmount-keys@old.service && wait_until inactive sealmount-keys@new.service
}
reopen() { close_both && open_both; }

# killed STEP VERB...: fails when the verb came to its end before that step.
killed() {
    local step=$1 status=0
    shift
    rm -f /run/steps
    LD_PRELOAD=/lab/libstep_shim.so STEP_BELOW=/etc/sealmount STEP_AT=$step STEP_LOG=/run/steps sealmount "$@" \
        >/run/said 2>&1 || status=$?
    echo "$status" >/run/status
    [ "$(wc -l </run/steps)" = "$step" ] && [ "$status" = 137 ]
}
# On the disk, as what the verb finds would be.
restore() { rm -rf /etc/sealmount && cp -a "$1" /etc/sealmount && sync; }

# walk STRIDE BEFORE VERB...: at every STRIDE-th step, from the state in the directory BEFORE.
walk() {
    local stride=$1 before=$2 points=0 step
    shift 2
    [ ! -e /lab/all ] || stride=1
    for ((step = 1; ; step += stride)); do
        restore "$before"
        killed "$step" "$@" || break
        points=$((points + 1))
        check "$1 killed before $(tail -n 1 /run/steps): both volumes start" reopen
    done
    expect_equal "$*: the walk ended because the verb did, and well" 0 "$(cat /run/status)"
    note "$*: $points points of $(wc -l </run/steps) steps"
    check "it went somewhere" test "$points" -ge 2
}

# step_of PATTERN VERB...: the number of the first step that matches, when nothing disturbs the verb.
step_of() {
    local pattern=$1
    shift
    killed 100000 "$@"
    [ "$(cat /run/status)" = 0 ]
    awk -v pattern="$pattern" '$0 ~ pattern { print $1; exit }' /run/steps
}
rebind=(rebind --passphrase-file /root/old.pass --passphrase-file /root/new.pass)
END

boot walk <<'END'
. /lab/words.sh
make_two() {
    make_volume /srv/.old /srv/old 'correct horse battery' 32 own-key
    make_volume /srv/.new /srv/new 'another passphrase' 16 own-key
}
check "ecryptfs-utils make two volumes" make_two
check "one is enrolled" enroll old /srv/.old /srv/old 'correct horse battery' --headless
check "and the other" enroll new /srv/.new /srv/new 'another passphrase' --headless
printf 'correct horse battery' >/root/old.pass
printf 'another passphrase' >/root/new.pass
systemctl daemon-reload
check "both start" open_both
cp -a /etc/sealmount /root/plain
coming=$(printf '11%.0s' {1..32})

walk 3 /root/plain reseal --pcrs "7:sha256=$coming"
cp -a /etc/sealmount /root/two-slots
walk 3 /root/two-slots prune
walk 5 /root/plain reseal default --pcrs 4+7 --replace
walk 3 /root/plain suspend
cp -a /etc/sealmount /root/suspended
walk 3 /root/suspended resume
walk 20 /root/plain rotate
walk 20 /root/plain "${rebind[@]}"

restore /root/plain
step=$(step_of 'rename /etc/sealmount/replacement' rotate)
restore /root/plain
check "rotate is killed behind its commit point, with nothing moved yet" killed $((step + 1)) rotate
check "the new files lie beside the old ones" test -d /etc/sealmount/replacement
power_cut
END

boot rotated <<'END'
. /lab/words.sh
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check "both volumes are open" eval 'readable /srv/old && readable /srv/new'
check_output "by the TPM" 'unlocked by the TPM' unlock_journal '*'
check "the next change ends the replacement" sealmount reseal
check_fails "nothing lies beside any more" test -e /etc/sealmount/replacement
check "both volumes start again" reopen
rm -rf /root/plain
cp -a /etc/sealmount /root/plain
step=$(step_of 'rename /etc/sealmount/keys/' "${rebind[@]}")
restore /root/plain
check "rebind is killed half-way through its moves" killed $((step + 1)) "${rebind[@]}"
power_cut
END

boot rebound <<'END'
. /lab/words.sh
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check "both volumes are open" eval 'readable /srv/old && readable /srv/new'
check_output "by the TPM" 'unlocked by the TPM' unlock_journal '*'
check "suspend is killed before its file is there" killed 5 suspend
power_cut
END

boot suspended <<'END'
. /lab/words.sh
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check "both volumes are open" eval 'readable /srv/old && readable /srv/new'
check_output "by the TPM" 'unlocked by the TPM' unlock_journal '*'
check_no_output "no suspension is there" suspended sealmount slots
END
