#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# a thousand volumes in a batch cost each what ten do; a kill and a power cut amid one lose nothing, and it is run again
need_product

cp "$BUILD/tests/tools/libstep_shim.so" "$SHARE/"

# noauto: what is to be shown is the batch, and not their mounts.
mkdir "$SHARE/keys"
for ((n = 1; n <= 1000; n++)); do
    head -c 64 /dev/urandom >"$SHARE/keys/v$n"
    printf '{"name": "v%d", "lower": "/srv/.v%d", "mountpoint": "/srv/v%d", "fekek_file": "/root/keys/v%d", "noauto": true}\n' "$n" "$n" "$n" "$n"
done | jq -s '{version: 1, volumes: .}' >"$SHARE/1000.json"
for count in 10 100; do
    jq --argjson count "$count" '.volumes |= .[:$count]' "$SHARE/1000.json" >"$SHARE/$count.json"
done

cat >"$SHARE/batch.sh" <<'END'
as_before() {
    find /srv -maxdepth 1 -type d -name 'v*' -exec chattr -i {} + 2>/dev/null || true
    rm -rf /srv/v* /srv/.v* /etc/sealmount
    seq --format /srv/.v%g 1 1000 | xargs mkdir
}
volumes() { jq '.volumes | length' /etc/sealmount/manifest.json 2>/dev/null || echo 0; }
# whole COUNT: so many volumes, all guarded, all with a key that opens under the master key.
whole() {
    [ "$(volumes)" = "$1" ]
    [ "$(find /etc/sealmount/keys -name '*.key' | wc -l)" = "$1" ]
    [ "$(find /srv -maxdepth 1 -type d -name 'v*' -exec lsattr -d {} + | grep -c '^....i')" = "$1" ]
    [ -z "$(find /etc/sealmount -name '.*' -print -quit)" ]
}
# Enrolling again opens each key of the manifest with the master key that the TPM releases.
all_there() { sealmount enroll --batch "$1" --json | jq -e '.refused == [] and all(.enrolled[]; .files == [] and .guarded and .proved_in_kernel)' >/dev/null; }
END

# Counts, the same on every host: a millisecond is a million instructions, and what takes time besides is waiting, for the disk (a
# sync each time) and for the TPM (its commands, which the wire log has between two marks).
COUNTED=yes boot figures --seconds 1500 <<'END'
. /lab/batch.sh
cp -r /lab/keys /root/
batch() { sealmount enroll --batch "/lab/$1.json" --quiet >/root/said 2>&1; }
# timed COUNT: CPU milliseconds of all volumes.
timed() {
    local TIMEFORMAT='%U %S'
    as_before
    sync
    wire_mark
    { time batch "$1"; } 2>/root/time
    wire_mark
    awk '{ printf "%.0f\n", ($1 + $2) * 1000 }' /root/time >"/lab/results/cpu-$1"
}
for count in 10 100 1000; do
    check "$count volumes are enrolled as a batch" timed "$count"
    check "all of them are whole" whole "$count"
done
END
boot syncs <<'END'
. /lab/batch.sh
check "enrolled once more, all are found, and proved in the kernel" all_there /lab/1000.json
# synced COUNT: how often all of them wait for the disk.
synced() {
    as_before
    rm -f /root/steps
    LD_PRELOAD=/lab/libstep_shim.so STEP_BELOW=/etc/sealmount:/srv STEP_LOG=/root/steps sealmount enroll --batch "/lab/$1.json" --quiet
    grep -c '^[0-9]* fsync ' /root/steps >"/lab/results/syncs-$1"
}
for count in 100 1000; do
    check "how often $count volumes are written to the disk is counted" synced "$count"
    check "all of them are whole" whole "$count"
