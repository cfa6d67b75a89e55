#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# ten volumes, and more, cost the TPM exactly what one does, with a trusted key and with a user key
need_product

# SEALMOUNT_LAB_ALL=yes takes 300, in twelve minutes and more; SEALMOUNT_LAB_VOLUMES=NUMBER as many.
count=${SEALMOUNT_LAB_VOLUMES:-${SEALMOUNT_LAB_ALL:+300}}
count=${count:-25}
# All but ten are empty volumes, each with a key of its own: what is to be shown is the boot, and not how passphrases are derived.
mkdir "$SHARE/keys"
for ((n = 11; n <= count; n++)); do
    head -c 64 /dev/urandom >"$SHARE/keys/v$n"
    printf '{"name": "v%d", "lower": "/srv/.v%d", "mountpoint": "/srv/v%d", "fekek_file": "/root/keys/v%d"}\n' "$n" "$n" "$n" "$n"
done | jq -s '{version: 1, volumes: .}' >"$SHARE/many.json"

echo "count=$count" >"$SHARE/count.sh"

boot enroll <<'END'
. /lab/count.sh
make_ten() {
    local n
    for n in {1..10}; do
        make_volume "/srv/.v$n" "/srv/v$n" "passphrase $n" 16 plain
        enroll "v$n" "/srv/.v$n" "/srv/v$n" "passphrase $n" --quiet
    done
}
check "ten volumes are made and enrolled under one master key" make_ten

cp -r /lab/keys /root/
seq --format /srv/.v%g 11 "$count" | xargs mkdir
began=$SECONDS
check "all others are enrolled as a batch" sealmount enroll --batch /lab/many.json --quiet
note "that took $((SECONDS - began)) s"
expect_equal "the manifest has $count volumes" "$count" "$(jq '.volumes | length' /etc/sealmount/manifest.json)"
cp /etc/sealmount/manifest.json /root/all.json
END

# The scripts of these boots send no TPM command before their end, so that their wire logs can be compared.
cat >"$SHARE/mounted.sh" <<'END'
. /lab/count.sh
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
all_readable() { local n; for n in "$@"; do readable "/srv/v$n"; done; }
form() { journalctl -b -o json --no-pager MESSAGE_ID=fb38ccd3b3fc4e8ebc8a371a4c997e68 | jq -r 'select(.WAY == "tpm") | .FORM'; }
# next_boot COUNT: it has only the first ones.
next_boot() { jq --argjson count "$1" '.volumes |= .[:$count]' /root/all.json >/etc/sealmount/manifest.json; }
END

# Two processors here and below, for the unlocks to race.
PROCESSORS=2 boot "trusted-$count" --shutdown <<'END'
. /lab/mounted.sh
note "the boot was over $(cut -d. -f1 /lab/results/uptime) s after the kernel started"
expect_equal "$count volumes are mounted" "$count" "$(findmnt -n -t ecryptfs -o TARGET | wc -l)"
check "the ten that have a file are readable" all_readable {1..10}
expect_equal "the TPM was asked once, with this form" trusted "$(form)"
no_process_beside_it() {
    local n
    for ((n = 1; n <= count; n++)); do
        [ "$(systemctl show -P ExecMainStartTimestampMonotonic "sealmount-load@v$n.service")" = 0 ] || return 1
    done
}
check "and no volume needed a process beside that" no_process_beside_it
write_all() {
    local n
    for ((n = 11; n <= count; n++)); do
        printf 'a secret in %s\n' "/srv/v$n" >"/srv/v$n/secret"
        ! grep -q secret "/srv/.v$n/secret" || return 1
    done
}
check "what is written into the others is encrypted" write_all
next_boot 1
END

# one FORM [OPTION...]: the boot with which the others are compared.
one() {
    local form=$1
    shift
    PROCESSORS=2 boot "$form-1" "$@" <<END
. /lab/mounted.sh
check "the first alone is mounted and readable" all_readable 1
expect_equal "by the same form" $form "\$(form)"
next_boot 10
END
}

# same_cost FORM COUNT: on the wire.
same_cost() {
    local many=$WORK/boots/$1-$2/wire.log one=$WORK/boots/$1-1/wire.log
    step "$1 form: $(wire_count "$many") TPM commands in the boot with $2 volumes, $(wire_count "$one") with one"
    expect_equal "$1 form: $2 volumes send not one command more than one" "" "$(wire_more "$many" "$one")"
    expect_equal "$1 form: nor one less" "" "$(wire_more "$one" "$many")"
}

one trusted
same_cost trusted "$count"

boot user-10 --kernel stock <<'END'
. /lab/mounted.sh
check "all ten are mounted and readable" all_readable {1..10}
expect_equal "the TPM was asked once, with this form" user "$(form)"
next_boot 1
END
one user --kernel stock
same_cost user 10
