#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# mounted by hand after the TPM refused: it stays, its unit adopts it, a start is done, and its keys go with it
need_product

boot enroll <<'END'
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 plain
check "it is enrolled, headless" enroll vault /srv/.vault /srv/vault 'correct horse battery' --headless
END

boot refused --append lab.extend=7 --shutdown <<'END'
check_fails "the TPM refused: it is not mounted" mounted /srv/vault
check_output "its own unlock has failed" '^sealmount-load@vault.service ' systemctl list-units --failed --no-legend --plain
check "that of its master key has not" systemctl is-active sealmount-unlock@default.service
check_fails "a start fails" systemctl start srv-vault.mount
check_output "the mount unit's status says why" 'not unlocked: .*PCR|not unlocked: ' systemctl status srv-vault.mount
check_output "and not in the kernel's words" 'AssertPathIsSymbolicLink=/run/sealmount/loaded/vault' systemctl status srv-vault.mount

check "it is mounted by hand" utils_mount /srv/.vault /srv/vault 'correct horse battery' 32 plain
sleep 7
check "it stays" readable /srv/vault
expect_equal "its unit has adopted it" active "$(systemctl show -P ActiveState srv-vault.mount)"
check_output "status says so" 'vault: mounted' sealmount status
check "a reload" systemctl daemon-reload
check "a start of it is done at once" timeout 20 systemctl start srv-vault.mount
check_output "nobody was asked, nothing was loaded" 'mounted already' unlock_journal vault
check "it stays" readable /srv/vault
check "a stop ends it" systemctl stop srv-vault.mount
check_fails "it is unmounted" mounted /srv/vault

# In a mount namespace of its own, as a container has it.
check "the passphrase is a credential from now on" eval 'install -d -m 700 /etc/credstore && (umask 077 && printf "correct horse battery\n" >/etc/credstore/sealmount.passphrase.vault)'
keyctl clear @u
check "it starts" systemctl start srv-vault.mount
check "readable" readable /srv/vault
check "a container is started" systemd-run --quiet --unit=container -p PrivateMounts=yes -p MountFlags=private sleep infinity
check "it stops here" systemctl stop srv-vault.mount
check_fails "it is unmounted here" mounted /srv/vault
check "its keys go" wait_until eval '! has_key 7f475b5d20a645dc'
systemctl stop container.service
check "it starts again" systemctl start srv-vault.mount
check "readable" readable /srv/vault
END
