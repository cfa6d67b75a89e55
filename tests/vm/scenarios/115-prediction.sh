#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# the PCRs that sealmount predicts are those of the next boot: kernel, command line, initrd, Secure Boot, unified image
need_product

new_keys
new_esp
new_ukis
esp_default lab.conf

cat >"$SHARE/predict.sh" <<'END'
PCRS=(4 7 9 11 12)
# predicted CHANGE...: leaves what is foretold for the next boot.
predicted() {
    sealmount predict --pcrs 4+7+9+11+12 --json "$@" >/lab/results/predicted.json || return
    jq -r '.pcrs[] | "\(.pcr) \(.next)"' /lab/results/predicted.json >/lab/results/predicted
}
# Of PCR 11 what it was when volumes were unlocked, before systemd measured phases of the boot: as the firmware's log has it.
{ pcr_table 4 7 9 12; replayed_table 11; } | sort -n >/lab/results/found
END
# same WHAT BEFORE AFTER PCR...: what the boot BEFORE foretold was found in AFTER, and these PCRs changed, no others.
same() {
    local what=$1 before=$WORK/boots/$2 after=$WORK/boots/$3 pcr value found changed=()
    shift 3
    while read -r pcr value; do
        found=$(awk -v pcr="$pcr" '$1 == pcr { print $2 }' "$after/found")
        step "$(printf '%-14s PCR %-2s predicted %s found %s' "$what" "$pcr" "$value" "$found")"
        [ "$found" = "$(awk -v pcr="$pcr" '$1 == pcr { print $2 }' "$before/found")" ] || changed+=("$pcr")
    done <"$before/predicted"
    expect_equal "$what: the PCRs are those that were predicted" "$(cat "$before/predicted")" "$(cat "$after/found")"
    expect_equal "$what: it changed PCR $*" "$*" "${changed[*]}"
}

boot kernel --firmware <<'END'
. /lab/predict.sh
check "a new kernel" predicted --replace "$ESP/lab/vmlinuz-lab=/lab/upgrade/vmlinuz"
cp /lab/upgrade/vmlinuz "$ESP/lab/vmlinuz-lab"
END

boot command-line --firmware <<'END'
. /lab/predict.sh
check "a new command line" predicted --command-line "initrd=\\lab\\initrd-lab $(cat /lab/arguments) lab.more"
esp_entry lab "$ESP/lab/vmlinuz-lab" "$ESP/lab/initrd-lab" "$(cat /lab/arguments) lab.more"
END
same "new kernel" kernel command-line 4

boot initrd --firmware <<'END'
. /lab/predict.sh
check "a new initrd" predicted --replace "$ESP/lab/initrd-lab=/lab/upgrade/initrd"
cp /lab/upgrade/initrd "$ESP/lab/initrd-lab"
END
same "new arguments" command-line initrd 9 12

boot secure-boot --firmware <<'END'
. /lab/predict.sh
printf "\1" >/run/one
variables=()
for name in PK KEK db; do variables+=(--variable "$name=/lab/keys/$name.esl"); done
check "Secure Boot is turned on" predicted "${variables[@]}" --variable SecureBoot=/run/one --authority /lab/keys/db.crt
secure_boot_enroll
END
same "new initrd" initrd secure-boot 9

boot secure --firmware <<'END'
. /lab/predict.sh
expect_equal "Secure Boot is on" 1 "$(efivar_byte SecureBoot)"
esp_default lab.efi
END
same "Secure Boot on" secure-boot secure 7

boot uki --firmware <<'END'
. /lab/predict.sh
check "a new unified image" predicted --replace "$ESP/EFI/Linux/lab.efi=/lab/upgrade/next.efi"
cp /lab/upgrade/next.efi "$ESP/EFI/Linux/lab.efi"
END

boot uki-new --firmware <<'END'
check_output "the new kernel runs" -lab-next$ uname -r
. /lab/predict.sh
END
same "new UKI" uki uki-new 4 9 11
