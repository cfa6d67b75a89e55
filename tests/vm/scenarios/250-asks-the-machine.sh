#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# check asks systemd, the kernel and the TPM: whatever keeps a volume from its start is found, and the advice helps
need_product

cat >"$SHARE/ask.sh" <<'END'
# The units of the volume, in this one place.
mount_unit=srv-vault.mount
unlock=sealmount-load@vault.service
template=$(systemctl show -P FragmentPath "$unlock")
program=$(sed -n 's/^ExecStart=-\?\([^ ]*\).*/\1/p' "$template")

# finds STATUS PATTERN: check ends with the status, and a line matches.
finds() {
    check_status "$3: check ends with $1" "$1" sealmount check
    check_output "$3: and says so" "$2" sealmount check
}
fine() { check "$1: all would open" sealmount check; }
# advised ITEM: the advice of the finding, as a command: what is quoted in it.
advised() {
    sealmount check --json | jq -r --arg item "$1" '[.findings[] | select(.item == $item and .fix != "") | .fix][0]' |
        sed -n "s/^run '\([^']*\)'.*/\1/p"
}
# follow ITEM WORDS
follow() {
    local command
    command=$(advised "$1" || true)
    check "$2: the advice is a command" test -n "$command"
    check "$2: $command" eval "$command"
}
reload() { systemctl daemon-reload; }
stop() {
    systemctl stop "$mount_unit"
    wait_until inactive sealmount-keys@vault.service
}
END

boot enroll <<'END'
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
check "it is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery' --save-recovery-key /root/recovery-key
check "systemd reads its units" systemctl daemon-reload
check "all would open" sealmount check
END

boot units <<'END'
. /lab/ask.sh
check "it is mounted" readable /srv/vault
fine "as it came up"
stop
fine "stopped"

systemctl mask "$mount_unit"
finds 69 "bad +volume vault: $mount_unit is masked" "mount masked"
follow masked "mount masked"
fine "unmasked"
systemctl mask --runtime "$unlock"
finds 69 "bad +volume vault: $unlock is masked" "unlock masked for this boot"
follow masked "unlock masked for this boot"
fine "unmasked"
ln -s /dev/null "/etc/systemd/system/$mount_unit"
finds 69 "bad .*$mount_unit will be masked at the next boot" "masked, and not read yet"
rm "/etc/systemd/system/$mount_unit"

printf '[Mount]\nWhat=/srv/.vault\nWhere=/srv/vault\nType=ecryptfs\n' >"/etc/systemd/system/$mount_unit"
finds 75 "unknown .*$mount_unit will be taken from /etc/systemd/system/$mount_unit at the next boot" "override, not read yet"
expect_equal "for programs that is neither" null "$(sealmount check --json | jq .opens)"
follow reload "override, not read yet"
finds 69 "bad .*$mount_unit is taken from /etc/systemd/system/$mount_unit, .* does not start" "override"
rm "/etc/systemd/system/$mount_unit"
reload
fine "without the override"
cp "$template" "/etc/systemd/system/${template##*/}"
sed -i -e 's/^ExecStart=.*/ExecStart=\/bin\/true/' -e '/^ExecStop/d' "/etc/systemd/system/${template##*/}"
reload
finds 69 "bad .*$unlock is taken from /etc/systemd/system.* does not run the unlock" "another unlock"
rm "/etc/systemd/system/${template##*/}"
reload
fine "without it"

mkdir -p "/etc/systemd/system/$mount_unit.d"
printf '[Unit]\nConditionPathExists=/srv/flag\n' >"/etc/systemd/system/$mount_unit.d/flag.conf"
finds 75 "unknown .*$mount_unit will be changed by .*flag.conf at the next boot" "drop-in, not read yet"
reload
finds 69 'bad .*ConditionPathExists=/srv/flag .*flag.conf.*, which does not hold' "condition"
systemctl start "$mount_unit"
check_fails "systemd does not start it" mounted /srv/vault
touch /srv/flag
finds 75 'unknown .*ConditionPathExists=/srv/flag.*holds now, but did not' "never started because of it"
check "the advice: start it" systemctl start "$mount_unit"
check "it is mounted" readable /srv/vault
fine "with what the condition requires"
stop
rm -r "/etc/systemd/system/$mount_unit.d" /srv/flag
reload
fine "without the condition"

