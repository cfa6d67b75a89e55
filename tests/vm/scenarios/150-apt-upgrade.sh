#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# apt upgrades a kernel, then its initrd is made again: nobody does anything else, nobody is asked; what cannot be predicted is said
need_product
need dpkg dpkg-deb

new_esp
esp_default lab.conf

# What Debian's packages do. Of systemd-boot, with its hooks for kernels, the real one; the kernel is the lab's other build.
mkdir -p "$SHARE/packages"
fetch() { (cd "$SHARE/packages" && apt-get download systemd-boot systemd-boot-efi) >/dev/null 2>&1; }
# The lists of packages may be older than what the mirror has.
fetch || { apt-get update --quiet --quiet >/dev/null 2>&1 && fetch; } || die "apt-get download systemd-boot systemd-boot-efi fails"
version=6.1-lab-next
package=$WORK/linux-image
mkdir -p "$package/DEBIAN" "$package/boot"
cp "$SHARE/upgrade/vmlinuz" "$package/boot/vmlinuz-$version"
touch -d 2020-01-01 "$package/boot/vmlinuz-$version"
printf 'Package: linux-image-lab\nVersion: 1\nArchitecture: amd64\nMaintainer: the lab <lab@localhost>\nDescription: a kernel\n' \
    >"$package/DEBIAN/control"
# The first line is what initramfs-tools' hook does, the second what Debian's kernel packages do.
cat >"$package/DEBIAN/postinst" <<END
#!/bin/sh
set -e
cp /lab/upgrade/initrd /boot/initrd.img-$version
run-parts --report --exit-on-error --arg=$version --arg=/boot/vmlinuz-$version /etc/kernel/postinst.d
END
chmod 755 "$package/DEBIAN/postinst"
dpkg-deb --root-owner-group --build "$package" "$SHARE/packages/linux-image-lab.deb" >/dev/null
rm -rf "$package"

cat >"$SHARE/words.sh" <<'END'
unattended() {
    check "the volume is mounted" readable /srv/vault
    check_output "by the TPM" 'keys loaded \(by the TPM, trusted key\)' sealmount status vault
    check "nobody was asked" eval '[ ! -s /lab/results/asked ]'
}
install() { DEBIAN_FRONTEND=noninteractive apt-get install -y "$@"; }
slots() { sealmount slots --json | jq '.slots | length'; }
hook_journal() { journalctl -b -o cat -t sealmount-upgrade; }
next_of() { jq -r ".pcrs[] | select(.pcr == $1).next" /lab/predicted; }
END

boot enroll --firmware <<'END'
. /lab/words.sh
mkdir -p /etc/kernel
echo layout=bls >/etc/kernel/install.conf
echo lab >/etc/kernel/entry-token
cp /lab/arguments /etc/kernel/cmdline
check "systemd-boot is installed" install /lab/packages/systemd-boot*.deb
check_output "bootctl knows this boot's entry" 'lab\.conf' bootctl list --json=short
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 plain
check "it is enrolled for this boot chain" enroll vault /srv/.vault /srv/vault 'correct horse battery' --pcrs 4+7+9+12
check "the next boot would open it" sealmount check --next-boot
# As it is on a machine that nobody has tied to one kernel: the newest one starts.
printf 'timeout 0\n' >"$ESP/loader/loader.conf"
check "apt installs a kernel" eval 'install /lab/packages/linux-image-lab.deb >/lab/results/apt 2>&1'
check_output "the hook says what it did" 'sealed to what the next boot will measure' cat /lab/results/apt
check_output "in the journal, too" 'sealed to what the next boot will measure' hook_journal
check_output "the new kernel is the default" 'lab-6\.1-lab-next\.conf' bootctl list
expect_equal "there are two slots" 2 "$(slots)"
check "the next boot would open it" sealmount check --next-boot
sealmount predict --next-boot --pcrs 4+7+9+12 --json >/lab/predicted
sync -f "$ESP"
END

boot upgraded --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
check_output "the new kernel runs" -lab-next$ uname -r
unattended
for pcr in 4 7 9 12; do
    expect_equal "PCR $pcr was predicted" "$(next_of $pcr)" "$(pcr_value $pcr)"
done
# As update-initramfs does: the initrd is made again under its old name, then the hooks are called.
cat /lab/upgrade/initrd /lab/upgrade/initrd >/boot/initrd.img-6.1-lab-next
check "the initrd is made again" run-parts --arg=6.1-lab-next --arg=/boot/initrd.img-6.1-lab-next /etc/initramfs/post-update.d
check_output "the hook says what it did" 'kernel.*sealed to what the next boot will measure' hook_journal
expect_equal "there are three slots" 3 "$(slots)"
touch /run/sealmount/upgrade-hook
expect_equal "it does nothing when nothing is new" '' "$(/usr/lib/sealmount/upgrade-hook again)"
sealmount predict --next-boot --pcrs 4+7+9+12 --json >/lab/predicted
sync -f "$ESP"
END

boot initrd --firmware --answer 'correct horse battery' <<'END'
. /lab/words.sh
unattended
expect_equal "PCR 9 was predicted" "$(next_of 9)" "$(pcr_value 9)"
# Something that no log explains: nobody can know whether the next boot has it, too.
tpm2_pcrextend -T device:/dev/tpmrm0 "8:sha256=$(printf '%064d' 7)"
check "the volume is bound to it" sealmount reseal --pcrs 4+8 --replace
touch "$ESP/lab/something"
check "the hook fails no upgrade" eval '/usr/lib/sealmount/upgrade-hook something >/lab/results/hook 2>&1'
check_output "it says that the next boot would ask" 'THE NEXT BOOT WOULD ASK' cat /lab/results/hook
check_output "why" 'PCR 8 cannot be predicted: .*something else measured into it' cat /lab/results/hook
check_output "and what helps" 'sealmount suspend' cat /lab/results/hook
check_output "in the journal, too" 'THE NEXT BOOT WOULD ASK' hook_journal
check_status "for monitoring there is a status" 69 sealmount check --next-boot
check "a suspension helps" sealmount suspend
check "the next boot would open it" sealmount check --next-boot
echo '{}' >/etc/systemd/tpm2-pcr-signature.json
is_looked_at() { hook_journal | grep -q 'policy file changed: the next boot will open every volume'; }
check "a policy file that changes is looked at" wait_until is_looked_at
END
