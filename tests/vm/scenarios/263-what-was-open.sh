#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# what a review found open: automounts look each time, no keys for units of others, unlocks by hand, circles, broken manifests at a stop
need_product

boot enroll <<'END'
make_all() {
    local name
    for name in vault other demand later masked tabled; do
        make_volume "/srv/.$name" "/srv/$name" "passphrase $name" 16 plain
    done
    make_volume /home/.hidden /srv/hidden 'passphrase hidden' 16 plain
}
check "ecryptfs-utils make seven volumes" make_all
enroll_all() {
    local name
    for name in vault other demand later masked tabled; do
        enroll "$name" "/srv/.$name" "/srv/$name" "passphrase $name" --quiet --headless
    done
    enroll hidden /home/.hidden /srv/hidden 'passphrase hidden' --quiet --headless
}
check "they are enrolled" enroll_all
on_demand() {
    jq '.volumes |= map(if .name == "demand" then . + {automount: true}
        elif .name == "later" then . + {automount: true, noauto: true} else . end)' /etc/sealmount/manifest.json >/run/manifest
    cat /run/manifest >/etc/sealmount/manifest.json
}
check "two of them on demand, one of these not at boot" on_demand
systemctl mask srv-masked.mount
mkdir /srv/from-table
echo '/srv/from-table /srv/tabled none bind 0 0' >>/etc/fstab
END

boot use --shutdown <<'END'
cp /etc/sealmount/manifest.json /root/manifest.json
signature() { jq -r --arg name "$1" '.volumes[] | select(.name == $name) | .signature' /root/manifest.json; }
has() { has_key "$(signature "$1")"; }
for name in vault other hidden; do check "boot: $name is mounted" readable "/srv/$name"; done

# Keys that nothing would take away.
check "the table's line has its mount" findmnt -n --mountpoint /srv/tabled
check_fails "a volume that fstab mounts has no keys loaded" has tabled
check_fails "nor has one whose unit is masked" has masked
check_fails "nor one that is not mounted at boot" has later
check "the one on demand has" has demand

# The unlock of all, again by hand.
check "the boot is over" wait_until test -d /run/sealmount-booted
check "and notes are believed no longer" eval '[ ! -L /run/sealmount/booting ]'
check "vault stops" systemctl stop srv-vault.mount
check "its keys go" wait_until eval '! has vault'
check "somebody starts the unlock of all again" systemctl restart sealmount-unlock@default.service
check_fails "what was stopped stays stopped" has vault
check_fails "it is not mounted" mounted /srv/vault
check "and no boot begins" eval '[ ! -L /run/sealmount/booting ]'
check "the others stay" eval 'readable /srv/other && readable /srv/hidden'
check "vault starts" systemctl start srv-vault.mount
check "readable" readable /srv/vault

# On demand: each mount looks who else uses the lower directory.
look() { timeout 40 cat "/srv/$1/secret"; }
check_output "whoever looks finds it" 'a secret in /srv/demand' look demand
unshare --mount --propagation private sleep 1000 &
holder=$!
check "a container has it" wait_until grep -q '/srv/demand .* - ecryptfs' "/proc/$holder/mountinfo"
check "it is unmounted here" systemctl stop srv-demand.mount
check_fails "it is not mounted a second time" look demand
check_output "the journal says why" 'not mounted: the lower directory is in use by another mount \(/srv/.demand is mounted on /srv/demand in the mount namespace' \
    journalctl -b -o cat --no-pager -u sealmount-look@demand.service
check_output "the mount unit's, too" 'not mounted: the lower directory is in use' journalctl -b -o cat --no-pager -u srv-demand.mount
said_by_status() { sealmount status "$@" || true; }
check_output "and status" 'a start would be refused: .*in use by another mount' said_by_status demand
kill "$holder"
wait "$holder" || true
check_output "without the container it comes" 'a secret in /srv/demand' look demand

# One that waits for nobody: its mount unit starts what it requires.
check "the mount unit of a volume on demand that no boot starts" timeout 60 systemctl start srv-later.mount
check "readable" readable /srv/later
expect_equal "its automount came along" active "$(systemctl show -P ActiveState srv-later.automount)"
check "both stop" timeout 60 systemctl stop srv-later.automount srv-later.mount
check "and its keys go" wait_until eval '! has later'

# A stop while the manifest cannot be read.
break_it() { sed 's/"version"/version"/' /root/manifest.json >/etc/sealmount/manifest.json; }
break_it
check "with a broken manifest, vault stops" systemctl stop srv-vault.mount
check_fails "unmounted" mounted /srv/vault
check "its keys go by the note" wait_until eval '! has vault'
check "the others keep theirs" eval 'has other && has hidden'
cat /root/manifest.json >/etc/sealmount/manifest.json
check "repaired, it starts" eval 'systemctl daemon-reload && systemctl start srv-vault.mount'
break_it
rm -rf /run/sealmount
check "without notes either, it stops" systemctl stop srv-vault.mount
check "its keys go by what the mounts say" wait_until eval '! has vault'
check "those of mounted volumes stay" eval 'has other && has hidden'
cat /root/manifest.json >/etc/sealmount/manifest.json
check "repaired, it starts" eval 'systemctl daemon-reload && systemctl start srv-vault.mount'
check "readable" readable /srv/vault

