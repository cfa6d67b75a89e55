#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian 13: programs that were built on Debian 12 run, and the real systemd-pcrlock makes a policy
need_product

# For signatures, because systemd-pcrlock pads what it hashes to eight bytes, as signing does; of the boot loader without one,
# which is longer than that, the firmware measures another digest.
new_keys
new_esp
new_disk trixie

boot pcrlock --firmware <<'END'
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check_output "it is systemd 257" '^systemd 257' systemctl --version
for program in /usr/sbin/sealmount /usr/lib/sealmount/sealmount-unlock /usr/lib/systemd/system-generators/sealmount-generator; do
    check_no_output "$program has all its libraries" 'not found' ldd "$program"
done
check "it runs" sealmount --version
check "a component is locked: all that this machine's firmware and boot loader measure" pcrlock_components \
    "$ESP/EFI/BOOT/BOOTX64.EFI" "$ESP/lab/vmlinuz-lab" "$ESP/lab/initrd-lab"
check "systemd-pcrlock makes a policy" /usr/lib/systemd/systemd-pcrlock make-policy --pcr=0,1,2,3,4,5,7
expect_equal "for these PCRs" 0,1,2,3,4,5,7 "$(jq -r '[.pcrValues[].pcr] | join(",")' /var/lib/systemd/pcrlock.json)"
in_file() { jq -r '.pcrValues[] | select(.pcr == 7) | .values[]' /var/lib/systemd/pcrlock.json; }
check_output "with the present value of PCR 7 in it" "^$(pcr_value 7)\$" in_file
keep /var/lib/systemd/pcrlock.json
keep_vector vector
END
