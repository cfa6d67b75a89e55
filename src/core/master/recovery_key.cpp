// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/recovery_key.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/master/seal_slot.hpp"
#include "core/master/store_proof.hpp"
#include "sys/crypto/aead.hpp"

namespace sealmount {

namespace {

constexpr std::string_view modhex = "cbdefghijklnrtuv";
constexpr std::size_t group_bytes = 4;
constexpr std::string_view key_info = "sealmount recovery key, version 1";
static_assert(recovery_key_text_size == recovery_key_size * 2 + recovery_key_size / group_bytes - 1);
static_assert(wrapped_master_size == master_key_size + gcm_tag_size);
static_assert(recovery_nonce_size == gcm_nonce_size);

/// What a wrapped master key is bound to.
std::string context_of(const std::string_view master_name, const unsigned id) {
    return formatted("sealmount master file 1, recovery slot {} of {}", id, master_name);
}

char lower(const char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::optional<SecretBytes> unwrap(const std::string_view master_name, const RecoverySlot& slot,
                                  const SecretBytes& recovery_key) {
    const SecretBytes key = hkdf_sha256(recovery_key, slot.salt, key_info, recovery_key_size);
    return aes256_gcm_decrypt(key, slot.nonce, as_bytes(context_of(master_name, slot.id)), slot.wrapped);
}

} // namespace

SecretBytes modhex_groups(const SecretBytes& bytes) {
    SecretBytes text{bytes.size() * 2 + bytes.size() / group_bytes - 1};
    std::size_t at = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i > 0 && i % group_bytes == 0) {
            text.bytes()[at++] = std::byte{'-'};
        }
        const auto byte = std::to_integer<unsigned>(bytes.bytes()[i]);
        text.bytes()[at++] = static_cast<std::byte>(modhex[byte >> 4U]);
        text.bytes()[at++] = static_cast<std::byte>(modhex[byte & 0xfU]);
    }
    return text;
}

SecretBytes recovery_key_text(const SecretBytes& key) {
    return modhex_groups(key);
}

std::optional<SecretBytes> recovery_key_from(const SecretBytes& text) {
    SecretBytes key{recovery_key_size};
    std::size_t digits = 0;
    for (const std::byte byte : text.bytes()) {
        const char c = lower(static_cast<char>(byte));
        if (c == '-' || c == ' ' || c == '\t') {
            continue;
        }
        const std::size_t value = modhex.find(c);
        if (value == std::string_view::npos || digits == recovery_key_size * 2) {
            return std::nullopt;
        }
        std::byte& place = key.bytes()[digits / 2];
        place = (place << 4U) | static_cast<std::byte>(value);
        ++digits;
    }
    return digits == recovery_key_size * 2 ? std::optional{std::move(key)} : std::nullopt;
}

RecoverySlot make_recovery_slot(const std::string_view master_name, const unsigned id,
                                const SecretBytes& master, const SecretBytes& recovery_key,
                                std::string note) {
    RecoverySlot slot{.id = id,
                      .salt = random_bytes(recovery_salt_size),
                      .nonce = random_bytes(gcm_nonce_size),
                      .wrapped = {},
                      .created = now_rfc3339(),
                      .note = std::move(note)};
    const SecretBytes key = hkdf_sha256(recovery_key, slot.salt, key_info, recovery_key_size);
    slot.wrapped = aes256_gcm_encrypt(key, slot.nonce, as_bytes(context_of(master_name, id)), master);
    const auto again = unwrap(master_name, slot, recovery_key);
    if (!again || !again->equals(master.bytes())) {
        throw Error{Reason::internal, "the new recovery key does not open again: nothing was written"};
    }
    slot.proof = recovery_proof(master_name, slot, master);
    return slot;
}

std::optional<RecoveredMaster> open_with_recovery_key(const std::string_view master_name,
                                                      const MasterFile& file,
                                                      const SecretBytes& recovery_key) {
    for (const RecoverySlot& slot : file.recovery) {
        if (auto key = unwrap(master_name, slot, recovery_key)) {
            return RecoveredMaster{.slot = slot.id, .key = std::move(*key)};
        }
    }
    return std::nullopt;
}

} // namespace sealmount
