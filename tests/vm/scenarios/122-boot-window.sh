#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# a policy that the TPM lets lapse by itself: a boot window; and a PIN
need_product
cp "$VM_DIR/tools/unseal-slot" "$SHARE/"

cat >"$SHARE/words.sh" <<'END'
by_slot() { check_output "slot $1 opened it, as a trusted key" "unlocked by the TPM \(slot $1, trusted key\)" unlock_journal vault; }
# unseal_slot ID: root's own unseal; the TPM answers TPM_RC_POLICY (0x126) when TPM2_PolicyCounterTimer does not hold.
unseal_slot() { bash /lab/unseal-slot /etc/sealmount/masters/default.json "$1"; }
refusal='PolicyCounterTimer.*0x126'
END

boot enroll <<'END'
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 plain
check "it is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery'
# Several times what it takes this machine, fast or slow, to unlock the volume.
echo "window=$(($(cut -d. -f1 /lab/results/uptime) * 4 + 30))" >/root/window
. /root/window
check "now with a boot window of $window seconds" sealmount reseal default --pcrs 7 --boot-window "$window" --replace
END

boot window <<'END'
. /lab/words.sh
. /root/window
check "within the window it opens unattended" readable /srv/vault
by_slot 2
expect_equal "root's own unseal is allowed as well" 32 "$(unseal_slot 2 | wc -c)"
check "the volume stops" systemctl stop srv-vault.mount
check "its keys go" wait_until inactive sealmount-keys@vault.service
passes() { until sealmount slots | grep -q "boot window of $window s is over"; do sleep 1; done; }
check "the window passes" passes
check_output "root's own unseal is refused by the TPM, with the right PCRs" "$refusal" unseal_slot 2
check_status "and reseal's as well" 77 sealmount reseal default --pcrs 7
check_output "which says why" "its boot window of $window s is over: the TPM was switched on [0-9]+ s ago" sealmount reseal default --pcrs 7
END

boot again <<'END'
. /lab/words.sh
check "at the next boot it is open again" readable /srv/vault
by_slot 2
printf 1234 >/root/pin
check "a PIN" sealmount reseal default --pcrs 7 --pin --pin-file /root/pin --replace
END

boot pin --answer 4321 --answer 1234 <<'END'
. /lab/words.sh
check "the second answer was the PIN: the volume is open" readable /srv/vault
by_slot 3
check_output "the first one was wrong" 'wrong PIN, tries left: 2' unlock_journal vault
expect_equal "and the TPM counted it" 1 "$(lockout_counter)"
END
