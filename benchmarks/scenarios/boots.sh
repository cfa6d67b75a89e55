#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# what boots with volumes and with bind mounts cost, in a machine that counts instructions
need_product
need e2fsprogs debugfs

most=0
for count in "${COUNTS[@]}"; do
    [ "$count" -le "$most" ] || most=$count
done
[ "$most" != 0 ] || most=1
# Each has a key of its own: no passphrase has to be derived.
mkdir "$SHARE/keys"
for ((n = 1; n <= most; n++)); do
    head -c 64 /dev/urandom >"$SHARE/keys/v$n"
    printf '{"name": "v%d", "lower": "/srv/.v%d", "mountpoint": "/srv/v%d", "fekek_file": "/root/keys/v%d"}\n' "$n" "$n" "$n" "$n"
done | jq -s '{version: 1, volumes: .}' >"$SHARE/many.json"
printf 'most=%s\n' "$most" >"$SHARE/most.sh"

boot enroll <<'END'
. /lab/most.sh
cp -r /lab/keys /root/
seq --format /srv/.v%g "$most" | xargs mkdir
check "the volumes are enrolled" sealmount enroll --batch /lab/many.json --quiet
keep /etc/sealmount/manifest.json /etc/fstab
END
disk_copy enrolled
enrolled=$WORK/boots/enroll

# installed WHAT COUNT: the machine's disk is the enrolled one, with so many of these.
installed() {
    local what=$1 count=$2 n
    disk_restore enrolled
    {
        if [ "$what" = binds ] || [ "$count" = 0 ]; then
            echo 'unlink /etc/sealmount'
        else
            jq --argjson count "$count" '.volumes |= .[:$count]' "$enrolled/manifest.json" >"$WORK/manifest.json"
            printf '%s\n' 'rm /etc/sealmount/manifest.json' "write $WORK/manifest.json /etc/sealmount/manifest.json"
        fi
        if [ "$what" = binds ]; then
            cp "$enrolled/fstab" "$WORK/fstab"
            for ((n = 1; n <= count; n++)); do
                printf '/srv/.v%d /srv/v%d none bind 0 0\n' "$n" "$n"
            done >>"$WORK/fstab"
            printf '%s\n' 'rm /etc/fstab' "write $WORK/fstab /etc/fstab"
        fi
        if [ "$what" = helperless ]; then
            printf '%s\n' 'rm /usr/sbin/mount.ecryptfs' 'rm /usr/sbin/umount.ecryptfs'
        fi
    } >"$WORK/changes"
    chmod 644 "$WORK"/manifest.json "$WORK"/fstab 2>/dev/null || true
    debugfs -w -f "$WORK/changes" "$WORK/disk.img" >"$WORK/debugfs.log" 2>&1
    cat "$WORK/disk.img" >/dev/null # so that the first boot does not read it more slowly than the others
}

# measured WHAT COUNT RUN
measured() {
    local what=$1 count=$2 name=$1-$2-$3
    printf 'count=%s what=%s\n' "$count" "$what" >"$SHARE/count.sh"
    # shellcheck disable=SC2034 # counting-lab.sh and boot.sh read them
    local COUNTED=yes ENGINE=qemu
    # What mount.ecryptfs has to say in each boot is not to be written to a serial line.
    boot "$name" --seconds 3000 --append systemd.journald.forward_to_console=no <<'END'
read -r -a cpu </proc/stat
read -r -a one </proc/1/stat
. /lab/count.sh
time_of() { systemctl show -P "$1" "${@:2}" | sort -n | tail -n 1; }
last=0
[ "$count" = 0 ] || last=$(time_of ActiveEnterTimestampMonotonic 'srv-v*.mount')
give figures "$(awk -v whole="$(time_of FinishTimestampMonotonic)" -v last="$last" -v idle=$((cpu[4] + cpu[5])) \
    -v pid1=$((one[13] + one[14])) -v children=$((one[15] + one[16])) \
    'BEGIN { print whole / 1e6 - idle / 100, last / 1e6, idle / 100, pid1 / 100, children / 100 }')"
type=ecryptfs
[ "$what" != binds ] || type=ext4
expect_equal "all are mounted" "$count" "$(findmnt -rn -t "$type" -o TARGET | grep -c ^/srv/v || true)"
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
systemctl show | grep TimestampMonotonic >/lab/results/times
# What each unit's processes took.
systemctl show -p Id,CPUUsageNSec '*' | awk -F = '
    function out() { if (cpu ~ /^[0-9]+$/) printf "%.1f %s\n", cpu / 1e6, id; cpu = "" }
    $1 == "CPUUsageNSec" { cpu = $2 } $1 == "Id" { id = $2 } $0 == "" { out() } END { out() }' | sort -rn >/lab/results/units
END
    given "$name" figures >>"$WORK/figures-$what-$count"
    details <"$WORK/boots/$name/given-figures"
}

