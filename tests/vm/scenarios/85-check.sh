#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# check, journal, sandbox and credentials: what people and programs see, and that the fixes fix
need_product

boot enroll <<'END'
check "ecryptfs-utils make a volume" make_volume /srv/.vault /srv/vault 'correct horse battery' 32 own-key
check "it is enrolled" enroll vault /srv/.vault /srv/vault 'correct horse battery' --save-recovery-key /root/recovery-key
verdicts() { sealmount check --json | jq -r '.findings[] | select(.verdict == "bad") | .item' | sort -u | paste -sd' '; }
expect_equal "check misses only the units yet" units "$(verdicts)"
check "its fix fixes that" systemctl daemon-reload
check "all would open" sealmount check
END

cat >"$SHARE/fields.sh" <<'END'
# field NAME: of the outcome message of this boot.
field() {
    journalctl -b -o json --no-pager MESSAGE_ID=fb38ccd3b3fc4e8ebc8a371a4c997e68 + MESSAGE_ID=1cf48701f5124ccbaf568aa03ff8c278 |
        jq -rs --arg name "$1" '[.[] | select(.VOLUME == "vault")] | last | .[$name] | if type == "array" then join(",") else . end'
}
END

boot good <<'END'
. /lab/fields.sh
check "it is mounted" readable /srv/vault
expect_equal "one outcome message" 1 "$(journalctl -b -o cat --no-pager MESSAGE_ID=fb38ccd3b3fc4e8ebc8a371a4c997e68 | wc -l)"
expect_equal "with its fields" "vault default tpm trusted 1" "$(field VOLUME) $(field MASTER) $(field WAY) $(field FORM) $(field SLOT)"
check "the catalog is compiled" journalctl --update-catalog
check_output "and explains the message" 'The keys of the volume vault are in the kernel' journalctl -b --no-pager -x MESSAGE_ID=fb38ccd3b3fc4e8ebc8a371a4c997e68
explained() {
    local id
    for id in $(grep -oE '[0-9a-f]{32}' /usr/lib/systemd/catalog/sealmount.catalog); do
        [ -n "$(journalctl --dump-catalog "$id" | grep Subject)" ]
    done
}
check "every message has a text" explained
check_output "systemctl status shows the last step" 'Status: "Unlocked"' systemctl status sealmount-unlock@default.service
check_output "the journal of the mount unit says what happened" 'unlocked by the TPM .slot 1, trusted key' journalctl -b --no-pager -o cat -u srv-vault.mount
for unit in sealmount-unlock@default.service sealmount-load@vault.service sealmount-keys@vault.service; do
    check "$unit is confined: exposure at most 1.5" systemd-analyze security --threshold=15 "$unit"
done
give exposure "$(systemd-analyze security sealmount-load@vault.service | sed -n 's/.*exposure level.*: //p')"

check_output "status says how the keys came in" 'vault: mounted, keys loaded \(by the TPM, trusted key\)' sealmount status
check "check finds that all would open" sealmount check
check_no_output "with nothing to fix" '->' sealmount check
expect_equal "programs see the same" true "$(sealmount check --json | jq .opens)"
bad() { check_status "$1: check fails" 69 sealmount check; check_output "$1: and says so" "$2" sealmount check; }
key=/etc/sealmount/keys/7f475b5d20a645dc.key
mv "$key" /root/key
bad "a key file is missing" 'bad +volume vault: .*7f475b5d20a645dc.key: is missing'
sed 's/.$/0/;t' /root/key | tr -d '\n' | sed 's/\(.*\)..../\1aaaa/' >"$key"
bad "a key file is damaged" 'bad +volume vault: .*damaged or was made under another master key'
cp /root/key "$key"
check_output "a key file that others can read is a warning" 'warning +volume vault: .*can be read by users other than root' eval "chmod 644 $key; sealmount check"
check "its fix" chmod 600 "$key"
mv /etc/sealmount/masters/default.json /root/
bad "the master file is missing" 'bad +master default: .*default.json: is missing'
mv /root/default.json /etc/sealmount/masters/
jq '.volumes[0].options = ["nosuid"]' /etc/sealmount/manifest.json >/root/m && cat /root/m >/etc/sealmount/manifest.json
bad "the manifest was edited" 'bad +volume vault: srv-vault.mount is not as the manifest says'
check "its fix" systemctl daemon-reload
check "all would open again" sealmount check

# A passphrase that somebody added by hand would win over our key.
printf 'correct horse battery' | ecryptfs-add-passphrase - >/dev/null
check_output "a user key of the volume is a warning" 'warning +volume vault: a user key 7f475b5d20a645dc' sealmount check
# umount.ecryptfs drops it; so once more, as a session of its own would.
systemctl stop srv-vault.mount
printf 'correct horse battery' | ecryptfs-add-passphrase - >/dev/null
fix=$(sealmount check --json | jq -r '.findings[] | select(.item == "user-key") | .fix' | sed "s/^run '\(.*\)'$/\1/")
check "the volume starts all the same" systemctl start srv-vault.mount
check_output "and the journal warns" 'a user key 7f475b5d20a645dc is in root.s keyring' unlock_journal vault
check "the fix: $fix" eval "$fix"
check_no_output "fixes it" 'user key' sealmount check

systemctl stop srv-vault.mount
wait_until inactive sealmount-keys@vault.service
chattr -i /srv/vault
check_output "an unguarded mount point is a warning" "warning +volume vault: /srv/vault would accept plaintext" sealmount check
echo plaintext >/srv/vault/leak
bad "plaintext in the mount point" 'bad +volume vault: /srv/vault holds files that are not in the volume'
rm /srv/vault/leak
chattr +i /srv/vault
mv /srv/.vault /srv/.elsewhere
bad "the lower directory is missing" 'bad +volume vault: /srv/.vault is not a directory, or not there'
mv /srv/.elsewhere /srv/.vault
check "all would open again" sealmount check

install -d -m 700 /etc/credstore
(umask 077 && printf 'correct horse battery\n' >/etc/credstore/sealmount.passphrase.vault)
END
step "exposure of the unlock service: $(given good exposure)"

boot credential --append lab.extend=7 --answer 'not needed' <<'END'
. /lab/fields.sh
check "with a changed PCR the credential opens the volume" readable /srv/vault
check_output "status says so" 'keys loaded \(by credential\)' sealmount status
check "nobody was asked" eval '[ ! -s /lab/results/asked ]'
expect_equal "the outcome message says how, and why not by the TPM" "credential policy-mismatch" "$(field WAY) $(field REASON)"
check "with the PCR, for programs" eval '[[ "$(field PCR_MISMATCH)" =~ ^1\ 7\ sha256\ [0-9a-f]{64}\ [0-9a-f]{64}$ ]]'
check_status "check says that the next boot would not open it by the TPM" 69 sealmount check
check_output "and names the PCR" 'bad +master default: slot 1: PCR 7 .*expected [0-9a-f]{64}, found [0-9a-f]{64}' sealmount check
printf 'wrong\n' >/etc/credstore/sealmount.passphrase.vault
systemctl stop srv-vault.mount
wait_until inactive sealmount-keys@vault.service
check_fails "with a wrong one a person is asked" timeout 20 systemctl start srv-vault.mount
check_output "and the journal says that it was wrong" "the passphrase of the service's credential is not the volume's" unlock_journal vault
END
