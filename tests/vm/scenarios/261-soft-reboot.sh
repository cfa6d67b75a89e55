#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# Debian 13: after a soft-reboot it is as after a boot, with one unseal for all; /etc/sealmount under an extension of the configuration
need_product
new_disk trixie
# What the guest shares with the host is mounted again only there.
# shellcheck disable=SC2034 # boot.sh reads it
ENGINE=qemu

# The script runs twice: userspace starts again in between.
boot both <<'END'
unlocks() { journalctl -b --no-pager -o json MESSAGE_ID=fb38ccd3b3fc4e8ebc8a371a4c997e68 | grep -c '"tpm"'; }
# When its own unlock ran last: systemd remembers that over a soft-reboot.
process_of() { systemctl show -P ExecMainStartTimestampMonotonic "sealmount-load@$1.service"; }
if [ ! -e /root/enrolled ]; then
    make_three() {
        local name
        for name in vault other third; do
            make_volume "/srv/.$name" "/srv/$name" "passphrase $name" 16 plain
            enroll "$name" "/srv/.$name" "/srv/$name" "passphrase $name" --quiet --headless
        done
    }
    check_output "it is systemd 257" '^systemd 257' systemctl --version
    check "three volumes are made and enrolled" make_three
    check "they start" eval 'systemctl daemon-reload && systemctl start srv-vault.mount srv-other.mount srv-third.mount'
    check "and are readable" eval 'readable /srv/vault && readable /srv/other && readable /srv/third'
    check "one is stopped by hand" systemctl stop srv-third.mount
    unlocks >/root/before
    for name in vault other third; do process_of "$name" >"/root/process-$name"; done
    cp /proc/sys/kernel/random/boot_id /root/boot-id
    touch /root/enrolled
    sync
    wire_mark
    systemctl soft-reboot
    exec sleep infinity
fi
expect_equal "the machine was not started again" "$(cat /root/boot-id)" "$(cat /proc/sys/kernel/random/boot_id)"
expect_equal "userspace came to its end and nothing failed" running "$(cat /lab/results/state)"
for name in vault other third; do
    check "after the soft-reboot $name is mounted" readable "/srv/$name"
    expect_equal "no process of its own for $name" "$(cat "/root/process-$name")" "$(process_of "$name")"
done
expect_equal "one unlock for all of them" 1 "$(($(unlocks) - $(cat /root/before)))"
check "the boot is over" wait_until test -d /run/sealmount-booted
wire_mark
check "all would open" sealmount check

# An extension of /etc puts an overlay over all of it.
mkdir -p /var/lib/confexts/lab/etc/extension-release.d
echo ID=_any >/var/lib/confexts/lab/etc/extension-release.d/extension-release.lab
echo hello >/var/lib/confexts/lab/etc/from-extension
check "an extension of the configuration comes" systemd-confext merge
check "it is there" test -e /etc/from-extension
check "with it, a volume stops" systemctl stop srv-vault.mount
check "and starts" systemctl start srv-vault.mount
check "readable" readable /srv/vault
check "a reload" systemctl daemon-reload
check "it stays" readable /srv/vault
check "the extension goes" systemd-confext unmerge
check "it stays" readable /srv/vault
END
expect_equal "the TPM unsealed once" 1 "$(wire_commands "$WORK/boots/both/wire.log" 1 | grep -cx Unseal)"