done
END
cpu() { cat "$WORK/boots/figures/cpu-$1"; }
syncs() { cat "$WORK/boots/syncs/syncs-$1"; }
tpm_commands() { wire_count "$WORK/boots/figures/wire.log" "$1"; }
declare -A asked=([10]="$(tpm_commands 1)" [100]="$(tpm_commands 3)" [1000]="$(tpm_commands 5)")
for count in 10 100 1000; do
    step "$count volumes: $(cpu "$count") ms of CPU, ${asked[$count]} TPM commands$([ "$count" = 10 ] || echo ", $(syncs "$count") syncs")"
done
# no_more FACTOR AT_100 AT_1000: each of the thousand has at most so many times as much as each of the hundred.
no_more() { awk -v most="$1" -v few="$2" -v many="$3" 'BEGIN { exit !(few > 0 && many > 0 && many / 1000 <= most * few / 100) }'; }
check "at 1,000, each costs at most 5 ms of CPU" test "$(cpu 1000)" -le 5000
check "which is not more than at 100" no_more 1.1 "$(cpu 100)" "$(cpu 1000)"
check "and at most 2.5 syncs" test "$(syncs 1000)" -le 2500
check "which are not more than at 100, either" no_more 1.1 "$(syncs 100)" "$(syncs 1000)"
check "the TPM is asked for all of them together" test "${asked[1000]}" -gt 10 -a "${asked[1000]}" -le "${asked[100]}"

boot killed --seconds 1500 <<'END'
. /lab/batch.sh
# killed COUNT: as soon as there are so many volumes.
killed() {
    local batch
    as_before
    sealmount enroll --batch /lab/1000.json --quiet >/dev/null 2>&1 &
    batch=$!
    while [ "$(volumes)" -lt "$1" ] && kill -0 "$batch" 2>/dev/null; do :; done
    kill -KILL "$batch"
    ! wait "$batch" 2>/dev/null
}
for count in 1 200 500; do
    check "a batch is killed when it has $count volumes" killed "$count"
    note "it had $(volumes) of 1000"
    check "it was amid its work" test "$(volumes)" -lt 1000
    check "run again, it succeeds" sealmount enroll --batch /lab/1000.json --quiet
    check "all volumes are whole" whole 1000
done
check "the machine is as before" as_before
sync
sealmount enroll --batch /lab/1000.json --quiet >/dev/null 2>&1 &
while [ "$(volumes)" -lt 200 ]; do :; done
# It goes no further, however long the host takes to see that the power is to be cut.
kill -STOP "$!"
power_cut
END

boot after-the-cut --seconds 1500 <<'END'
. /lab/batch.sh
found=$(volumes)
note "the manifest has $found volumes"
check "it has those of the first groups, and not all" eval '[ "$found" -ge 64 ] && [ "$found" -lt 1000 ]'
jq -r '.volumes[] | .signature, .mountpoint' /etc/sealmount/manifest.json >/root/expected
check "each has its key" eval "sed -n 'p;n' /root/expected | while read -r key; do test -s /etc/sealmount/keys/\$key.key || exit 1; done"
check "and its guard" eval "sed -n 'n;p' /root/expected | while read -r place; do lsattr -d \$place | grep -q '^....i' || exit 1; done"
jq --argjson count "$found" '.volumes |= .[:$count]' /lab/1000.json >/root/found.json
check "each key opens, and nothing has to be repaired" all_there /root/found.json
check "run again, the batch succeeds" sealmount enroll --batch /lab/1000.json --quiet
check "all volumes are whole" whole 1000
END

boot mounted <<'END'
make_all() {
    local n
    for n in 1 2 3; do
        utils_mount "/srv/.m$n" "/srv/m$n" "passphrase $n" 16 plain
        printf 'a secret in %s\n' "/srv/m$n" >"/srv/m$n/secret"
    done
    mkdir /srv/elsewhere
    utils_mount /srv/.m4 /srv/elsewhere 'passphrase 4' 16 plain
}
check "four volumes are mounted by hand, the fourth elsewhere" make_all
(umask 077 && for n in 1 2 3 4; do printf 'passphrase %s\n' "$n" >"/root/passphrase-$n"; done)
jq -n '{version: 1, volumes: [range(1; 5) | {name: "m\(.)", lower: "/srv/.m\(.)", mountpoint: "/srv/m\(.)", passphrase_file: "/root/passphrase-\(.)"}]}' \
    >/root/mounted.json
