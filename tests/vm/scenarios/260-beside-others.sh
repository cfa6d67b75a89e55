#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# what works, and stays so: lower directories of every kind, busy volumes, odd environments and clocks, full and read-only roots, restored stores
need_product

boot enroll <<'END'
cat >>/etc/fstab <<'TABLE'
overlay /srv/merged overlay lowerdir=/srv/l,upperdir=/srv/u,workdir=/srv/w,nofail 0 0
tmpfs /srv/memory tmpfs size=8M,nofail 0 0
/srv/real /srv/bound none bind,nofail 0 0
/root/disk.img /srv/disk ext4 loop,nofail,x-systemd.automount 0 0
/srv/vault/inner /srv/inside none bind,nofail 0 0
TABLE
mkdir -p /srv/l /srv/u /srv/w /srv/merged /srv/memory /srv/real /srv/bound /srv/disk /srv/inside
truncate -s 24M /root/disk.img
mkfs.ext4 -q /root/disk.img
systemctl daemon-reload
check "file systems for lower directories" systemctl start srv-merged.mount srv-memory.mount srv-bound.mount srv-disk.automount
make_all() {
    make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
    make_volume /srv/merged/.lower /srv/over 'passphrase over' 16 plain
    make_volume /srv/memory/.lower /srv/mem 'passphrase mem' 16 plain
    make_volume /srv/bound/.lower /srv/bind 'passphrase bind' 16 plain
    make_volume /srv/disk/.lower /srv/auto 'passphrase auto' 16 plain
    make_volume /srv/.alice /home/alice 'passphrase alice' 16 plain
}
check "ecryptfs-utils make six volumes" make_all
check "one on the root file system is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery' --save-recovery-key /root/recovery-key
check "one on an overlay" enroll over /srv/merged/.lower /srv/over 'passphrase over' --quiet --headless
check "one in memory" enroll mem /srv/memory/.lower /srv/mem 'passphrase mem' --quiet --headless
check "one behind a bind mount" enroll bind /srv/bound/.lower /srv/bind 'passphrase bind' --quiet --headless
check "one on a disk that an automount mounts" enroll auto /srv/disk/.lower /srv/auto 'passphrase auto' --quiet --headless
check "a home" enroll alice /srv/.alice /home/alice 'passphrase alice' --quiet --headless
check "the one in memory starts" eval 'systemctl daemon-reload && systemctl start srv-mem.mount && readable /srv/mem'
check "vault starts" systemctl start srv-vault.mount
mkdir /srv/vault/inner
echo inside >/srv/vault/inner/file
# What is made in a volume is made when it is there.
printf 'd /srv/vault/spool 0750 root root\n' >/etc/tmpfiles.d/lab.conf
jq '.volumes |= map(if .name == "vault" then . + {before: ["systemd-tmpfiles-setup.service"]} else . end)' /etc/sealmount/manifest.json >/run/manifest
cat /run/manifest >/etc/sealmount/manifest.json
useradd --no-create-home --home-dir /home/alice --shell /bin/sh alice
# A kernel's hook that runs while the machine goes down.
printf '[Unit]\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStop=/bin/sh -c "/usr/lib/sealmount/upgrade-hook shutdown >/root/hook 2>&1; echo $$? >/root/hook.status"\n[Install]\nWantedBy=multi-user.target\n' \
    >/etc/systemd/system/hook.service
systemctl enable --quiet hook.service
END

boot use --shutdown <<'END'
for name in vault over bind auto; do check "boot: $name is mounted" readable "/srv/$name"; done
check "boot: so is the home" readable /home/alice
check_fails "what was in memory is not" mounted /srv/mem
check_output "which status says" 'a start would be refused: .*/srv/memory/.lower is not there' eval 'sealmount status mem || true'
expect_equal "what the table binds out of a volume is there" inside "$(cat /srv/inside/file)"
expect_equal "and what tmpfiles.d makes in it" 750 "$(stat -c %a /srv/vault/spool)"
check_output "a user's manager, which no login has to start, comes after the home" '(^| )home-alice.mount' \
    systemctl show -P After "user@$(id -u alice).service"
check_output "and so do logins" '(^| )systemd-user-sessions.service' systemctl show -P Before home-alice.mount

