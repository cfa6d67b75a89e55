#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# a user exchanges her own lower directory between the look and the mount: what shows then, and what does not
need_product

cat >"$SHARE/exchange.sh" <<'END'
# Wins the race each time: run when a look is over, and before the mount.
cd /home/anna && mv .Private kept && ln -s /root/hidden/open .Private
END

boot exchange <<'END'
as_anna() { setpriv --reuid anna --regid anna --clear-groups "$@"; }
useradd --user-group --create-home --skel /var/empty --shell /bin/bash anna
check "anna's private directory is made" make_volume /home/anna/.Private /home/anna/Private 'correct horse battery' 16 plain
chown -R anna:anna /home/anna
check "it is enrolled, under its guard" enroll private /home/anna/.Private /home/anna/Private 'correct horse battery' --headless
mkdir -p /root/hidden/open
chmod 700 /root /root/hidden
printf 'what root keeps to himself\n' >/root/hidden/open/name-of-roots
check_fails "anna does not see root's directory" as_anna ls /root/hidden/open
# race SERVICE: the exchange comes when that has done its work.
race() {
    mkdir -p "/run/systemd/system/$1.d"
    printf '[Service]\nExecStartPost=+/usr/bin/setpriv --reuid anna --regid anna --clear-groups /bin/sh /lab/exchange.sh\n' \
        >"/run/systemd/system/$1.d/race.conf"
    systemctl daemon-reload
}
race sealmount-unlock@default.service
check_fails "exchanged before the volume's own unlock looks, it does not start" systemctl start home-anna-Private.mount
check_output "which says why" '/home/anna/.Private, .* is a symbolic link' unlock_journal private
check_fails "nothing is mounted" findmnt -rn -t ecryptfs
rm /home/anna/.Private
mv /home/anna/kept /home/anna/.Private
race sealmount-load@private.service
check "it starts, and she wins the race" systemctl start home-anna-Private.mount
check "her link is there" test -L /home/anna/.Private
expect_equal "it is mounted in her own place, and nowhere else" /home/anna/Private "$(findmnt -rn -t ecryptfs -o TARGET)"
check_output "she sees the names of root's directory: by design" '^name-of-roots$' as_anna ls /home/anna/Private
check_fails "but not the contents" as_anna cat /home/anna/Private/name-of-roots
expect_equal "no word of them" "" "$(as_anna cat /home/anna/Private/name-of-roots 2>/dev/null || true)"
END
