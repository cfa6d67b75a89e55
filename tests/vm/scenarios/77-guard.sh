#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# nothing, root included, writes plaintext into the mount point while its volume is not mounted
need_product

cat >"$SHARE/guard.sh" <<'END'
# closed DIR: it refuses everything, with the kernel's word for immutable.
closed() {
    check_output "$1 takes no file" 'Operation not permitted' touch "$1/file"
    check_output "$1 takes no directory" 'Operation not permitted' mkdir "$1/directory"
    expect_equal "$1 is empty" "" "$(ls -A "$1")"
}
open_for_writing() { touch "$1/file" && rm "$1/file"; }
END

boot enroll <<'END'
. /lab/guard.sh
make_two() {
    make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
    make_volume /srv/.hand /srv/hand 'another passphrase' 16 plain
}
check "ecryptfs-utils make two volumes" make_two
check "the mount point is as open as any directory" open_for_writing /srv/vault
check "a volume is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery' --headless
closed /srv/vault
check "one that is mounted by hand at that moment" utils_mount /srv/.hand /srv/hand 'another passphrase' 16 plain
enroll_by_hand() { enroll hand /srv/.hand /srv/hand 'another passphrase' --noauto --headless --json | tee /tmp/json | jq -e .guarded; }
check "is enrolled, and guarded below the mount" enroll_by_hand
check_output "without a warning" '"warnings": \[\]' cat /tmp/json
check "the mounted volume is writable" open_for_writing /srv/hand
utils_umount /srv/hand
closed /srv/hand
END

boot use <<'END'
. /lab/guard.sh
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check "the volume is mounted and readable" readable /srv/vault
check "and writable" open_for_writing /srv/vault
closed /srv/hand
check "the other one starts" systemctl start srv-hand.mount
check "it is readable" readable /srv/hand
check "and writable" open_for_writing /srv/hand
check "both stop" systemctl stop srv-hand.mount srv-vault.mount
closed /srv/hand
closed /srv/vault
END

boot refused --append lab.extend=7 <<'END'
. /lab/guard.sh
check_fails "the TPM refuses: the headless volume is not mounted" mounted /srv/vault
closed /srv/vault
check "the volume is removed" sealmount remove vault --yes
check "its mount point is an ordinary directory again" open_for_writing /srv/vault
# Else systemd would still bind the mount to the unlock, and take it away.
systemctl daemon-reload
check "the passphrase still opens it" utils_mount /srv/.vault /srv/vault 'correct horse battery' 32 own-key
check "it is readable" readable /srv/vault
END
