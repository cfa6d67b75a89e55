#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# a home is there before logins, a service before which and for which a volume is, and a volume on demand
need_product

boot enroll <<'END'
make_four() {
    local name
    for name in alice wanted demand; do
        make_volume "/srv/.$name" "/srv/$name" "passphrase $name" 16 plain
    done
    make_volume /srv/.bob /home/bob 'passphrase bob' 16 plain
}
check "ecryptfs-utils make four volumes" make_four
useradd --no-create-home --home-dir /srv/alice alice
check "a home" enroll alice /srv/.alice /srv/alice 'passphrase alice' --quiet
check "another, below /home" enroll bob /srv/.bob /home/bob 'passphrase bob' --quiet
check "one that services need" enroll wanted /srv/.wanted /srv/wanted 'passphrase wanted' --quiet
check "one on demand" enroll demand /srv/.demand /srv/demand 'passphrase demand' --quiet
declare_order() {
    jq '.volumes |= map(if .name == "wanted" then . + {required_by: ["needs.service"], before: ["follows.service"]}
        elif .name == "demand" then . + {automount: true, idle_timeout_seconds: 5} else . end)' /etc/sealmount/manifest.json >/run/manifest
    cat /run/manifest >/etc/sealmount/manifest.json
}
check "the manifest says so" declare_order
for name in needs follows; do
    printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c "cat /srv/wanted/secret"\n' \
        >"/etc/systemd/system/$name.service"
    mkdir -p /etc/systemd/system/sysinit.target.wants
    ln -s "../$name.service" /etc/systemd/system/sysinit.target.wants/
done
END

boot order --shutdown <<'END'
property() { systemctl show -P "$1" "$2" | tr ' ' '\n'; }
reached() { systemctl show -P ActiveEnterTimestampMonotonic "$1"; }
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
for place in /srv/alice /home/bob /srv/wanted; do check "$place is mounted" readable "$place"; done
for unit in srv-alice.mount home-bob.mount; do
    check_output "$unit is before logins" '^systemd-user-sessions.service$' property Before "$unit"
    check "and was" test "$(reached "$unit")" -le "$(reached systemd-user-sessions.service)"
done
check_no_output "another volume is not" '^systemd-user-sessions.service$' property Before srv-wanted.mount
check_output "a service requires the volume" '^srv-wanted.mount$' property Requires needs.service
for name in needs follows; do
    check_output "$name comes after it" '^srv-wanted.mount$' property After "$name.service"
    check_output "and found the file" 'a secret in /srv/wanted' journalctl -b -o cat --no-pager -u "$name.service"
done

check_fails "on demand: not mounted yet" mounted /srv/demand
expect_equal "it is waited for" autofs "$(findmnt -n -o FSTYPE --mountpoint /srv/demand)"
look() { timeout 30 cat /srv/demand/secret; }
check_output "whoever looks finds it" 'a secret in /srv/demand' look
check "it is mounted now" mounted /srv/demand
# The list of mounts alone: findmnt(8) looks at the directory, and whoever looks uses it.
idle() { ! grep -q ' /srv/demand .* - ecryptfs ' /proc/self/mountinfo; }
check_fails "idle sees it" idle
check "idle, it goes" wait_until idle
check_output "and comes again" 'a secret in /srv/demand' look
check "idle, it goes again" wait_until idle
check "another volume stops and starts meanwhile" eval 'timeout 60 systemctl stop srv-wanted.mount && timeout 60 systemctl start srv-wanted.mount'
check "which does not mount this one" idle
check "a reload" timeout 60 systemctl daemon-reload
check_output "it still comes" 'a secret in /srv/demand' look
check_no_output "nobody else used it meanwhile" 'not mounted' journalctl -b -o cat --no-pager -u sealmount-look@demand.service
check "its automount stops" timeout 60 systemctl stop srv-demand.automount
check "and its keys go" wait_until inactive sealmount-keys@demand.service
END
