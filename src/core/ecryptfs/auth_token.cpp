// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/auth_token.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "core/ecryptfs/encrypted_key.hpp"

namespace sealmount {

namespace {

// Offsets in the packed struct; numbers are little-endian on every machine that has a TPM 2.0 and eCryptfs.
constexpr std::size_t version_offset = 0;
constexpr std::size_t type_offset = 2;
constexpr std::size_t fekek_offset = 0x288;
constexpr std::size_t signature_offset = fekek_offset + fekek_size;
constexpr std::size_t signature_length = 16;

constexpr unsigned known_version = 4; // major 0, minor 4: the only one that the kernel takes
constexpr unsigned password_type = 0; // the other type, 1, holds a private key

unsigned number_at(const std::span<const std::byte> bytes, const std::size_t offset) {
    return std::to_integer<unsigned>(bytes[offset]) | std::to_integer<unsigned>(bytes[offset + 1]) << 8U;
}

} // namespace

Fekek read_auth_token(const SecretBytes& payload, const std::string_view signature) {
    const auto refuse = [&](const std::string& why) {
        throw Error{Reason::bad_data, formatted("the user key {} in the keyring {}", signature, why)};
    };
    const std::span<const std::byte> bytes = payload.bytes();
    if (bytes.size() != auth_token_size) {
        refuse(formatted("is not an eCryptfs key: it holds {} bytes instead of {}", bytes.size(),
                         auth_token_size));
    }
    if (const unsigned version = number_at(bytes, version_offset); version != known_version) {
        refuse(formatted("is not an eCryptfs key of a known form: its version is {} instead of {}", version,
                         known_version));
    }
    if (const unsigned type = number_at(bytes, type_offset); type != password_type) {
        refuse(formatted("was not made from a passphrase: its token type is {} instead of {}", type,
                         password_type));
    }
    const auto inside = bytes.subspan(signature_offset, signature_length);
    const std::string_view named{reinterpret_cast<const char*>(inside.data()), inside.size()};
    if (named != signature) {
        refuse("is the token of another key");
    }
    Fekek fekek{.key = SecretBytes{bytes.subspan(fekek_offset, fekek_size)}, .signature = {}};
    fekek.signature = signature_of(fekek.key);
    if (fekek.signature != signature) {
        refuse("is damaged: the key in it has the signature " + fekek.signature);
    }
    return fekek;
}

} // namespace sealmount
