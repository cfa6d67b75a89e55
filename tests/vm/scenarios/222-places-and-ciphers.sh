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
check_no_output "then nothing is said of it" 'volume vault: .*not recorded' sealmount check vault
check "enrolling the other again" enroll other /srv/.other /srv/other 'another passphrase' --headless
expect_equal "records that of the other" 2 "$(jq '[.volumes[] | select(.ground)] | length' /etc/sealmount/manifest.json)"

# The kernel's crypto API for userspace answers for eCryptfs. A kernel without MD5 is one in FIPS mode.
check_no_output "the ciphers of this kernel are all there" 'this kernel does not have' sealmount check
END

boot canonical <<'END'
check "both are mounted" eval 'readable /srv/vault && readable /srv/other'
END

# Debian's kernel has its ciphers as modules: without them, and once none can be loaded any more, they are absent.
boot modules --kernel stock <<'END'
check "a volume is enrolled while modules can be loaded" enroll vault /srv/.vault /srv/vault 'correct horse battery' --headless
mkdir /srv/.cast
modprobe algif_skcipher
modprobe algif_hash
modprobe aes_generic
cat /proc/crypto >/tmp/crypto
sysctl -q kernel.modules_disabled=1
if ! grep -q '^name *: *cast6' /tmp/crypto; then
    said() { enroll cast /srv/.cast /srv/cast 'a third passphrase' --cipher cast6 --key-bytes 16 --empty >/tmp/said 2>&1; }
    check_status "with kernel.modules_disabled a cipher that is not there is refused" 69 said
    check_output "and named" 'this kernel does not have cbc\(cast6\), ecb\(cast6\)' cat /tmp/said
fi
END