# An unlock that may not see process 1, and whose own view hides the lower directory.
check "hidden stops" systemctl stop srv-hidden.mount
mkdir -p /run/systemd/system/sealmount-load@hidden.service.d
printf '[Service]\nCapabilityBoundingSet=\nCapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_IPC_LOCK\n' \
    >/run/systemd/system/sealmount-load@hidden.service.d/confined.conf
systemctl daemon-reload
check "it starts all the same" systemctl start srv-hidden.mount
check "readable" readable /srv/hidden

# An order that nobody can keep.
umount /srv/tabled
sed -i /from-table/d /etc/fstab
systemctl daemon-reload
check "nothing is wrong with the manifest" systemctl restart sealmount-manifest.service
jq '.volumes |= map(if .name == "other" then . + {requires: ["srv-hidden.mount"]}
    elif .name == "hidden" then . + {requires: ["srv-other.mount"]} else . end)' /root/manifest.json >/etc/sealmount/manifest.json
circle='srv-(other|hidden).mount waits for srv-(hidden|other).mount, that for srv-(other|hidden).mount'
systemctl daemon-reload
check_fails "an order in a circle is a failed unit" systemctl restart sealmount-manifest.service
check_output "which names all of it" "the order is a circle: $circle" journalctl -b -o cat --no-pager -u sealmount-manifest.service
check_output "check, too" "bad +manifest: .*the order is a circle: $circle" sealmount check
check "both stay mounted" eval 'readable /srv/other && readable /srv/hidden'
mkdir /srv/.more
said() { enroll more /srv/.more /srv/more 'one more' --empty >/tmp/said 2>&1; }
check_fails "enrolling does not write into it" said
check_output "and says why" "the order is a circle: $circle" cat /tmp/said
cat /root/manifest.json >/etc/sealmount/manifest.json
systemctl daemon-reload
check "without the circle it is well" systemctl restart sealmount-manifest.service
for unit in first link; do
    printf '[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/true\n' >"/run/systemd/system/$unit.service"
done
sed -i 's/^DefaultDependencies=no/&\nAfter=link.service/' /run/systemd/system/first.service
sed -i 's/^DefaultDependencies=no/&\nAfter=srv-other.mount/' /run/systemd/system/link.service
jq '.volumes |= map(if .name == "other" then . + {requires: ["first.service"]} else . end)' /root/manifest.json >/etc/sealmount/manifest.json
systemctl daemon-reload
check_output "one through units of others, systemd shows" \
    'unknown +volume other: the order of units is a circle: srv-other.mount after first.service after link.service after srv-other.mount' sealmount check
cat /root/manifest.json >/etc/sealmount/manifest.json
rm /run/systemd/system/first.service /run/systemd/system/link.service
systemctl daemon-reload

# What status says to people.
check "vault stops" systemctl stop srv-vault.mount
wait_until inactive sealmount-keys@vault.service
rm -rf /run/sealmount
check "it is mounted by hand" utils_mount /srv/.vault /srv/vault 'passphrase vault' 16 plain
keyctl clear @u
check_output "status says whose mount it is" '^vault: mounted, not by us, keys not loaded' said_by_status
check "umount" umount /srv/vault
drop_in=/run/systemd/system/sealmount-load@vault.service.d
mkdir -p "$drop_in"
printf '[Service]\nExecStartPre=/bin/sh -c "until test -e /tmp/go; do sleep 0.1; done"\n' >"$drop_in/lab.conf"
systemctl daemon-reload
systemctl start --no-block srv-vault.mount
check "its unlock begins" wait_until eval '[ "$(systemctl show -P ActiveState sealmount-load@vault.service)" = activating ]'
check_output "what it is waiting for" 'being unlocked: sealmount-load@vault.service is running' said_by_status vault
touch /tmp/go
check "it comes" wait_until readable /srv/vault
check "it stops" systemctl stop srv-vault.mount
printf '[Service]\nExecStart=\nExecStart=/bin/false\n' >"$drop_in/lab.conf"
systemctl daemon-reload
check_fails "a start fails" systemctl start srv-vault.mount
check_output "what failed before" 'sealmount-load@vault.service failed when it was started last .exit-code' said_by_status vault
rm -r "$drop_in"
systemctl daemon-reload
mv /srv/.vault /srv/.elsewhere
check_output "what would refuse a start" 'problem: a start would be refused: the lower directory is not what it was .*/srv/.vault is not there' said_by_status vault
mv /srv/.elsewhere /srv/.vault
check "then it starts" systemctl start srv-vault.mount
check_no_output "and nothing is said of it" 'failed|refused|waiting|not by us' said_by_status vault
END