mkdir -p /etc/systemd/system-generators
ln -s /dev/null /etc/systemd/system-generators/sealmount-generator
reload
finds 69 "bad .*systemd has no $mount_unit of ours" "unit removed"
check_output "and why" 'bad +boot: the generator .* is masked by /etc/systemd/system-generators' sealmount check
rm /etc/systemd/system-generators/sealmount-generator
reload
fine "with the generator"

mkdir -p /etc/systemd/system/local-fs.target.d
ln -s /dev/null /etc/systemd/system/local-fs.target.d/50-sealmount.conf
reload
finds 69 "bad .*nothing starts $mount_unit at boot" "started by no target"
rm -r /etc/systemd/system/local-fs.target.d
reload
fine "started by local-fs.target"

chmod -x "$program"
finds 69 "bad .*$program cannot be executed" "program not executable"
chmod +x "$program"
mv "$program" /root/program
finds 69 "bad .*$program cannot be executed, or is not there" "program gone"
mv /root/program "$program"
fine "program there"

touch /etc/sealmount/manifest.json
finds 75 "unknown .*files of $mount_unit have changed since" "manifest newer than the units"
follow reload "manifest newer than the units"
fine "reloaded"
cp /etc/sealmount/manifest.json /root/manifest
jq '.volumes[0].options = ["nosuid"]' /root/manifest >/etc/sealmount/manifest.json
finds 69 "bad .*$mount_unit is not as the manifest says" "manifest edited"
reload
fine "reloaded"

mkdir -p "/run/systemd/system/$unlock.d"
printf '[Service]\nExecStart=\nExecStart=/bin/false\n' >"/run/systemd/system/$unlock.d/fail.conf"
reload
check_fails "the unlock fails" systemctl start "$mount_unit"
rm -r "/run/systemd/system/$unlock.d"
reload
check_output "failed before: a warning" "warning .*$unlock failed when it was started last" sealmount check
check "the advice: start it" systemctl start "$mount_unit"
check_no_output "the warning is gone" 'failed when' sealmount check
stop
mv /srv/.vault /srv/.elsewhere
check_fails "without its lower directory it does not start" systemctl start "$mount_unit"
mv /srv/.elsewhere /srv/.vault
check_output "failed before: a warning" "warning .*$unlock failed when it was started last" sealmount check
check "the advice: start it" systemctl start "$mount_unit"
fine "started"
stop
mkdir -p "/run/systemd/system/$unlock.d"
printf '[Service]\nExecStartPre=/bin/sh -c "until test -e /run/lab-go; do sleep 0.1; done"\n' >"/run/systemd/system/$unlock.d/slow.conf"
reload
systemctl start --no-block "$mount_unit"
finds 75 'unknown .*systemd has a job for it, start' "being started"
touch /run/lab-go
check "it comes" wait_until readable /srv/vault
rm -r "/run/systemd/system/$unlock.d"
reload
fine "started"

as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups sealmount check "$@"; }
check_status "without rights" 77 as_nobody
check_output "it says so" 'only root may look' as_nobody
expect_equal "and advises nothing else" 1 "$(as_nobody 2>&1 | wc -l || true)"
expect_equal "to programs neither" "run this as root" "$(as_nobody --json 2>/dev/null | jq -r .error.hint || true)"
END

