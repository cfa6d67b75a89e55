#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# what stops and starts do: one unlock for all, one process for one, keys go with the mount, and no mount goes by itself
need_product

boot enroll <<'END'
make_three() {
    local name
    for name in a b c; do
        make_volume "/srv/.$name" "/srv/$name" "passphrase $name" 16 plain
        enroll "$name" "/srv/.$name" "/srv/$name" "passphrase $name" --quiet
    done
}
check "three volumes are made and enrolled under one master key" make_three
END

cat >"$SHARE/units.sh" <<'END'
signature() { jq -r --arg name "$1" '.volumes[] | select(.name == $name) | .signature' /root/manifest.json; }
has() { has_key "$(signature "$1")"; }
END

boot use --shutdown <<'END'
. /lab/units.sh
cp /etc/sealmount/manifest.json /root/
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"

# started UNIT: when its program was started last; 0 for never. ended is the same of the one that stops it.
started() { systemctl show -P ExecMainStartTimestampMonotonic "$1"; }
invocation() { systemctl show -P InvocationID "$1"; }
for volume in a b c; do
    check "boot: $volume is mounted" readable "/srv/$volume"
    expect_equal "boot: no process of its own" 0 "$(started "sealmount-load@$volume.service")"
done
check "boot: one unlock" test "$(started sealmount-unlock@default.service)" -gt 0
unlock=$(invocation sealmount-unlock@default.service)
check "boot: notes are believed no longer than that" wait_until eval '[ ! -L /run/sealmount/booting ]'
check "boot: its end is marked" wait_until test -d /run/sealmount-booted

check "stop b" systemctl stop srv-b.mount
check_fails "stop b: unmounted" mounted /srv/b
check "stop b: its keys go" wait_until eval '! has b'
check "stop b: the others keep theirs" eval 'has a && has c'
check "start b" systemctl start srv-b.mount
check "start b: mounted" readable /srv/b
check "start b: loaded by itself" test "$(started sealmount-load@b.service)" -gt 0
check "start b: its keys are there" has b
expect_equal "start b: nothing was unlocked for the others" "$unlock" "$(invocation sealmount-unlock@default.service)"
expect_equal "start b: nor for a" 0 "$(started sealmount-load@a.service)"

jq 'del(.volumes[] | select(.name == "a"))' /root/manifest.json >/etc/sealmount/manifest.json
check "a leaves the manifest" systemctl daemon-reload
check "it stays mounted" readable /srv/a
check "without keys that anybody could mount it with" wait_until eval '! has a'
check "and usable" eval 'echo 3 >/proc/sys/vm/drop_caches && readable /srv/a && touch /srv/a/new'
cp /root/manifest.json /etc/sealmount/manifest.json
check "a is back in the manifest" systemctl daemon-reload
check "it stays mounted" readable /srv/a
check "stop a" systemctl stop srv-a.mount
check_fails "stop a: unmounted" mounted /srv/a
check "start a" systemctl start srv-a.mount
check "start a: mounted" readable /srv/a
check "start a: its keys are there" has a

check "umount b by hand" umount /srv/b
check "its keys go" wait_until eval '! has b'
check "mount b by hand, with keys that were loaded by hand" eval 'systemctl start sealmount-load@b.service && mount -i -t ecryptfs -o "ecryptfs_sig=$(signature b),ecryptfs_cipher=aes,ecryptfs_key_bytes=16" /srv/.b /srv/b'
check "a reload of systemd" systemctl daemon-reload
check "it stays mounted" readable /srv/b
expect_equal "its unit has adopted it" active "$(systemctl show -P ActiveState srv-b.mount)"
check "a start of it is done" timeout 20 systemctl start srv-b.mount
check "stop b" systemctl stop srv-b.mount
check_fails "stop b: unmounted" mounted /srv/b
check "stop b: its keys are gone" wait_until eval '! has b'
check "start b" systemctl start srv-b.mount

# The note says loaded, and the kernel does not.
check "stop a" systemctl stop srv-a.mount
wait_until inactive sealmount-keys@a.service
check "a's keys are loaded without its mount" systemctl start sealmount-load@a.service
check "and noted" test -L /run/sealmount/loaded/a
check "somebody takes all keys away" keyctl clear @u
check "the first start works" systemctl start srv-a.mount
check "start a: mounted" readable /srv/a

check "somebody stops the unlock" systemctl stop sealmount-unlock@default.service
check "and starts it" systemctl start sealmount-unlock@default.service
check "which begins no boot" eval '[ ! -L /run/sealmount/booting ]'
check "somebody stops it again" systemctl stop sealmount-unlock@default.service
for volume in a b c; do check "$volume stays mounted" readable "/srv/$volume"; done
check "somebody stops the keys of c" systemctl stop sealmount-keys@c.service
check "c stays mounted" readable /srv/c
check_fails "its keys are gone" has c

rm -rf /run/sealmount
check "the notes are gone: stop a" systemctl stop srv-a.mount
check_fails "stop a: unmounted" mounted /srv/a
check "stop a: its keys are gone" wait_until eval '! has a'
check "start a" systemctl start srv-a.mount
check "start a: mounted" readable /srv/a

for n in {1..12}; do
    check "stop and start in a row, $n" eval 'systemctl stop srv-c.mount && systemctl start srv-c.mount'
done
check "c is mounted" readable /srv/c
check_no_output "nothing of it failed" . systemctl --failed --no-legend
check_no_output "no unit was limited" 'too quickly|too often' journalctl -b --no-pager -o cat
END
