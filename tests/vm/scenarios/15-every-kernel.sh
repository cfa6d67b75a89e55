#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# one enrollment serves every kernel: with trusted keys and Debian's own without, old and new, with and without ecryptfs-utils
need_product

# What each boot has to show, whichever kernel it is.
cat >"$SHARE/every.sh" <<'END'
volumes=(own content plain spaced)
# A key can be under one master key only: what is to be under two has two passphrases.
declare -A passphrase=([own]='correct horse battery' [content]='correct horse battery' [plain]='and another' [spaced]='and another')
declare -A lower=([own]=/srv/.own [content]=/srv/.content [plain]=/srv/.plain [spaced]='/srv/a lower directory')
declare -A place=([own]=/srv/own [content]=/srv/content [plain]=/srv/plain [spaced]='/srv/a mount point')
declare -A key_bytes=([own]=32 [content]=24 [plain]=16 [spaced]=32)
declare -A names=([own]=own-key [content]=content-key [plain]=plain [spaced]=own-key)

unit_of() { systemd-escape --path --suffix=mount "${place[$1]}"; }

make() {
    utils_mount "${lower[$1]}" "${place[$1]}" "${passphrase[$1]}" "${key_bytes[$1]}" "${names[$1]}"
    mkdir "${place[$1]}/sub"
    : >"${place[$1]}/empty"
    head -c 300000 /dev/urandom >"${place[$1]}/sub/Grüße ☃"
    tree_sums "${place[$1]}" >"/root/sums-$1"
    utils_umount "${place[$1]}"
}

# entered UNIT: when it became active, in microseconds since the kernel started.
entered() { systemctl show -P ActiveEnterTimestampMonotonic "$1"; }
before_local_fs() { [ "$(entered "$(unit_of "$1")")" -gt 0 ] && [ "$(entered "$(unit_of "$1")")" -le "$(entered local-fs.target)" ]; }

# forms: what the unlocks of this boot say about the master key.
forms() { journalctl -b -o json -u 'sealmount-unlock@*' -u 'sealmount-load@*' | jq -r 'select(.FORM != null) | .FORM' | sort -u; }

# as_ever FORM VOLUME...: the boot brought these volumes up, by itself.
as_ever() {
    local form=$1 volume
    shift
    expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
    check "nobody was asked anything" eval '[ ! -s /lab/results/asked ]'
    for volume in "$@"; do
        check "$volume is mounted" mounted "${place[$volume]}"
        expect_equal "and byte for byte what it was" "$(cat "/root/sums-$volume")" "$(tree_sums "${place[$volume]}")"
    done
    expect_equal "the journal says that the master key was a $form key" "$form" "$(forms)"
    check_no_output "it is in no keyring any more" . master_keys
    check_no_output "the kernel refused or ignored no mount option" 'unrecognized option|[Uu]nknown parameter' dmesg
    check_no_output "no handle is left in the TPM" . eval 'tpm_handles transient; tpm_handles loaded-session'
    give pcr7 "$(pcr_value 7)"
}

# stop_and_start VOLUME: and a file written, for the kernels to come.
stop_and_start() {
    local unit file
    unit=$(unit_of "$1")
    file="${place[$1]}/written $(uname -r) $([ -e /sbin/mount.ecryptfs ] && echo with || echo without)"
    systemctl stop "$unit"
    ! mounted "${place[$1]}"
    systemctl start "$unit"
    printf 'written with %s\n' "$(uname -r)" >"$file"
    systemctl stop "$unit"
    systemctl start "$unit"
    mounted "${place[$1]}"
    tree_sums "${place[$1]}" >"/root/sums-$1"
    [ "$(cat "$file")" = "written with $(uname -r)" ]
}
END

boot make --kernel stock <<'END'
. /lab/every.sh
for volume in "${volumes[@]}"; do
    check "ecryptfs-utils make the volume $volume" make "$volume"
done
check "one is enrolled, which the boot cannot do without" enroll own "${lower[own]}" "${place[own]}" "${passphrase[own]}" --required
check "and one that it can" enroll content "${lower[content]}" "${place[content]}" "${passphrase[content]}"
give pcr7 "$(pcr_value 7)"
END

boot lab --answer 'not needed' <<'END'
. /lab/every.sh
as_ever trusted own content
check "the required one was mounted before local-fs.target" before_local_fs own
check "stop, start, write" stop_and_start own
check "with trusted keys another master key is made: a volume is enrolled" \
    enroll plain "${lower[plain]}" "${place[plain]}" "${passphrase[plain]}" --master second
check "and one with spaces in its paths, required" \
    enroll spaced "${lower[spaced]}" "${place[spaced]}" "${passphrase[spaced]}" --master second --required
END

# every KIND FORM UTILS [LAST_WORDS]: from here on nothing is enrolled.
every() {
    step "the kernel '$1' $3 ecryptfs-utils"
    boot "$1-$3" --kernel "$1" --answer 'not needed' <<END
. /lab/every.sh
note "Linux \$(uname -r), $3 ecryptfs-utils"
expect_equal "mount.ecryptfs is there, or not" $3 "\$([ -e /sbin/mount.ecryptfs ] && echo with || echo without)"
[ $3 = with ] || check_fails "nothing else loads eCryptfs at boot" grep -rqs ecryptfs /{etc,run,usr/lib}/modules-load.d /etc/modules
as_ever $2 "\${volumes[@]}"
for volume in own spaced; do
    check "\$volume was mounted before local-fs.target" before_local_fs "\$volume"
done
check "stop, start, write" stop_and_start spaced
${4:-}
END
    expect_equal "PCR 7 knows nothing of the kernel" "$(given make pcr7)" "$(given "$1-$3" pcr7)"
    step "the boot was over $(cut -d. -f1 "$WORK/boots/$1-$3/uptime") s after the kernel started"
}

every stock user with
# SEALMOUNT_LAB_ALL=yes: also the kernel between the oldest and the newest, and the oldest without ecryptfs-utils.
[ -z "${SEALMOUNT_LAB_ALL:-}" ] || every new user with
every newer user with 'check "ecryptfs-utils are purged" purge_utils'
every newer user without
[ -z "${SEALMOUNT_LAB_ALL:-}" ] || every stock user without
every lab trusted without
