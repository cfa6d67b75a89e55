#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# ten volumes cost the TPM exactly what one does, with a trusted key and with a user key
need_product

boot enrol <<'END'
make_ten() {
    local n
    for n in {1..10}; do
        make_volume "/srv/.v$n" "/srv/v$n" "passphrase $n" 16 plain
        enroll "v$n" "/srv/.v$n" "/srv/v$n" "passphrase $n" --quiet
    done
}
check "ten volumes are made and enrolled under one master key" make_ten
END

# The scripts of these boots send no TPM command before their end, so that their wire logs can be compared.
cat >"$SHARE/mounted.sh" <<'END'
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
all_readable() { local n; for n in "$@"; do readable "/srv/v$n"; done; }
form() { journalctl -b -o json --no-pager MESSAGE_ID=fb38ccd3b3fc4e8ebc8a371a4c997e68 | jq -r 'select(.WAY == "tpm") | .FORM'; }
END
for kernel in lab stock; do
    form=$([ "$kernel" = lab ] && echo trusted || echo user)
    boot "$form-ten" --kernel "$kernel" <<END
. /lab/mounted.sh
check "all ten are mounted and readable" all_readable {1..10}
expect_equal "the TPM was asked once, with this form" $form "\$(form)"
cp /etc/sealmount/manifest.json /root/ten.json
jq '.volumes |= .[:1]' /root/ten.json >/etc/sealmount/manifest.json
END
    boot "$form-one" --kernel "$kernel" <<END
. /lab/mounted.sh
check "the first alone is mounted and readable" all_readable 1
expect_equal "by the same form" $form "\$(form)"
cp /root/ten.json /etc/sealmount/manifest.json
END
    more=$(wire_more "$WORK/boots/$form-ten/wire.log" "$WORK/boots/$form-one/wire.log")
    less=$(wire_more "$WORK/boots/$form-one/wire.log" "$WORK/boots/$form-ten/wire.log")
    step "$form form: $(wire_count "$WORK/boots/$form-ten/wire.log") TPM commands in the boot with ten volumes, $(wire_count "$WORK/boots/$form-one/wire.log") with one"
    expect_equal "$form form: ten volumes send not one command more than one" "" "$more"
    expect_equal "$form form: nor one less" "" "$less"
done
