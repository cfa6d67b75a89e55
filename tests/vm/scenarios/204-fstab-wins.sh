#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# a line of /etc/fstab, and a unit in /etc/systemd/system, win over the manifest: in every boot and reload
need_product

# SEALMOUNT_LAB_ALL=yes: twenty boots. Reloads are twenty in each.
boots=3
[ -z "${SEALMOUNT_LAB_ALL:-}" ] || boots=20

boot enroll <<'END'
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 plain
check "it is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery'
check "another" make_volume /srv/.other /srv/other 'another passphrase' 16 plain
check "is enrolled" enroll other /srv/.other /srv/other 'another passphrase'
mkdir /srv/from-table
touch /srv/from-table/file
echo '/srv/from-table /srv/vault none bind 0 0' >>/etc/fstab
printf '[Unit]\nDescription=The admin'"'"'s own\n[Mount]\nWhat=/srv/from-table\nWhere=/srv/other\nType=none\nOptions=bind\n' \
    >/etc/systemd/system/srv-other.mount
END

for ((n = 1; n <= boots; n++)); do
    boot "boot-$n" <<'END'
wins() {
    [ "$(systemctl show -P FragmentPath srv-vault.mount)" = /run/systemd/generator/srv-vault.mount ]
    [ "$(systemctl show -P FragmentPath srv-other.mount)" = /etc/systemd/system/srv-other.mount ]
}
check "both are mounted as the admin said" eval '[ -e /srv/vault/file ] && [ -e /srv/other/file ]'
check_no_output "and not by us" . findmnt -n -t ecryptfs
reloads() { local n; for n in {1..20}; do systemctl daemon-reload; wins; done; }
check "at boot and in twenty reloads" eval 'wins && reloads'
check_output "the manifest's unit says so" 'volume vault: "/srv/vault" is in /etc/fstab too, line [0-9]+, which wins' systemctl status sealmount-manifest.service
END
done
