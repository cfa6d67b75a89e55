#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# mount points become canonical, an old manifest gets its ground, ciphers that the kernel lacks are refused
need_product

boot enroll <<'END'
make_two() {
    make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
    make_volume /srv/.other /srv/other 'another passphrase' 16 plain
}
check "ecryptfs-utils make two volumes" make_two
ln -s srv /data
said() { enroll vault /data/.vault /data/vault 'correct horse battery' --headless >/tmp/said 2>&1; }
check "a volume is enrolled through symbolic links" said
check_output "which is said" '/data/vault leads to /srv/vault through a symbolic link' cat /tmp/said
expect_equal "and the manifest has the paths without them" "/srv/.vault /srv/vault" "$(jq -r '.volumes[0] | "\(.lower) \(.mountpoint)"' /etc/sealmount/manifest.json)"
check "the other one is enrolled" enroll other /srv/.other /srv/other 'another passphrase' --headless
# As version 0.1 left it.
jq 'del(.volumes[].ground)' /etc/sealmount/manifest.json >/root/m && cat /root/m >/etc/sealmount/manifest.json
END

boot old <<'END'
check "volumes of an older version are mounted" eval 'readable /srv/vault && readable /srv/other'
check_output "check says that their ground is not recorded" 'warning +volume vault: which directory /srv/.vault is was not recorded' sealmount check
check "its advice" sealmount ground vault
check_output "records it" '"inode": [0-9]+' cat /etc/sealmount/manifest.json
systemctl daemon-reload # the manifest is newer than the units
check_no_output "then nothing is said of it" 'volume vault: .*not recorded' sealmount check vault
check "enrolling the other again" enroll other /srv/.other /srv/other 'another passphrase' --headless
expect_equal "records that of the other" 2 "$(jq '[.volumes[] | select(.ground)] | length' /etc/sealmount/manifest.json)"
END

boot canonical <<'END'
check "both are mounted" eval 'readable /srv/vault && readable /srv/other'
# A manifest that somebody edits.
cp /etc/sealmount/manifest.json /root/manifest
jq '.volumes |= map(if .name == "other" then .mountpoint = "/data/other" else . end)' /root/manifest >/etc/sealmount/manifest.json
systemctl daemon-reload
check_output "a mount point behind a link is found before it fails" 'bad +volume other: /data, in the path of the mount point /data/other, is a symbolic link' \
    eval 'sealmount check other || true'
cat /root/manifest >/etc/sealmount/manifest.json
systemctl daemon-reload
END

# Debian's kernel in FIPS mode has no MD5 for eCryptfs.
boot fips --kernel stock --append fips=1 <<'END'
expect_equal "the kernel is in FIPS mode" 1 "$(cat /proc/sys/crypto/fips_enabled)"
check_fails "a volume is not mounted" mounted /srv/vault
check_status "and check fails" 69 sealmount check vault
check_output "which says why" 'bad +kernel: is in FIPS mode, which does not allow MD5' eval 'sealmount check vault || true'
mkdir /srv/.third
said() { enroll third /srv/.third /srv/third 'a third passphrase' --empty >/tmp/said 2>&1; }
check_status "a volume that no mount could open is refused" 69 said
check_output "with what is missing" 'this kernel does not have md5, which eCryptfs requires' cat /tmp/said
check_fails "nothing was enrolled" grep -q third /etc/sealmount/manifest.json
END
