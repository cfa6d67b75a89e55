// The names that the unlock service has in the journal: message ids, with a text for each in
// config/sealmount.catalog, and fields. Stable: programs look for them (sealmount-unlock(8)).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

namespace sealmount::journal {

/// The field that holds one of them.
inline constexpr const char* message_id = "MESSAGE_ID";

// Each unlock ends with exactly one of these two.
inline constexpr const char* unlocked = "fb38ccd3b3fc4e8ebc8a371a4c997e68";
inline constexpr const char* not_unlocked = "1cf48701f5124ccbaf568aa03ff8c278";
/// Of a volume that is mounted on demand: this time it is not, though it was unlocked.
inline constexpr const char* not_mounted = "60de869d09904387b451b19b6ef56c3a";
// What may come before.
inline constexpr const char* master_refused = "c62dff131cf74148a33096dabf377044";
inline constexpr const char* form_fell_back = "a8daa4a058b343dea6ddddd9cff5b621";
inline constexpr const char* wrong_passphrase = "73f5853b86e5409eadfa2e940e556567";
inline constexpr const char* suspended = "3f53a347dfd9e9d2fcd23b20507fb908";
inline constexpr const char* resumed = "750fcdd44af0bf8181e358c3cb099061";
inline constexpr const char* weak_slot = "89cedc8d098d1d0eb6fe5af58775640f";
inline constexpr const char* rebound = "d440dbf0565e51774fffed17e3512a8e";
inline constexpr const char* user_key_in_the_way = "6016511d643e4f7aabf40e8014a64a26";

inline constexpr const char* volume = "VOLUME";
/// A unit that the message is about, for `journalctl -u` and `systemctl status` (systemd.journal-fields(7));
/// repeated. The journal itself learns a sender's unit from its process, which may be gone by then.
inline constexpr const char* object_unit = "OBJECT_SYSTEMD_UNIT";
inline constexpr const char* master = "MASTER";
/// "tpm", "credential", "passphrase", "recovery-key", "loaded-already" or "mounted-already".
inline constexpr const char* way = "WAY";
/// "trusted" or "user", with WAY=tpm.
inline constexpr const char* form = "FORM";
/// The number of the slot that opened, with WAY=tpm and WAY=recovery-key.
inline constexpr const char* slot = "SLOT";
/// Another volume whose keys came along; repeated.
inline constexpr const char* along = "ALONG";
/// Why the TPM, or in the end the unlock, said no: identifier() of the refusal.
inline constexpr const char* reason = "REASON";
/// "SLOT PCR BANK EXPECTED FOUND"; repeated.
inline constexpr const char* pcr_mismatch = "PCR_MISMATCH";
/// The signature of a key.
inline constexpr const char* signature = "SIGNATURE";
/// What to do next, where a command helps.
inline constexpr const char* hint = "HINT";

} // namespace sealmount::journal
