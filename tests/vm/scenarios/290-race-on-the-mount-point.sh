#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# a user who exchanges directories while root mounts gets no mount elsewhere, and nothing made or guarded for her
need_product
# shellcheck disable=SC2034 # boot.sh reads it
ENGINE=qemu # a race that user-mode Linux may not have

# SEALMOUNT_LAB_ALL=yes: a thousand tries.
tries=50
[ -z "${SEALMOUNT_LAB_ALL:-}" ] || tries=1000
check "the attacker's program is compiled" g++ -std=c++20 -O2 -static -o "$SHARE/exchange" "$VM_DIR/tools/exchange.cpp"
echo "$tries" >"$SHARE/tries"

cat >"$SHARE/anna.sh" <<'END'
as_anna() { setpriv --reuid anna --regid anna --clear-groups "$@"; }
# attack A B: anna exchanges them from now on, until attack_ends.
attack() {
    # Without as_anna, whose shell would be what is ended, and not the attack.
    setpriv --reuid anna --regid anna --clear-groups /lab/exchange "$1" "$2" >/tmp/attack &
    attacker=$!
}
attack_ends() {
    kill "$attacker"
    wait "$attacker" || true
    ! pgrep -x exchange
}
# elsewhere PLACE: eCryptfs mounts other than on PLACE and the private directory.
elsewhere() { findmnt -rn -t ecryptfs -o TARGET | grep -vxF -e "$1" -e /home/anna/Private || true; }
# race UNIT PLACE: starts it so often, and writes down what was mounted on PLACE, and elsewhere.
race() {
    local unit=$1 place=$2 try where
    : >/tmp/elsewhere
    : >/tmp/there
    for ((try = 0; try < $(cat /lab/tries); try++)); do
        systemctl start "$unit" 2>/dev/null || true
        for where in $(elsewhere "$place"); do
            echo "$where" >>/tmp/elsewhere
            umount "$where"
        done
        findmnt -rn -t ecryptfs -o TARGET --mountpoint "$place" >>/tmp/there || true
        systemctl stop "$unit" 2>/dev/null || true
        systemctl reset-failed "$unit" 2>/dev/null || true
    done
}
END

boot enroll <<'END'
. /lab/anna.sh
useradd --user-group --create-home --skel /var/empty --shell /bin/bash anna
check "a volume is made" make_volume /home/anna/.vault /srv/vault 'correct horse battery' 32 own-key
check "and a private directory" make_volume /home/anna/.Private /home/anna/Private 'another passphrase' 16 plain
anna_makes() {
    chown -R anna:anna /home/anna
    as_anna mkdir -p /home/anna/a/x
    as_anna ln -s /etc/rootdir /home/anna/b
    as_anna ln -s /etc/rootdir/x /home/anna/c
}
check "anna prepares her home" anna_makes
mkdir -p /etc/rootdir/x
check_status "below a directory of hers nothing is enrolled" 77 enroll vault /home/anna/.vault /home/anna/a/x 'correct horse battery'
check_output "with a sentence that says whose it is" '/home/anna/a can be replaced by user [0-9]+, whose directory /home/anna is' \
    enroll vault /home/anna/.vault /home/anna/a/x 'correct horse battery'
check_status "nor directly in her home without the guard" 77 enroll private /home/anna/.Private /home/anna/Private 'another passphrase' --no-guard
check_status "nor is a missing mount point made there" 77 enroll vault /home/anna/.vault /home/anna/absent 'correct horse battery'
check_fails "it is not there" test -e /home/anna/absent
check "the volume is enrolled where nobody can exchange anything" enroll vault /home/anna/.vault /srv/vault 'correct horse battery' --headless
check "and the private directory, under its guard" enroll private /home/anna/.Private /home/anna/Private 'another passphrase' --headless
# A manifest of an earlier version.
move_vault() {
    jq '(.volumes[] | select(.name == "vault")).mountpoint = "/home/anna/a/x"' /etc/sealmount/manifest.json >/root/manifest
    cat /root/manifest >/etc/sealmount/manifest.json
}
check "the first one moves below a directory of hers, as an earlier version let it" move_vault
END

boot race --seconds 3600 <<'END'
. /lab/anna.sh
check_fails "such a volume is not mounted at boot" findmnt -n -t ecryptfs --mountpoint /home/anna/a/x
check_output "the journal says why" '/home/anna/a can be replaced by user' unlock_journal vault
check_output "check says so, and what to do" '/home/anna/a can be replaced by user [0-9]+, whose directory /home/anna is' sealmount check vault
check "the one under the guard is mounted" readable /home/anna/Private
attack /home/anna/a /home/anna/b
race home-anna-a-x.mount /home/anna/a/x
check "the attack ends" attack_ends
note "the attack on a directory above: $(wc -l </tmp/elsewhere) of $(cat /lab/tries) mounts elsewhere"
expect_equal "no mount is made elsewhere" 0 "$(wc -l </tmp/elsewhere)"

check "the guarded one stops" systemctl stop home-anna-Private.mount
attack /home/anna/Private /home/anna/c
race home-anna-Private.mount /home/anna/Private
check "the attack ends" attack_ends
check_output "the kernel refuses the exchange of an immutable directory" 'Operation not permitted' cat /tmp/attack
expect_equal "no mount is made elsewhere" 0 "$(wc -l </tmp/elsewhere)"
expect_equal "each start mounts it in its place" "$(cat /lab/tries)" "$(wc -l </tmp/there)"

chattr -i /home/anna/Private
check_fails "without its guard it does not start" systemctl start home-anna-Private.mount
check_output "and says so" 'is not immutable, and can be replaced by user' unlock_journal private
chattr +i /home/anna/Private
mkdir -p /root/hidden/open
as_anna mv /home/anna/.Private /home/anna/kept
as_anna ln -s /root/hidden/open /home/anna/.Private
check_fails "a lower directory that is a link of hers is not followed" systemctl start home-anna-Private.mount
check_output "and that is said" '/home/anna/.Private, in the path of the lower directory .* is a symbolic link' unlock_journal private
expect_equal "nothing is mounted" "" "$(findmnt -rn -t ecryptfs -o TARGET)"
END
