#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# files in a volume mounted by sealmount, and in the same one mounted by ecryptfs-utils
need_product

boot enroll <<'END'
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
check "it is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery' --noauto
END

# shellcheck disable=SC2034 # counting-lab.sh and boot.sh read them
COUNTED=yes ENGINE=qemu
boot files --seconds 3000 <<'END'
by_ours() { systemctl start srv-vault.mount; }
off_ours() { systemctl stop srv-vault.mount; }
by_utils() { utils_mount /srv/.vault /srv/vault 'correct horse battery' 32 own-key; }
off_utils() { utils_umount /srv/vault; }

write_large() { dd if=/dev/zero of=/srv/vault/large bs=64k count=256 conv=fsync status=none; }
read_large() { dd if=/srv/vault/large of=/dev/null bs=64k status=none; }
# Each by one process, so that it is not the start of processes that is measured.
write_small() { split -a 3 -b 1k /run/small /srv/vault/small. && sync -f /srv/vault; }
read_small() { cat /srv/vault/small.* >/dev/null; }
list_small() { ls -l /srv/vault >/dev/null; }
remove_small() { rm /srv/vault/small.*; }
head -c 300k /dev/urandom >/run/small
work=(write_large read_large write_small list_small read_small remove_small)

for run in 1 2 3; do
    for way in ours utils; do
        "by_$way"
        mounted /srv/vault
        for what in "${work[@]}"; do
            sync
            echo 3 >/proc/sys/vm/drop_caches
            TIMEFORMAT='%U %S'
            { time "$what"; } 2>/run/time
            awk -v what="$what" '{ print what, ($1 + $2) * 1000 }' /run/time >>"/lab/results/$way"
        done
        rm /srv/vault/large
        "off_$way"
    done
done
check "both were measured" test -s /lab/results/ours -a -s /lab/results/utils
END

least() { awk -v what="$2" '$1 == what && (!n++ || $2 < least) { least = $2 } END { print least }' "$WORK/boots/files/$1"; }
for what in write_large read_large write_small list_small read_small remove_small; do
    awk -v what="${what/_/-}" -v ours="$(least ours $what)" -v theirs="$(least utils $what)" \
        'BEGIN { print what, ours, theirs, ours / theirs }' >>"$RESULTS/throughput.txt"
done
awk '{ printf "%-14s %9.1f %9.1f %6.3f\n", $1, $2, $3, $4 }' "$RESULTS/throughput.txt" | details
# shellcheck disable=SC2016 # awk expands it
check_no_output "none takes longer" . awk '$4 > 1.02' "$RESULTS/throughput.txt"
