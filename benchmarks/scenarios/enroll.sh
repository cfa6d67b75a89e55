#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# what it takes to enroll a volume, beside ecryptfs-add-passphrase
need_product

# shellcheck disable=SC2034 # counting-lab.sh and boot.sh read them
COUNTED=yes ENGINE=qemu
boot enroll --seconds 3000 <<'END'
printf 'correct horse battery' >/root/pw
head -c 64 /dev/urandom >/root/key
chmod 600 /root/pw /root/key
seq --format /srv/.p%g 8 | xargs mkdir
seq --format /srv/.k%g 8 | xargs mkdir
# Before anything is measured: with the first one, a master key is made and sealed.
sealmount enroll first --lower /srv/.p8 --mountpoint /srv/p8 --passphrase-file /root/pw --quiet

utils() { ecryptfs-add-passphrase - <<<"passphrase $1" >/dev/null; }
passphrase() {
    printf 'passphrase %s' "$1" >/root/pw
    sealmount enroll "p$1" --lower "/srv/.p$1" --mountpoint "/srv/p$1" --passphrase-file /root/pw --quiet
}
raw_key() {
    head -c 64 /dev/urandom >/root/key
    sealmount enroll "k$1" --lower "/srv/.k$1" --mountpoint "/srv/k$1" --fekek-file /root/key --quiet
}
for way in utils passphrase raw_key; do
    for run in {1..7}; do
        TIMEFORMAT='%U %S'
        { time "$way" "$run"; } 2>/run/time
        tail -n 1 /run/time | awk '{ print ($1 + $2) * 1000 }' >>"/run/$way"
    done
    sort -g "/run/$way" | awk -v way="$way" '{ v[NR] = $1 } END { print way, v[4] }' >>/lab/results/costs
done
expect_equal "all are enrolled" 15 "$(jq '.volumes | length' /etc/sealmount/manifest.json)"
END

sed 's/^utils/ecryptfs-add-passphrase/; s/^passphrase/sealmount-enroll-passphrase/; s/^raw_key/sealmount-enroll-raw-key/' \
    "$WORK/boots/enroll/costs" | awk 'NR == 1 { theirs = $2 } { print $1, $2, $2 / theirs }' >"$RESULTS/enroll.txt"
awk '{ printf "%-28s %8.1f %6.2f\n", $1, $2, $3 }' "$RESULTS/enroll.txt" | details
check "three ways were measured" test "$(wc -l <"$RESULTS/enroll.txt")" = 3
