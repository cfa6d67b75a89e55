#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# order at boot and shutdown, volumes in volumes, reloads, isolate, a bad volume in the manifest, and sealmount=no
need_product

boot enroll <<'END'
make_four() {
    make_volume /srv/.must /srv/must 'correct horse battery' 32 own-key
    make_volume /srv/.outer /srv/outer 'another passphrase' 16 plain
    make_volume /srv/.inner /srv/outer/inner 'a third one' 16 plain
    make_volume /srv/.lazy /srv/lazy 'a fourth one' 16 plain
    rmdir /srv/outer/inner
}
check "ecryptfs-utils make four volumes" make_four
check "one is enrolled that the boot needs" enroll must /srv/.must /srv/must 'correct horse battery' --required
check "one that it does not need" enroll outer /srv/.outer /srv/outer 'another passphrase'
check "one whose mount point is in that one" enroll inner /srv/.inner /srv/outer/inner 'a third one'
check "one that is not mounted at boot" enroll lazy /srv/.lazy /srv/lazy 'a fourth one' --noauto
END

# On two processors, so that what is not ordered happens at once. Systemd's words go to the console, where the host reads in which order things stopped.
PROCESSORS=2 boot order --shutdown --append 'systemd.log_target=console systemd.log_level=info' <<'END'
property() { systemctl show -P "$1" "$2" | tr ' ' '\n'; }
reached() { systemctl show -P ActiveEnterTimestampMonotonic "$1"; }
has() { check_output "$1: $2 has $3" "^$3\$" property "$2" "$1"; }
has_not() { check_no_output "$1: $2 has not $3" "^$3\$" property "$2" "$1"; }

expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
for volume in /srv/must /srv/outer /srv/outer/inner; do
    check "$volume is mounted and readable" readable "$volume"
done
check_fails "/srv/lazy is not mounted" mounted /srv/lazy

has srv-must.mount Before 'local-fs\.target'
has local-fs.target Requires 'srv-must\.mount'
check "it was mounted before local-fs.target was reached" \
    test "$(reached srv-must.mount)" -le "$(reached local-fs.target)"
has_not srv-outer.mount Before 'local-fs\.target'
has local-fs.target Wants 'srv-outer\.mount'
has_not local-fs.target Requires 'srv-outer\.mount'
has_not local-fs.target Wants 'srv-lazy\.mount'
for unit in srv-must.mount srv-outer.mount sealmount-unlock@default.service sealmount-keys@must.service sealmount-load@outer.service; do
    has "$unit" Before 'umount\.target'
    has "$unit" Conflicts 'umount\.target'
done
for unit in 'sealmount-unlock@default\.service' 'sealmount-load@must\.service' 'sealmount-keys@must\.service'; do
    has srv-must.mount After "$unit"
    has srv-must.mount Wants "$unit"
done
for kind in BindsTo Requires Requisite PartOf StopPropagatedFrom; do
    has_not srv-must.mount "$kind" 'sealmount-.*'
done

has srv-outer-inner.mount After 'srv-outer\.mount'
has srv-outer-inner.mount Requires 'srv-outer\.mount'
check "the inner volume was mounted after the outer one" \
    test "$(reached srv-outer-inner.mount)" -gt "$(reached srv-outer.mount)"
check "the outer one can be stopped" systemctl stop srv-outer.mount
check_fails "the inner one was unmounted before it" mounted /srv/outer/inner
check_fails "then the outer one" mounted /srv/outer
check "their keys units have stopped" wait_until eval 'inactive sealmount-keys@outer.service && inactive sealmount-keys@inner.service'
check "the inner one starts" systemctl start srv-outer-inner.mount
check "and has brought the outer one along" eval 'readable /srv/outer && readable /srv/outer/inner'

# A volume that leaves the manifest while it is mounted.
cp /etc/sealmount/manifest.json /root/
keys=$(hidden_keys | wc -l)
change() { jq "$1" /root/manifest.json >/etc/sealmount/manifest.json; systemctl daemon-reload; }
check "the manifest changes, and systemd is reloaded" change 'del(.volumes[] | select(.name == "must"))'
check "its unit file is gone" test ! -e /run/systemd/generator.late/srv-must.mount
check "it is still mounted and readable" readable /srv/must
check "a file can be made in it" eval 'echo new >/srv/must/new && sync && echo 3 >/proc/sys/vm/drop_caches && [ "$(cat /srv/must/new)" = new ]'
expect_equal "the keys units of the others are active" 'active active' \
    "$(echo $(systemctl is-active sealmount-keys@outer.service sealmount-keys@inner.service))"