batch() { sealmount enroll --batch /root/mounted.json >/root/said 2>&1; }
check_status "as a batch, one of them is refused" 77 batch
check_output "it is the fourth, with the reason" 'm4: /srv/.m4 is mounted on /srv/elsewhere already' cat /root/said
check_output "the others are enrolled" '^3 of 4 volumes are enrolled' cat /root/said
for n in 1 2 3; do
    check "m$n is mounted still" readable "/srv/m$n"
done
check_fails "a fourth mount point was not made" test -e /srv/m4
umount /srv/m1 /srv/m2 /srv/m3
utils_umount /srv/elsewhere
for n in 1 2 3; do
    check_fails "below its mount, m$n is guarded" touch "/srv/m$n/plaintext"
done
check "now the fourth is enrolled, too" batch
systemctl daemon-reload
for n in 1 2 3; do
    check "m$n starts" systemctl start "srv-m$n.mount"
    check "and is readable" readable "/srv/m$n"
done
END

# A disk that is full amid a batch: each volume is enrolled wholly or not at all. On a root of its own.
boot full <<'END'
truncate -s 6M /root/small.img
mkfs.ext4 -q -m 0 -b 1024 -N 4096 /root/small.img
mkdir /mnt/small
mount -o loop /root/small.img /mnt/small
mkdir -p /mnt/small/etc /mnt/small/srv
seq --format /mnt/small/srv/.v%g 1 300 | xargs mkdir
[ -e /root/keys ] || cp -r /lab/keys /root/
jq '.volumes |= .[:300]' /lab/1000.json >/root/300.json
batch() { sealmount enroll --root /mnt/small --batch /root/300.json "$@" >/root/said 2>&1; }
# all_whole: each key file, guard and mount point is a volume's, and each volume has them.
all_whole() {
    cd /mnt/small
    jq -r '.volumes[].signature' etc/sealmount/manifest.json | sort >/root/signatures
    jq -r '.volumes[].mountpoint' etc/sealmount/manifest.json | sort >/root/mountpoints
    find etc/sealmount/keys -type f -printf '%f\n' | sed 's/\.key$//' | sort | cmp - /root/signatures
    find srv -maxdepth 1 -name 'v*' -printf '/%p\n' | sort | cmp - /root/mountpoints
    find srv -maxdepth 1 -name 'v*' -exec lsattr -d {} + | sed -n 's#^....i[^ ]* #/#p' | sort | cmp - /root/mountpoints
    [ -z "$(find etc/sealmount -name '.*' -print -quit)" ]
}
volumes() { jq '.volumes | length' /mnt/small/etc/sealmount/manifest.json 2>/dev/null || echo 0; }
for left in 20 100 250 400; do
    rm -f /mnt/small/ballast
    fallocate -l "$(($(df --output=avail -k /mnt/small | tail -n 1) - left))K" /mnt/small/ballast
    check_fails "with $left KiB left, not all are enrolled" batch
    note "$(tail -n 1 /root/said)"
    check_output "it says that there is no space" 'No space left on device' cat /root/said
    if [ "$(volumes)" -gt 0 ]; then
        check "with $left KiB left, each is enrolled wholly or not at all" all_whole
    fi
done
check "some were" test "$(volumes)" -gt 64
rm /mnt/small/ballast
check "with space, all the others are" batch
expect_equal "these are all volumes" 300 "$(volumes)"
check "all are whole" all_whole
check "enrolled once more, all are found" eval 'batch --json && jq -e ".refused == [] and all(.enrolled[]; .files == [] and .guarded)" /root/said'
END