# whole, last and so on: each the least of its runs, as the host can only make them longer.
least() {
    local field out=''
    for field in 1 2 3 4 5; do
        out+=" $(awk -v f="$field" '{ print $f }' "$1" | sort -g | head -n 1)"
    done
    say "$out"
}

for what in volumes helperless binds; do
    for count in "${COUNTS[@]}"; do
        # Without volumes they are all the same; and one boot shows whether the helper matters.
        case $what-$count in
            binds-0) continue ;;
            helperless-50) ;;
            helperless-*) continue ;;
        esac
        installed "$what" "$count"
        for ((run = 1; run <= RUNS; run++)); do
            measured "$what" "$count" "$run"
        done
        say "$what $count$(least "$WORK/figures-$what-$count")" | tee -a "$RESULTS/boots.txt" | details
    done
done

{
    say 'what count whole last idle pid1 children'
    cat "$RESULTS/boots.txt"
} | awk '{ printf "%-12s %6s %8s %8s %8s %8s %8s\n", $1, $2, $3, $4, $5, $6, $7 }' | details
awk '{ print $1, $2, $3 }' "$RESULTS/boots.txt" |
    "$BENCHMARKS/curves" 'The whole boot' 'volumes or bind mounts' seconds >"$RESULTS/boots.svg"

# figure WHAT COUNT FIELD
figure() { awk -v what="$1" -v count="$2" -v field="$3" '$1 == what && $2 == count { print $field }' "$RESULTS/boots.txt"; }
is_measured() { [ -n "$(figure volumes "$1" 3)" ]; }
at_most() { awk -v a="$1" -v b="$2" -v factor="$3" 'BEGIN { printf "%s, %s: %.3f\n", a, b, a / b; exit !(a > 0 && b > 0 && a <= b * factor) }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }
each_costs() { awk -v a="$(figure volumes "$1" 3)" -v none="$(figure volumes 0 3)" -v n="$1" 'BEGIN { print (a - none) / n }'; }

# All that there is to say, before the first goal that is missed ends it.
if is_measured 50; then
    for what in volumes helperless; do
        step "50 $what: the whole boot $(ratio "$(figure $what 50 3)" "$(figure binds 50 3)") x that with bind mounts, the last mount" \
            "$(ratio "$(figure $what 50 4)" "$(figure binds 50 4)") x"
    done
fi
if is_measured 0 && is_measured 50 && is_measured 300; then
    step "a volume of 50 costs $(each_costs 50) s, one of 300 $(each_costs 300) s"
    check "300 volumes: each costs at most 1.2 x what it does with 50" at_most "$(each_costs 300)" "$(each_costs 50)" 1.2
fi
if is_measured 50; then
    check "50 volumes: the last mount at most 2.3 x that with bind mounts" at_most "$(figure volumes 50 4)" "$(figure binds 50 4)" 2.3
    check "without the mount helper at most 1.7 x" at_most "$(figure helperless 50 4)" "$(figure binds 50 4)" 1.7
    check "the whole boot at most 1.3 x" at_most "$(figure volumes 50 3)" "$(figure binds 50 3)" 1.3
    check "without the mount helper at most 1.1 x" at_most "$(figure helperless 50 3)" "$(figure binds 50 3)" 1.1
fi
