#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# thousands of random volumes: systemd reads from their units what was meant; 1,000 cost no more CPU than in /etc/fstab
need_product

# SEALMOUNT_LAB_SEED=NUMBER tries other volumes, SEALMOUNT_LAB_VOLUMES=NUMBER more or fewer (10,000 take three minutes).
seed=${SEALMOUNT_LAB_SEED:-20261124}
count=${SEALMOUNT_LAB_VOLUMES:-3000}
step "seed $seed, $count volumes"
mkdir "$SHARE/volumes"
check "a manifest of $count random volumes is made" \
    "$BUILD/tests/generator/random-volumes" "$seed" "$count" "$SHARE/volumes/manifest.json" "$SHARE/volumes/meant"
cp "$VM_DIR/../../benchmarks/generator" "$SHARE/benchmark"

# In QEMU, whose clock of CPU time is as fine as that of a machine.
ENGINE=qemu boot figures <<'END'
generator=/usr/lib/systemd/system-generators/sealmount-generator

# In memory, as at boot. The two run in turn; what counts is user and system time.
figures() { TMPDIR=/run bash /lab/benchmark --cpu "$generator" 1000 7 >/lab/results/figures; }
check "1,000 volumes are compared with as many lines in /etc/fstab" figures
while read -r figure ours theirs ratio crypttab crypttab_ratio; do
    note "$figure: $ours, systemd-fstab-generator $theirs, ratio $ratio; systemd-cryptsetup-generator $crypttab, ratio $crypttab_ratio"
done </lab/results/figures
check_output "the median of our CPU time is not above theirs" '^cpu-ms ' \
    awk '$1 == "cpu-ms" && $2 <= $3' /lab/results/figures
check_output "nor is the least" '^cpu-ms-least ' awk '$1 == "cpu-ms-least" && $2 <= $3' /lab/results/figures
END

boot generate --seconds 1500 <<'END'
generator=/usr/lib/systemd/system-generators/sealmount-generator

mkdir -p /run/many/etc/sealmount /run/many/sbin /run/many/units /run/many/target
cp /lab/volumes/manifest.json /run/many/etc/sealmount/
touch /run/many/sbin/mount.ecryptfs
cd /run/many
check_no_output "the generator has nothing to say of all these volumes" . "$generator" --root /run/many units units units
(cd units && printf '%s\n' *.mount) >/lab/results/units

# Ordered behind all of them it loads all of them, and starts none. The unlock's template is not in its way: to load that so
# often takes minutes here.
cp /lib/systemd/system/{local-fs,local-fs-pre,umount}.target target/
printf '[Unit]\nDefaultDependencies=no\n' >target/all.target
sed 's/^/After=/' /lab/results/units >>target/all.target
chmod -R a+rX /run/many
loads() {
    SYSTEMD_UNIT_PATH=/run/many/units:/run/many/target setpriv --reuid 65534 --regid 65534 --clear-groups \
        /lib/systemd/systemd --test --system --unit=all.target >/root/dump 2>/lab/results/dump-log
}
began=$SECONDS
check "systemd loads them" loads
note "that took $((SECONDS - began)) s"
keep /root/dump
END

results=$WORK/boots/generate
check "each volume has the mount unit that systemd-escape(1) names, and there is no other" \
    cmp <(cut -f1 "$SHARE/volumes/meant" | LC_ALL=C sort -u) <(LC_ALL=C sort "$results/units")
expect_equal "which are $count" "$count" "$(wc -l <"$results/units")"
check_no_output "systemd has no complaint about any of them" /run/many cat "$results/dump-log"
read_back() {
    LC_ALL=C awk -f "$VM_DIR/tools/settings-of-dump" "$results/units" "$results/dump" | LC_ALL=C sort >"$WORK/found"
    LC_ALL=C sort "$SHARE/volumes/meant" >"$WORK/meant"
    diff "$WORK/meant" "$WORK/found"
}
check "what systemd read from them is exactly what was meant" read_back
step "$(wc -l <"$WORK/found") settings of $count volumes compared"
# They are of no further use, and large.
rm "$results/dump" "$SHARE/results/dump"
