#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# a full and an emptied /run, and one of fifty volumes stopped and started again and again: keys come and go, others stay
need_product

# SEALMOUNT_LAB_ALL=yes: two hundred rounds.
rounds=40
[ -z "${SEALMOUNT_LAB_ALL:-}" ] || rounds=200
echo "rounds=$rounds" >"$SHARE/rounds.sh"

mkdir "$SHARE/keys"
for ((n = 1; n <= 50; n++)); do
    head -c 64 /dev/urandom >"$SHARE/keys/v$n"
    printf '{"name": "v%d", "lower": "/srv/.v%d", "mountpoint": "/srv/v%d", "fekek_file": "/root/keys/v%d"}\n' "$n" "$n" "$n" "$n"
done | jq -s '{version: 1, volumes: .}' >"$SHARE/many.json"

boot enroll <<'END'
cp -r /lab/keys /root/
seq --format /srv/.v%g 50 | xargs mkdir
check "fifty volumes are enrolled" sealmount enroll --batch /lab/many.json --quiet
END

boot rounds --seconds 1800 <<'END'
. /lab/rounds.sh
signature() { jq -r --arg name "$1" '.volumes[] | select(.name == $name) | .signature' /etc/sealmount/manifest.json; }
key=$(signature v7)
has() { has_key "$key"; }
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
expect_equal "fifty volumes are mounted" 50 "$(findmnt -n -t ecryptfs -o TARGET | wc -l)"
echo here >/srv/v7/file
others() { local n; for n in {1..50}; do [ "$n" = 7 ] || printf '%s ' "$(systemctl show -P ActiveEnterTimestampMonotonic "srv-v$n.mount")"; done; }
before=$(others)

full() { fallocate -l "$(df --output=avail -B1 /run | tail -n 1)" /run/filler 2>/dev/null || dd if=/dev/zero of=/run/filler bs=4096 2>/dev/null || true; }
# Whoever asks systemd wakes it: it may sleep over the stop of the keys if its limit of mount events (five a second) ends just
# then (sd_event_prepare() of 252 goes to sleep when nothing but the end of a limit was there to do).
keys_gone() { ! systemctl -q is-active sealmount-keys@v7.service && ! has; }
round() {
    systemctl stop srv-v7.mount
    if mounted /srv/v7; then return 1; fi
    wait_until keys_gone
    systemctl start srv-v7.mount
    has
    [ "$(cat /srv/v7/file)" = here ]
}
check "with a full /run" full
check_fails "nothing can be written there" eval 'head -c 8192 /dev/zero >/run/more'
check "it stops and starts" round
check "again" round
rm -f /run/filler /run/more
check "with a /run/sealmount that was emptied, it stops and starts" eval 'rm -rf /run/sealmount && round'
full
check "with one that was emptied and is full" eval 'rm -rf /run/sealmount && round'
rm -f /run/filler
# The journal itself reports that /run was full; from here on it is not.
mark=$(journalctl -b -n 0 --show-cursor --no-pager | sed -n 's/^-- cursor: //p')
check "the journal has come to here" test -n "$mark"
rounds() { local n; for ((n = 0; n < rounds; n++)); do round; done; }
check "$rounds rounds" rounds
expect_equal "the others were not touched" "$before" "$(others)"
expect_equal "fifty volumes are mounted" 50 "$(findmnt -n -t ecryptfs -o TARGET | wc -l)"
# mount.ecryptfs and umount.ecryptfs of ecryptfs-utils report their missing GPG module, and keys that are not theirs, at each call.
errors() {
    journalctl -b --no-pager -o json -p err --after-cursor "$mark" |
        jq -r 'select((.SYSLOG_IDENTIFIER // "") | test("^(u?mount|u?mount[.]ecryptfs)$") | not) | .SYSLOG_IDENTIFIER + ": " + .MESSAGE'
}
check_no_output "nothing else is logged as an error" . errors
check_no_output "no unit was limited" 'too quickly|too often' journalctl -b --no-pager -o cat
check_no_output "nothing failed" . systemctl --failed --no-legend
END