# Busy.
exec 9</srv/bind/secret
check_fails "a busy volume does not stop" systemctl stop srv-bind.mount
check "it stays mounted" readable /srv/bind
exec 9<&-
check "then it stops" systemctl stop srv-bind.mount
check_fails "it is unmounted" mounted /srv/bind
check "and starts" eval 'systemctl start srv-bind.mount && readable /srv/bind'
check "services with mounts of their own begin" eval 'systemd-run --quiet --unit=private -p PrivateMounts=yes -p ProtectHome=yes sleep infinity &&
    systemd-run --quiet --unit=strict -p ProtectSystem=strict -p PrivateTmp=yes sleep infinity'
check "a volume stops beside them" systemctl stop srv-bind.mount
check "and starts" systemctl start srv-bind.mount
check "readable" readable /srv/bind
systemctl stop private.service strict.service
check "a volume stops with what is bound out of it" systemctl stop srv-vault.mount
check_fails "unmounted" mounted /srv/vault
check "it comes back with it" eval 'systemctl start srv-inside.mount && readable /srv/vault && [ "$(cat /srv/inside/file)" = inside ]'

# Odd callers.
mkdir /srv/.odd
printf 'an odd passphrase\n' >/root/odd
check "nothing in the environment, and an odd umask" env -i /bin/sh -c \
    'umask 0777; /usr/sbin/sealmount enroll odd --lower /srv/.odd --mountpoint /srv/odd --passphrase-file /root/odd --empty --quiet'
check_no_output "what it wrote is root's alone" . find /etc/sealmount/keys /etc/sealmount/masters -type f ! -perm 600
check "a locale that is not there" env LC_ALL=tr_TR.UTF-8 LANGUAGE=tr TZ=:/nowhere sealmount list
check "it starts" eval 'systemctl daemon-reload && systemctl start srv-odd.mount && mounted /srv/odd'
check "and leaves" eval 'systemctl stop srv-odd.mount && wait_until inactive sealmount-keys@odd.service && sealmount remove odd --yes'
systemctl daemon-reload

# A restored store.
restore() {
    tar -C / -cf /root/store.tar etc/sealmount
    rm -rf /etc/sealmount
    (umask 022 && tar -C / --no-same-permissions -xf /root/store.tar)
}
check "a store is restored from a backup" restore
check "vault stops" systemctl stop srv-inside.mount srv-vault.mount
check "and starts with it" eval 'systemctl daemon-reload && systemctl start srv-vault.mount && readable /srv/vault'

# Clocks.
now=$(date +%s)
for day in 1970-01-02 2039-01-01; do
    date -s "$day" >/dev/null
    check "$day: a volume stops" systemctl stop srv-over.mount
    check "$day: and starts" systemctl start srv-over.mount
    check "$day: readable" readable /srv/over
    check "$day: slots are added" sealmount reseal
done
date -s "@$now" >/dev/null

# Full.
fallocate -l "$(($(df --output=avail -B1 / | tail -n 1) - 4096))" /filler 2>/dev/null || true
dd if=/dev/zero of=/filler2 bs=4096 2>/dev/null || true
check_fails "the root file system is full" eval 'head -c 65536 /dev/zero >/filler3'
check "a volume stops" systemctl stop srv-over.mount
check "and starts" systemctl start srv-over.mount
check "readable" readable /srv/over
rm -f /filler /filler2 /filler3

# A user goes, with what is in the home.
check_fails "userdel cannot remove a home that is mounted" userdel -r alice
check "it stays mounted" mounted /home/alice
check "and stops" systemctl stop home-alice.mount

check "somebody holds a file while the machine goes down" systemd-run --quiet --unit=holder sh -c 'exec 9>>/srv/vault/held; echo written >&9; exec sleep infinity'
sed -i 's|^/dev/vda / ext4 rw|/dev/vda / ext4 ro|' /etc/fstab
END

boot read-only --append 'ro systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1' <<'END'
check_fails "the root file system is read-only" touch /file
check_output "with the first version of cgroups" '^cgroup$' findmnt -n -o FSTYPE /sys/fs/cgroup/systemd
for name in vault bind; do check "$name is mounted" mounted "/srv/$name"; done
expect_equal "what was written last is there" written "$(cat /srv/vault/held)"
expect_equal "the hook of a kernel ended well while the machine went down" 0 "$(cat /root/hook.status)"
check "a volume stops" systemctl stop srv-bind.mount
check "and starts" systemctl start srv-bind.mount
check_output "that they are read-only is a warning" 'warning +volume vault: .*read-only' eval 'sealmount check || true'
END
