#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# enroll and remove killed on the way: the earlier volume still mounts, the command ends well when it is run again
need_product
cp "$BUILD/tests/tools/libstep_shim.so" "$SHARE/"
# SEALMOUNT_LAB_ALL=yes strikes more often; every step is walked through by the tests on the machine itself.
[ -z "${SEALMOUNT_LAB_ALL:-}" ] || : >"$SHARE/all"

boot all <<'END'
make_two() {
    make_volume /srv/.old /srv/old 'correct horse battery' 32 own-key
    make_volume /srv/.new /srv/new 'another passphrase' 16 own-key
}
check "ecryptfs-utils make two volumes" make_two
check "the earlier one is enrolled" enroll old /srv/.old /srv/old 'correct horse battery'
cp -a /etc/sealmount /root/before
printf 'another passphrase\n' >/root/passphrase
enroll_new=(sealmount enroll new --lower /srv/.new --mountpoint /srv/new --passphrase-file /root/passphrase --master second)
remove_new=(sealmount remove new --yes)

# opens NAME: through its units, and they stop again.
opens() {
    systemctl daemon-reload
    systemctl start "srv-$1.mount"
    readable "/srv/$1"
    systemctl stop "srv-$1.mount"
    wait_until inactive "sealmount-keys@$1.service"
}

# killed STEP COMMAND...: fails when the command came to its end before that step.
killed() {
    local step=$1 status=0
    shift
    rm -f /tmp/steps
    LD_PRELOAD=/lab/libstep_shim.so STEP_BELOW=/etc/sealmount:/srv STEP_AT=$step STEP_LOG=/tmp/steps "$@" || status=$?
    echo "$status" >/tmp/status
    [ "$(wc -l </tmp/steps)" = "$step" ] && [ "$status" = 137 ]
}

# walk STRIDE RESTORE COMMAND...: at every STRIDE-th step.
walk() {
    local stride=$1 restore=$2 points=0 step
    shift 2
    [ ! -e /lab/all ] || stride=4
    for ((step = 1; ; step += stride)); do
        check "the machine is as before" "$restore"
        killed "$step" "$@" >/tmp/said 2>&1 || break
        points=$((points + 1))
        check "killed before step $(tail -n 1 /tmp/steps): the earlier volume opens" opens old
        if jq -e '.volumes[] | select(.name == "new")' /etc/sealmount/manifest.json >/dev/null; then
            check "so does the new one, which is in the manifest" opens new
        fi
        # 66: there is no such volume any more.
        again() { local status=0; "$@" || status=$?; [ "$status" = 0 ] || { [ "$2" = remove ] && [ "$status" = 66 ]; }; }
        check "the command ends well when it is run again" again "$@"
        check_no_output "and leaves nothing over" . find /etc/sealmount -name '.*' -o -name removing.json
    done
    expect_equal "the walk ended because the command did, and well" 0 "$(cat /tmp/status)"
    note "$2: $points points of $(wc -l </tmp/steps) steps"
    check "it went somewhere" test "$points" -ge 4
}

as_before() {
    chattr -i /srv/new
    rm -rf /etc/sealmount
    cp -a /root/before /etc/sealmount
}
walk 6 as_before "${enroll_new[@]}"
check "the new volume opens" opens new
cp -a /etc/sealmount /root/both
with_both() {
    rm -rf /etc/sealmount
    cp -a /root/both /etc/sealmount
    chattr +i /srv/new
}
walk 6 with_both "${remove_new[@]}"
expect_equal "in the end there is one volume" old "$(jq -r '.volumes[].name' /etc/sealmount/manifest.json)"
END

boot use --answer 'not needed' <<'END'
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check "the earlier volume is mounted and readable" readable /srv/old
check_output "by the TPM" 'unlocked by the TPM' unlock_journal old
END