check "it can be stopped" systemctl stop srv-must.mount
check_fails "it is unmounted" mounted /srv/must
check "its keys unit has stopped" wait_until inactive sealmount-keys@must.service
check "its two keys are gone" eval '[ "$(hidden_keys | wc -l)" = '$((keys - 2))' ]'
check_fails "it cannot be started any more" systemctl start srv-must.mount
check "it is back in the manifest" change .
check "it starts again" systemctl start srv-must.mount
check "and is readable" readable /srv/must

# One bad volume.
check "a bad volume comes into the manifest" change '.volumes += [{"name": "bad", "lower": "/a/../b"}]'
check_output "the kernel's log names it, the place and the fix" \
    'sealmount-generator: /etc/sealmount/manifest\.json: volumes\[4\]\.lower: "/a/\.\./b" contains .*: write' dmesg
check "the other volumes are still there" eval 'readable /srv/must && readable /srv/outer/inner'
check "and have their units" test -e /run/systemd/generator.late/srv-outer-inner.mount
check "it leaves the manifest" change .

# To rescue.target and back. Its shell would want a console, and this script has to live on.
drop_in() {
    mkdir -p "/run/systemd/system/$1.d"
    printf '%s\n' "${@:2}" >"/run/systemd/system/$1.d/lab.conf"
}
rescue() {
    drop_in lab-probe.service '[Unit]' IgnoreOnIsolate=yes
    drop_in rescue.service '[Service]' ExecStartPre= ExecStart= 'ExecStart=/bin/sleep infinity'
    systemctl daemon-reload
    systemd-run --quiet --unit=witness sleep infinity
    systemctl isolate rescue.target
}
check "systemd goes to rescue.target" rescue
check "which stopped what is not part of it" wait_until inactive witness.service
check_fails "multi-user.target for one" systemctl is-active multi-user.target
for volume in /srv/must /srv/outer /srv/outer/inner; do
    check "$volume is still mounted and readable" readable "$volume"
done
expect_equal "all keys are still there" "$keys" "$(hidden_keys | wc -l)"
check "it comes back to multi-user.target" systemctl isolate multi-user.target
for volume in /srv/must /srv/outer /srv/outer/inner; do
    check "$volume is still mounted and readable" readable "$volume"
done
expect_equal "nothing failed" running "$(systemctl is-system-running --wait)"
END

# at_shutdown: what systemd said on the console once the script had ended.
at_shutdown() {
    tr -d '\r' <"$WORK/boots/order/console.log" | sed 's/\x1b\[[0-9;]*m//g' |
        awk '/lab-probe.service: Deactivated/ { on = 1 } on'
}

# in_order MESSAGE...: it said each of these once, in this order.
in_order() {
    local message line last=0
    for message in "$@"; do
        line=$(at_shutdown | grep -nF "$message" | cut -d: -f1)
        [[ $line =~ ^[0-9]+$ ]] || { echo "not once, but in these lines: $message: $line"; return 1; }
        [ "$line" -gt "$last" ] || { echo "too early: $message (line $line)"; return 1; }
        last=$line
    done
}
check "at shutdown the inner volume went before the outer one, and that before its keys" in_order \
    'srv-outer-inner.mount: Deactivated' 'srv-outer.mount: Deactivated' 'sealmount-keys@outer.service: Deactivated' \
    'Shutting down.'
check "and the volume that the boot needs before its keys" in_order \
    'srv-must.mount: Deactivated' 'sealmount-keys@must.service: Deactivated' 'Shutting down.'
check_no_output "nothing of it failed, and no volume was left for the end" \
    "(srv-.*mount|sealmount-(unlock|load|keys)).*([Ff]ail|exited|timed out)|Unmounting '/srv" at_shutdown

boot off --append sealmount=no <<'END'
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check_no_output "nothing is mounted" . findmnt -n -t ecryptfs
check "there is no unit of ours" eval '! ls /run/systemd/generator*/*srv-* /run/systemd/generator*/*/*srv-*'
check "nor after a reload" eval 'systemctl daemon-reload && ! ls /run/systemd/generator*/*srv-*'
check_no_output "no key was loaded" . hidden_keys
END