boot kernel-and-tpm <<'END'
. /lab/ask.sh
check "it is mounted" readable /srv/vault
stop
export TPM2TOOLS_TCTI=device:/dev/tpmrm0
tpm2_evictcontrol -Q -C o -c 0x81000001
check_output "an evicted storage root key is a warning" 'warning +tpm: its storage root key is not persistent' sealmount check
fine "all the same"
check_no_output "check changed nothing" 0x81000001 tpm2_getcap handles-persistent
check "the next unlock makes it again" eval 'systemctl start srv-vault.mount && readable /srv/vault'
check_output "at its handle" 0x81000001 tpm2_getcap handles-persistent
check_no_output "no warning is left" 'not persistent' sealmount check
stop

lock_srk() {
    tpm2_evictcontrol -Q -C o -c 0x81000001
    tpm2_createprimary -Q -C o -G ecc256:aes128cfb -p secret -c /tmp/locked.ctx \
        -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt'
    tpm2_evictcontrol -Q -C o -c /tmp/locked.ctx 0x81000001
}
check "another program makes the key with a password" lock_srk
finds 69 'bad +master default: .*has an authorization value' "locked storage root key"
check "the advice: that key goes" tpm2_evictcontrol -Q -C o -c 0x81000001
check "and the volume opens" eval 'systemctl start srv-vault.mount && readable /srv/vault'
fine "unlocked"

# What the machine is lent of /etc/sealmount comes after the generators.
cp -a /etc/sealmount /srv/configuration
mount --bind /srv/configuration /etc/sealmount
finds 75 'unknown +boot: /etc/sealmount is in a mount of its own' "a mount made by hand"
make_second() { mkdir -p /srv/.second /srv/second; }
make_second
check_output "enrollment says so, too" 'warning: /etc/sealmount is in a mount of its own' \
    enroll second /srv/.second /srv/second 'another passphrase'
printf '/srv/configuration /etc/sealmount none bind,x-initrd.mount 0 0\n' >>/etc/fstab
systemctl daemon-reload
check_no_output "the initrd's would be there" 'mount of its own' sealmount check
sed -i 's/,x-initrd.mount//' /etc/fstab
finds 69 'bad +boot: /etc/sealmount is in a mount of its own' "a mount of the table"
umount /etc/sealmount
mv /etc/sealmount /srv/kept
mkdir /etc/sealmount
END

boot too-late <<'END'
. /lab/ask.sh
check_output "the table mounts the configuration" /srv/configuration findmnt -n -o SOURCE,FSROOT --mountpoint /etc/sealmount
check_fails "too late: nothing was mounted" mounted /srv/vault
finds 69 'bad +boot: /etc/sealmount is in a mount of its own' "the configuration came too late"
sed -i '/sealmount/d' /etc/fstab
umount /etc/sealmount
rmdir /etc/sealmount
mv /srv/kept /etc/sealmount
systemctl daemon-reload
fine "kept in the root file system"
tpm2_hierarchycontrol -Q -T device:/dev/tpmrm0 -C p shEnable clear
finds 69 "bad +master default: the TPM's storage hierarchy is disabled" "storage hierarchy disabled"
END

boot again <<'END'
. /lab/ask.sh
check "the advice: a restart" readable /srv/vault
fine "at the end"
echo 1 >/proc/sys/kernel/modules_disabled
fine "modules cannot be loaded any more, and none has to be"
END

# SEALMOUNT_LAB_ALL=yes: Debian's kernel, in which all of it is modules.
if [ -n "${SEALMOUNT_LAB_ALL:-}" ]; then
    boot stock --kernel stock <<'END'
jq '.volumes[0].noauto = true' /etc/sealmount/manifest.json >/root/manifest
cat /root/manifest >/etc/sealmount/manifest.json
END
    boot no-modules --kernel stock <<'END'
. /lab/ask.sh
echo 1 >/proc/sys/kernel/modules_disabled
finds 69 'bad +kernel: .*loads no modules any more' "modules disabled too early"
END
    boot modules --kernel stock <<'END'
. /lab/ask.sh
fine "modules can be loaded"
END
fi
