#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# volumes of every cipher, key size and kind of names that ecryptfs-utils make: enrolled with the passphrase alone, mounted at boot
need_product
# SEALMOUNT_LAB_ALL=yes takes all 28 of them, on Debian's own kernel; without it 15, on the lab's.
kernel=lab
if [ -n "${SEALMOUNT_LAB_ALL:-}" ]; then
    kernel=stock
    : >"$SHARE/all"
fi

cat >"$SHARE/matrix.sh" <<'END'
# name, cipher and key size, file names, where the metadata is, what is in it
rows='
aes24          aes-24       plain        header     tree
blowfish56     blowfish-56  plain        header     tree
des3           des3_ede-24  plain        header     tree
twofish16      twofish-16   plain        header     tree
cast6-32       cast6-32     plain        header     tree
cast5          cast5-16     plain        header     tree
aes32-n        aes-32       own-key      header     tree
blowfish16-n   blowfish-16  own-key      header     tree
twofish32-n    twofish-32   own-key      header     tree
aes32-c        aes-32       content-key  header     tree
aes16-x        aes-16       plain        attribute  tree
twofish16-x    twofish-16   own-key      attribute  tree
empty          aes-16       plain        none       nothing
one            aes-24       own-key      header     one
directories    aes-32       content-key  none       directories
'
more='
aes16          aes-16       plain        header     tree
aes32          aes-32       plain        header     tree
blowfish16     blowfish-16  plain        header     tree
blowfish32     blowfish-32  plain        header     tree
twofish32      twofish-32   plain        header     tree
cast6-16       cast6-16     plain        header     tree
aes16-n        aes-16       own-key      header     tree
aes24-n        aes-24       own-key      header     tree
blowfish56-n   blowfish-56  own-key      header     tree
des3-n         des3_ede-24  own-key      header     tree
cast6-32-n     cast6-32     own-key      header     tree
cast5-n        cast5-16     own-key      header     tree
blowfish32-c   blowfish-32  content-key  header     tree
'
[ ! -e /lab/all ] || rows+=$more
# What mount.ecryptfs takes, but the kernel cannot write: the file key is encrypted in whole blocks (write_tag_3_packet),
# and only that of aes-24 is padded.
not_offered='twofish-24 cast6-24'

# each COMMAND: runs it with the five words of each row.
each() {
    local name cipher names metadata contents
    while read -r name cipher names metadata contents; do
        [ -z "$name" ] || "$@" "$name" "$cipher" "$names" "$metadata" "$contents" </dev/null
    done <<<"$rows"
}

by_hand() { utils_mount "/srv/.$1" "/srv/$1" "passphrase of $1" "$2" "$3" "$([ "$4" != attribute ] || echo ecryptfs_xattr)"; }

# sums NAME: all files with their checksums, and all else with its names.
sums() { tree_sums "/srv/$1" && (cd "/srv/$1" && find . ! -type f -printf '%P %l\n' | LC_ALL=C sort); }

make() {
    by_hand "$@"
    case $5 in
        one) printf 'the only one\n' >"/srv/$1/file" ;;
        directories) mkdir -p "/srv/$1/a/b" ;;
        tree)
            mkdir "/srv/$1/sub"
            : >"/srv/$1/empty"
            head -c 50000 /dev/urandom >"/srv/$1/sub/Grüße ☃"
            printf 'a secret in %s\n' "$1" >"/srv/$1/secret"
            ln -s sub/nothing "/srv/$1/link"
            ;;
    esac
    sums "$1" >"/root/sums-$1"
    utils_umount "/srv/$1"
}

# as_made ...: what `inspect` says of it is how it was made.
as_made() {
    local found=/root/found-$1 want_files=0
    sealmount inspect "/srv/.$1" --json >"$found"
    [ "$5" != tree ] || want_files=3
    [ "$5" != one ] || want_files=1
    jq -e --arg cipher "${2%-*}" --argjson bytes "${2##*-}" --arg names "$3" --arg metadata "$4" --argjson files "$want_files" '
        .problems == [] and .warnings == [] and .complete
        and .encrypted_files == $files
        and (if $files == 0 then .ciphers == [] else [.ciphers[] | {cipher, key_bytes}] == [{cipher: $cipher, key_bytes: $bytes}] end)
        and (if $files == 0 then .format_versions == [] else [.format_versions[].version] == [3] end)
        and .metadata_in_attribute.files == (if $metadata == "attribute" then $files else 0 end)
        and (.filename_signatures | length) == (if $names == "plain" then 0 else 1 end)
        and (if $names == "content-key" and $files > 0 then .filename_signatures[0].signature == .signatures[0].signature else true end)
        ' "$found" >/dev/null || { echo "of $1 inspect says:"; cat "$found"; return 1; }
}

enrolled() { enroll "$1" "/srv/.$1" "/srv/$1" "passphrase of $1" --quiet; }
END

boot make --kernel "$kernel" --seconds 1500 <<'END'
. /lab/matrix.sh
check "ecryptfs-utils make the volumes" each make
check "inspect shows of each how it was made" each as_made
check "each is enrolled with its passphrase, and nothing else is said" each enrolled
offers() {
    local status=0
    utils_mount /srv/.try /srv/try 'to try' "$1" plain
    mounted /srv/try || return 1
    : 2>/dev/null >/srv/try/file || status=1
    utils_umount /srv/try
    rm -rf /srv/.try
    return $status
}
for cipher in $not_offered; do
    check_fails "the kernel cannot write with $cipher" offers "$cipher"
done
note "$(grep -c . <<<"$rows") volumes"
END

boot check --kernel "$kernel" --seconds 1500 --answer 'not needed' <<'END'
. /lab/matrix.sh
expect_equal "the boot came to its end and nothing failed" running "$(cat /lab/results/state)"
check "nobody was asked anything" eval '[ ! -s /lab/results/asked ]'
there() { mounted "/srv/$1" >/dev/null && sums "$1" | diff "/root/sums-$1" - || { echo "this was $1"; return 1; }; }
check "all are mounted, and byte for byte what they were" each there
written() { mkdir "/srv/$1/later" && printf 'written in %s\n' "$1" >"/srv/$1/later/new" && sums "$1" >"/root/sums-$1"; }
check "new files are written" each written
forgotten() { systemctl stop "srv-$(systemd-escape "$1").mount" && sealmount remove "$1" --yes >/dev/null; }
check "they are stopped, and removed from sealmount" each forgotten
systemctl daemon-reload # or systemd unmounts what is mounted where its units want another
check "no key of ours is left, neither on the disk nor in the kernel" eval '[ ! -e /etc/sealmount/keys ] || [ -z "$(ls /etc/sealmount/keys)" ]'
check_no_output "none is in a keyring" . hidden_keys
with_utils() { by_hand "$@" && sums "$1" | diff "/root/sums-$1" - && [ "$(cat "/srv/$1/later/new")" = "written in $1" ] && utils_umount "/srv/$1" || { echo "this was $1"; return 1; }; }
check "with mount.ecryptfs and the passphrase alone all open, with the new files" each with_utils
END
step "the boots took $(cut -d. -f1 "$WORK/boots/make/uptime") s and $(cut -d. -f1 "$WORK/boots/check/uptime") s until they were over"
