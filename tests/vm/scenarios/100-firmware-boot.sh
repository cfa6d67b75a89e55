#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# machines that UEFI firmware starts: event log, an upgrade's kernel, Secure Boot, a unified kernel image

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

new_keys
new_esp
new_ukis
esp_default lab.conf

boot first --firmware <<'END'
check_output "the first build runs" -lab$ uname -r
check "the EFI system partition is mounted" test -e /boot/efi/lab/vmlinuz-lab
. /lab/every-boot.sh
expect_equal "Secure Boot is off, with no keys yet" '0 1' "$(efivar_byte SecureBoot) $(efivar_byte SetupMode)"
check "an upgrade is installed" install_upgrade
check "and starts from the next boot on" esp_default next.conf
END
check "the boot loader and the kernel are measured" has_event first EV_EFI_BOOT_SERVICES_APPLICATION 4
check "the kernel's own stub measures its arguments and the initrd" has_event first EV_EVENT_TAG 9
check "the boot loader measures the arguments" has_event first EV_IPL 12
expect_equal "PCR 11 is empty without a unified image" 0 "$(tr -d '0\n' <"$WORK/boots/first/given-pcr11" | wc -c)"

boot next --firmware <<'END'
check_output "the second build runs" -lab-next$ uname -r
. /lab/every-boot.sh
check "Secure Boot's keys are enrolled" secure_boot_enroll
check "and a unified kernel image is next" esp_default lab.efi
END
for pcr in 4 9 12; do
    check "another kernel, initrd and entry change PCR $pcr" test "$(given first pcr$pcr)" != "$(given next pcr$pcr)"
done
expect_equal "but not PCR 7" "$(given first pcr7)" "$(given next pcr7)"

boot secure --firmware <<'END'
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
END
check "PCR 7 has changed" test "$(given next pcr7)" != "$(given secure pcr7)"
check "it tells whose signature was good" has_event secure EV_EFI_VARIABLE_AUTHORITY 7
