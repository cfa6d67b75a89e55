#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# machines that UEFI firmware starts: their event log, and the PCRs that sealmount predicts for the next boot: kernel, command line, initrd, Secure Boot, unified image
need_product

new_keys
new_esp
new_ukis
esp_default lab.conf

cat >"$SHARE/every-boot.sh" <<'END'
pcrs=(0 1 2 3 4 5 6 7 8 9 12 13 14)
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
expect_equal "the event log, replayed, gives the PCRs" "$(pcr_table "${pcrs[@]}")" "$(replayed_table "${pcrs[@]}")"
keep_vector vector
events >/lab/results/events.yaml 2>/dev/null
for pcr in 4 7 9 11 12; do give "pcr$pcr" "$(pcr_value $pcr)"; done
END
# has_event BOOT TYPE PCR: the log has one.
has_event() { grep -B 1 -E "EventType: $2\$" "$WORK/boots/$1/events.yaml" | grep -qE "PCRIndex: $3\$"; }

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
check_output "the first build runs" -lab$ uname -r
check "the EFI system partition is mounted" test -e /boot/efi/lab/vmlinuz-lab
. /lab/every-boot.sh
expect_equal "Secure Boot is off, with no keys yet" '0 1' "$(efivar_byte SecureBoot) $(efivar_byte SetupMode)"
check "an upgrade can be installed beside it" install_upgrade
. /lab/predict.sh
check "a new kernel" predicted --replace "$ESP/lab/vmlinuz-lab=/lab/upgrade/vmlinuz"
cp /lab/upgrade/vmlinuz "$ESP/lab/vmlinuz-lab"
END
check "the boot loader and the kernel are measured" has_event kernel EV_EFI_BOOT_SERVICES_APPLICATION 4
check "the kernel's own stub measures its arguments and the initrd" has_event kernel EV_EVENT_TAG 9
check "the boot loader measures the arguments" has_event kernel EV_IPL 12
expect_equal "PCR 11 is empty without a unified image" 0 "$(tr -d '0\n' <"$WORK/boots/kernel/given-pcr11" | wc -c)"

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
check_output "the second build runs" -lab-next$ uname -r
. /lab/every-boot.sh
. /lab/predict.sh
printf "\1" >/run/one
variables=()
for name in PK KEK db; do variables+=(--variable "$name=/lab/keys/$name.esl"); done
check "Secure Boot is turned on" predicted "${variables[@]}" --variable SecureBoot=/run/one --authority /lab/keys/db.crt
check "Secure Boot's keys are enrolled" secure_boot_enroll
END
for pcr in 4 9 12; do
    check "another kernel, initrd and entry change PCR $pcr" test "$(given kernel pcr$pcr)" != "$(given secure-boot pcr$pcr)"
done
expect_equal "but not PCR 7" "$(given kernel pcr7)" "$(given secure-boot pcr7)"
same "new initrd" initrd secure-boot 9

boot secure --firmware <<'END'
. /lab/predict.sh
expect_equal "Secure Boot is on" '1 0' "$(efivar_byte SecureBoot) $(efivar_byte SetupMode)"
check "a unified kernel image is next" esp_default lab.efi
END
same "Secure Boot on" secure-boot secure 7

boot uki --firmware <<'END'
check_output "the first build runs" -lab$ uname -r
. /lab/every-boot.sh
expect_equal "Secure Boot is on" '1 0' "$(efivar_byte SecureBoot) $(efivar_byte SetupMode)"
# measured PHASES: PCR 11 as systemd-measure reckons it.
measured() {
    cd /lab/sections/lab
    /lib/systemd/systemd-measure calculate --bank=sha256 --phase="$1" --linux=linux --osrel=osrel --cmdline=cmdline \
        --initrd=initrd | sed -n 's/^11:sha256=/11 /p'
}
expect_equal "what the firmware's log has for PCR 11 is what systemd-measure reckons without a phase" "$(measured '')" \
    "$(replayed_table 11)"
expect_equal "and after the boot it has the phases in it that systemd has measured" "$(measured sysinit:ready)" "$(pcr_table 11)"
after_volumes() {
    local volumes phase
    volumes=$(systemctl show -P ActiveEnterTimestampMonotonic local-fs.target)
    phase=$(systemctl show -P ExecMainStartTimestampMonotonic systemd-pcrphase-sysinit.service)
    [ "$volumes" -gt 0 ] && [ "$phase" -gt "$volumes" ]
}
check "the first of them when all volumes are mounted" after_volumes
. /lab/predict.sh
check "a new unified image" predicted --replace "$ESP/EFI/Linux/lab.efi=/lab/upgrade/next.efi"
cp /lab/upgrade/next.efi "$ESP/EFI/Linux/lab.efi"
END
check "PCR 7 has changed" test "$(given secure-boot pcr7)" != "$(given uki pcr7)"
check "it shows whose signature was good" has_event uki EV_EFI_VARIABLE_AUTHORITY 7

boot uki-new --firmware <<'END'
check_output "the new kernel runs" -lab-next$ uname -r
. /lab/predict.sh
END
same "new UKI" uki uki-new 4 9 11
