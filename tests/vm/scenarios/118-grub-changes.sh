#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# what Debian's users change behind shim and GRUB (2.06, 2.12) under Secure Boot, each change predicted and compared with the TPM after it
need_product

# grub_config: what grub-mkconfig of Debian 12 writes, in short.
grub_config() {
    sed "s|@ARGUMENTS@|$(firmware_arguments | sed 's/[\\&|]/\\&/g')|" <<'END'
### BEGIN /etc/grub.d/00_header ###
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="0"
fi

if [ x"${feature_menuentry_id}" = xy ]; then
  menuentry_id_option="--id"
else
  menuentry_id_option=""
fi

export menuentry_id_option

if [ "${prev_saved_entry}" ]; then
  set saved_entry="${prev_saved_entry}"
  save_env saved_entry
  set prev_saved_entry=
  save_env prev_saved_entry
  set boot_once=true
fi

function savedefault {
  if [ -z "${boot_once}" ]; then
    saved_entry="${chosen}"
    save_env saved_entry
  fi
}
function load_video {
  if [ x$feature_all_video_module = xy ]; then
    insmod all_video
  else
    insmod efi_gop
    insmod efi_uga
    insmod ieee1275_fb
    insmod vbe
    insmod vga
    insmod video_bochs
    insmod video_cirrus
  fi
}

terminal_output console
if [ "${recordfail}" = 1 ] ; then
  set timeout=30
else
  if [ x$feature_timeout_style = xy ] ; then
    set timeout_style=menu
    set timeout=1
  # Fallback normal timeout code in case the timeout_style feature is
  # unavailable.
  else
    set timeout=1
  fi
fi
### END /etc/grub.d/00_header ###

### BEGIN /etc/grub.d/10_linux ###
function gfxmode {
	set gfxpayload="${1}"
}
set linux_gfx_mode=
export linux_gfx_mode
menuentry 'Debian GNU/Linux' --class debian --class gnu-linux --class gnu --class os $menuentry_id_option 'gnulinux-simple-lab' {
	load_video
	insmod gzio
	if [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
	insmod part_gpt
	insmod fat
	search --no-floppy --fs-uuid --set=root 5EA1-AB5E
	echo	'Loading Linux lab ...'
	linux	/lab/vmlinuz-lab @ARGUMENTS@ quiet
	echo	'Loading initial ramdisk ...'
	initrd	/lab/initrd-lab
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-lab' {
	menuentry 'Debian GNU/Linux, with Linux lab' --class debian --class gnu-linux --class gnu --class os $menuentry_id_option 'gnulinux-lab-advanced-lab' {
		load_video
		insmod gzio
		search --no-floppy --fs-uuid --set=root 5EA1-AB5E
		echo	'Loading Linux lab ...'
		linux	/lab/vmlinuz-lab @ARGUMENTS@ quiet
		echo	'Loading initial ramdisk ...'
		initrd	/lab/initrd-lab
	}
}
### END /etc/grub.d/10_linux ###

### BEGIN /etc/grub.d/30_uefi-firmware ###
menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {
	fwsetup
}
### END /etc/grub.d/30_uefi-firmware ###

### BEGIN /etc/grub.d/40_custom ###
# This file provides an easy way to add custom menu entries.
### END /etc/grub.d/40_custom ###

### BEGIN /etc/grub.d/41_custom ###
if [ -f  ${config_directory}/custom.cfg ]; then
  source ${config_directory}/custom.cfg
elif [ -z "${config_directory}" -a -f  $prefix/custom.cfg ]; then
  source $prefix/custom.cfg
fi
### END /etc/grub.d/41_custom ###
END
}

cat >"$SHARE/changes.sh" <<'END'
PCRS=(4 5 7 8 9 11 12 14)
CONFIG=$ESP/boot/grub/grub.cfg
# environment LINES: grubenv has these variables, as grub-editenv(1) leaves it.
environment() { { printf '# GRUB Environment Block\n%b' "$1" && printf '#%.0s' {1..1024}; } | head -c 1024 >"$ESP/boot/grub/grubenv"; }

# The changes, each upon those before it. `unknown` are the PCRs that cannot be known, and have to be named.
unknown=''
change_nothing() { :; }
change_after_grub() { :; }
change_timeout() { sed -i 's/timeout=1$/timeout=2/' "$CONFIG"; }
change_command_line() { sed -i 's/ quiet$/  quiet lab.more="two words"/' "$CONFIG"; }
change_initrd() { printf '\0\0\0\0' >>"$ESP/lab/initrd-lab"; }
change_kernel() {
    cp /lab/upgrade/vmlinuz "$ESP/lab/vmlinuz-next"
    cp /lab/upgrade/initrd "$ESP/lab/initrd-next"
    sed -i 's|/lab/vmlinuz-lab|/lab/vmlinuz-next|; s|/lab/initrd-lab|/lab/initrd-next|; s|Linux lab|Linux next|' "$CONFIG"
}
change_saved() {
    sed -i 's/set default="0"/set default="${saved_entry}"/' "$CONFIG"
    environment 'saved_entry=gnulinux-advanced-lab>gnulinux-lab-advanced-lab\n'
}
change_once() { environment 'saved_entry=gnulinux-advanced-lab>gnulinux-lab-advanced-lab\nnext_entry=gnulinux-simple-lab\n'; }
change_custom() {
    printf 'menuentry "Mine" { \n\tlinux /lab/vmlinuz-lab\n}\nset menu_color_normal=white/blue\n' >"$ESP/boot/grub/custom.cfg"
}
change_older_kernel() {
    cp /boot/efi/lab/initrd-next "$ESP/lab/initrd-older"
    sed 's|/lab/vmlinuz-next|/lab/vmlinuz-lab|; s|/lab/initrd-next|/lab/initrd-older|' "$CONFIG" | sed -n '/^menuentry .Debian/,/^}/p' |
        sed "s/gnulinux-simple-lab/older/; s/'Debian GNU.Linux'/'Older'/" >>"$ESP/boot/grub/custom.cfg"
    environment 'next_entry=older\n'
}
change_no_submenus() {
    awk '/^submenu / { within = 1; next } within && /^}$/ { within = 0; next } { print }' "$CONFIG" >/run/grub.cfg
    cp /run/grub.cfg "$CONFIG"
}
change_early_initrd() {
    printf 'early' >"$ESP/lab/early"
    sed -i 's|initrd	/lab/initrd-next|initrd	/lab/early /lab/initrd-next|' "$CONFIG"
}
change_like_ubuntu() {
    sed -i 's/^terminal_output console$/terminal_output console\nif [ "${have_grubenv}" ]; then if [ -z "${boot_once}" ]; then recordfail=1; save_env recordfail; fi; fi/' \
        "$CONFIG"
}
change_shim() { cp /lab/other/shimx64.efi "$ESP/EFI/BOOT/BOOTX64.EFI" && unknown='7 14'; }
change_grub() { cp /lab/other/grubx64.efi "$ESP/EFI/BOOT/grubx64.efi" && unknown='4 8 9'; }

# step CHANGE: looks at what was foretold of the change before, makes this one, and foretells what comes of it.
step() {
    compare
    check "this boot is reproduced" eval 'sealmount predict --next-boot --pcrs 4+8+9 >/dev/null'
    "change_$1"
    sync -f "$ESP"
    sealmount predict --next-boot --pcrs "$(IFS=+ && echo "${PCRS[*]}")" --json >/var/foretold 2>/var/why || [ $? = 69 ]
    printf '%s\n' "$1" >/var/change
    printf '%s\n' "$unknown" >/var/unknown
}
# compare: counts the cells of the boot before in /var/cells.
compare() {
    local change pcr next reason found state wrong='' names=''
    [ -e /var/change ] || return 0
    change=$(cat /var/change)
    while IFS=$'\t' read -r pcr next reason; do
        found=$(pcr_value "$pcr")
        state=right
        if [ "$next" = unknown ]; then
            state=unknown names+="${names:+ }$pcr"
            note "$change: PCR $pcr: $reason"
        elif [ "$next" != "$found" ]; then
            state=wrong wrong+=" $pcr"
        fi
        printf '%s %s %s\n' "$change" "$pcr" "$state" >>/var/cells
    done < <(jq -r '.pcrs[] | [.pcr, .next // "unknown", .reason // ""] | @tsv' /var/foretold)
    expect_equal "$change: nothing was foretold that is not so" '' "$wrong"
    expect_equal "$change: what was not known is what cannot be" "$(cat /var/unknown)" "$names"
    cp /var/cells /lab/results/
}
END

# boot_changes KIND CHANGE...: a boot for each, and one more.
boot_changes() {
    local kind=$1 change
    shift
    for change in "$@"; do
        boot "$kind-$change" --firmware <<END
. /lab/changes.sh
step $change
END
    done
    boot "$kind-end" --firmware <<'END'
. /lab/changes.sh
compare
END
    step "$kind: cells: $(awk '{ count[$3]++ } END { for (state in count) printf " %s %d", state, count[state] }' \
        "$WORK/boots/$kind-end/cells")"
}

# SEALMOUNT_LAB_ALL=yes: all changes, on both.
kinds=stock
[ -z "${SEALMOUNT_LAB_ALL:-}" ] || kinds='stock new'
disk_copy clean
for kind in $kinds; do
    disk_restore clean
    new_tpm
    new_keys
    new_esp
    grub_esp "$kind"
    mkdir -p "$SHARE/other"
    other=stock
    [ "$kind" = new ] || other=new
    cp "$(debian_grub "$other")/shimx64.efi" "$SHARE/other/"
    cp "$(debian_grub new)/grubx64.efi" "$SHARE/other/"
    sign_image "$SHARE/other/shimx64.efi" "$SHARE/other/grubx64.efi"
    boot "$kind-keys" --firmware <<'END'
check "Secure Boot can be turned on" secure_boot_enroll
END
    changes=(command_line kernel once)
    [ -z "${SEALMOUNT_LAB_ALL:-}" ] ||
        changes=(nothing timeout command_line initrd kernel saved once custom older_kernel no_submenus early_initrd like_ubuntu shim)
    [ "$kind" = new ] || changes+=(grub after_grub)
    boot_changes "$kind" "${changes[@]}"
done
