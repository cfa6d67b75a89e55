#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# three different volumes under one master key cost one unseal: at most 7 TPM commands of ours on the wire
need_product
rm -f "$SHARE"/made/* # made here and now, by ecryptfs-utils
# shellcheck disable=SC2034 # boot.sh reads it
ENGINE=qemu # what is counted are the commands of the kernel's own TPM driver

boot enroll <<'END'
make_three() {
    make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
    make_volume /srv/.plain /srv/plain 'another passphrase' 16 plain
    make_volume '/srv/.with space' '/srv/with space' 'a third one' 16 content-key
}
check "ecryptfs-utils make three volumes, one with a space in both paths" make_three
check "the first is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery'
check "the second is enrolled under the same master key" enroll plain /srv/.plain /srv/plain 'another passphrase'
check "the third is enrolled under the same master key" enroll spaced '/srv/.with space' '/srv/with space' 'a third one'
expect_equal "key sizes and encrypted names are as they were made" '[[32,true],[16,false],[16,true]]' \
    "$(jq -c '[.volumes[] | [.key_bytes, .filename_signature != null]]' /etc/sealmount/manifest.json)"
expect_equal "there is one master key" default.json "$(ls /etc/sealmount/masters)"
END

# The script of this boot sends no TPM command, so that its wire log can be compared.
boot with --answer 'not needed' <<'END'
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check "nobody was asked anything" eval '[ ! -s /lab/results/asked ]'
for volume in /srv/vault /srv/plain '/srv/with space'; do
    check "$volume is mounted and readable" readable "$volume"
done
unlocked() { journalctl -b --no-pager -o cat -u 'sealmount-unlock@*' | grep -c 'unlocked by the TPM'; }
expect_equal "the TPM was asked once" 1 "$(unlocked)"
mv /etc/sealmount/manifest.json /root/
END

boot without --answer 'not needed' <<'END'
check_fails "without the manifest nothing is mounted" mounted /srv/vault
END

step "TPM commands of this boot that are not in the same boot without the manifest:"
wire_more "$WORK/boots/with/wire.log" "$WORK/boots/without/wire.log" | details
ours=$(wire_more_count "$WORK/boots/with/wire.log" "$WORK/boots/without/wire.log")
check "our commands are there: the comparison shows what it should" test "$ours" -ge 5
check "at most 7 TPM commands open three volumes" test "$ours" -le 7
expect_equal "one of them is an unseal" 1 "$(wire_commands "$WORK/boots/with/wire.log" | grep -cx Unseal)"
