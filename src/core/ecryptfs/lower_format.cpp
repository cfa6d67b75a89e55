// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/lower_format.hpp"

#include "base/format.hpp"
#include "base/hex.hpp"
#include "core/ecryptfs/passphrase.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sealmount {

namespace {

using BytesView = std::span<const std::byte>;

// The numbers of fs/ecryptfs/ecryptfs_kernel.h and include/linux/ecryptfs.h.
constexpr std::uint32_t marker_mask = 0x3c81b7f5;
constexpr std::uint64_t newest_file_version = 3;
constexpr std::uint64_t usual_header_size = 8192;
constexpr unsigned tag_1 = 0x01;
constexpr unsigned tag_3 = 0x8c;
constexpr unsigned tag_11 = 0xed;
constexpr unsigned tag_70 = 0x46;
constexpr std::size_t plain_size_size = 8;
constexpr std::size_t marker_size = 8;
constexpr std::size_t salt_size = 8;
constexpr std::size_t longest_key = 64;
constexpr std::size_t longest_encrypted_key = 512;
constexpr std::string_view encrypted_name_prefix = "ECRYPTFS_FNEK_ENCRYPTED.";

/// RFC 2440, 9.2, as the kernel uses it; key_bytes 0 where the code does not give it.
struct CipherCode {
    unsigned code;
    std::string_view cipher;
    unsigned key_bytes;
};

constexpr std::array cipher_codes = {
    CipherCode{0x02, "des3_ede", 24}, CipherCode{0x03, "cast5", 16}, CipherCode{0x04, "blowfish", 0},
    CipherCode{0x07, "aes", 16},      CipherCode{0x08, "aes", 24},   CipherCode{0x09, "aes", 32},
    CipherCode{0x0a, "twofish", 0},   CipherCode{0x0b, "cast6", 0},
};

std::optional<CipherFacts> cipher_of(const unsigned code) {
    const auto* const found = std::ranges::find(cipher_codes, code, &CipherCode::code);
    if (found == cipher_codes.end()) {
        return std::nullopt;
    }
    return CipherFacts{.cipher = std::string{found->cipher}, .key_bytes = found->key_bytes};
}

/// Takes numbers and runs of bytes off the front of bytes; once they run out, it gives nothing more.
class Cursor {
  public:
    explicit Cursor(const BytesView bytes) : rest_(bytes) {}

    [[nodiscard]] std::optional<BytesView> take(const std::size_t count) {
        if (count > rest_.size()) {
            return std::nullopt;
        }
        const BytesView taken = rest_.first(count);
        rest_ = rest_.subspan(count);
        return taken;
    }

    [[nodiscard]] std::optional<unsigned> byte() {
        const auto taken = take(1);
        return taken ? std::optional{std::to_integer<unsigned>(taken->front())} : std::nullopt;
    }

    [[nodiscard]] std::optional<std::uint64_t> big_endian(const std::size_t count) {
        const auto taken = take(count);
        if (!taken) {
            return std::nullopt;
        }
        std::uint64_t value = 0;
        for (const std::byte byte : *taken) {
            value = value << 8U | std::to_integer<std::uint64_t>(byte);
        }
        return value;
    }

    [[nodiscard]] bool next_is(const unsigned value) const {
        return !rest_.empty() && std::to_integer<unsigned>(rest_.front()) == value;
    }

    /// A tag and, behind it, a body with its length (RFC 2440, 4.2.2: one byte, or two from 192 on).
    [[nodiscard]] std::optional<BytesView> packet(const unsigned tag) {
        if (byte() != tag) {
            return std::nullopt;
        }
        const auto first = byte();
        if (!first || *first >= 224) {
            return std::nullopt;
        }
        if (*first < 192) {
            return take(*first);
        }
        const auto second = byte();
        return second ? take((*first - 192) * 256 + *second + 192) : std::nullopt;
    }

  private:
    BytesView rest_;
};

/// parse_tag_1_packet: version 3, the signature, a code that nobody reads, encrypted key.
std::optional<std::string> read_tag_1(const BytesView body) {
    constexpr std::size_t head_size = signature_size + 2;
    if (body.size() < head_size || body.size() - head_size > longest_encrypted_key ||
        body[0] != std::byte{3}) {
        return std::nullopt;
    }
    return to_hex(body.subspan(1, signature_size));
}

/// parse_tag_3_packet: version, cipher code, S2K 3, hash 1, salt, iterations, encrypted key.
std::optional<CipherFacts> read_tag_3(const BytesView body) {
    constexpr std::size_t head_size = salt_size + 5;
    if (body.size() < head_size || body.size() - head_size > longest_key || body[0] != std::byte{4} ||
        body[2] != std::byte{3} || body[3] != std::byte{1}) {
        return std::nullopt;
    }
    auto facts = cipher_of(std::to_integer<unsigned>(body[1]));
    if (!facts) {
        return std::nullopt;
    }
    // AES-192 keys are padded to 32 bytes before they are encrypted; otherwise the size is that of the
    // key.
    const bool is_padded = facts->cipher == "aes" && facts->key_bytes == 24;
    if (!is_padded) {
        facts->key_bytes = static_cast<unsigned>(body.size() - head_size);
    }
    return facts->key_bytes == 0 ? std::nullopt : facts;
}

/// parse_tag_11_packet: 'b', the length 8, "_CONSOLE" and a date, which nobody reads, and the signature.
std::optional<std::string> read_tag_11(const BytesView body) {
    constexpr std::size_t head_size = 14;
    if (body.size() != head_size + signature_size || body[0] != std::byte{0x62} || body[1] != std::byte{8}) {
        return std::nullopt;
    }
    return to_hex(body.subspan(head_size));
}

/// The kernel's 64 characters that every file system can carry in a name, six bits each.
constexpr std::string_view portable_characters =
    "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whole bytes only: bits left over at the end are padding (ecryptfs_decode_from_filename).
std::optional<std::vector<std::byte>> decode_portable(const std::string_view text) {
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() * 3 / 4);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const std::size_t value = portable_characters.find(c);
        if (value == std::string_view::npos) {
            return std::nullopt;
        }
        bits = (bits << 6U) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes.push_back(static_cast<std::byte>((bits >> count) & 0xffU));
        }
    }
    return bytes;
}

/// A signature that the mount options named twice is in the header twice.
void add_once(std::vector<std::string>& signatures, std::string signature) {
    if (std::ranges::find(signatures, signature) == signatures.end()) {
        signatures.push_back(std::move(signature));
    }
}

bool take_public_key(Cursor& cursor, HeaderFacts& facts) {
    const auto packet = cursor.packet(tag_1);
    auto signature = packet ? read_tag_1(*packet) : std::nullopt;
    if (signature) {
        add_once(facts.public_keys, std::move(*signature));
    }
    return signature.has_value();
}

bool take_passphrase(Cursor& cursor, HeaderFacts& facts) {
    const auto key_packet = cursor.packet(tag_3);
    const auto signature_packet = cursor.packet(tag_11);
    if (!key_packet || !signature_packet) {
        return false;
    }
    auto cipher = read_tag_3(*key_packet);
    auto signature = read_tag_11(*signature_packet);
    if (!cipher || !signature) {
        return false;
    }
    facts.cipher = std::move(*cipher);
    add_once(facts.signatures, std::move(*signature));
    return true;
}

} // namespace

std::string describe(const CipherFacts& facts) {
    return facts.key_bytes == 0 ? facts.cipher
                                : formatted("{} with {}-byte keys", facts.cipher, facts.key_bytes);
}

bool has_lower_marker(const std::span<const std::byte> head) {
    Cursor cursor{head};
    static_cast<void>(cursor.big_endian(plain_size_size));
    const auto first = cursor.big_endian(4);
    const auto second = cursor.big_endian(4);
    return first && second && (*first ^ marker_mask) == *second;
}

std::optional<HeaderFacts> read_lower_header(const std::span<const std::byte> head) {
    if (!has_lower_marker(head)) {
        return std::nullopt;
    }
    Cursor cursor{head.first(std::min(head.size(), lower_header_size))};
    const auto plain_size = cursor.big_endian(plain_size_size);
    static_cast<void>(cursor.take(marker_size));
    const auto flags = cursor.big_endian(4);
    if (!flags || *flags >> 24U > newest_file_version) {
        return std::nullopt;
    }
    HeaderFacts facts{.version = static_cast<unsigned>(*flags >> 24U),
                      .plain_size = *plain_size,
                      .header_size = usual_header_size,
                      .signatures = {},
                      .public_keys = {},
                      .cipher = {}};
    // Version 0 has no field for the header's own size.
    if (facts.version >= 1) {
        const auto extent_size = cursor.big_endian(4);
        const auto extents = cursor.big_endian(2);
        if (!extent_size || !extents) {
            return std::nullopt;
        }
        facts.header_size = *extent_size * *extents;
    }
    while (cursor.next_is(tag_1) || cursor.next_is(tag_3)) {
        if (!(cursor.next_is(tag_1) ? take_public_key(cursor, facts) : take_passphrase(cursor, facts))) {
            return std::nullopt;
        }
    }
    return facts.signatures.empty() && facts.public_keys.empty() ? std::nullopt
                                                                 : std::optional{std::move(facts)};
}

std::optional<NameFacts> read_lower_name(const std::string_view name) {
    if (!name.starts_with(encrypted_name_prefix)) {
        return std::nullopt;
    }
    const auto bytes = decode_portable(name.substr(encrypted_name_prefix.size()));
    if (!bytes) {
        return std::nullopt;
    }
    const auto body = Cursor{*bytes}.packet(tag_70);
    if (!body || body->size() < signature_size + 2) {
        return std::nullopt;
    }
    auto cipher = cipher_of(std::to_integer<unsigned>((*body)[signature_size]));
    if (!cipher) {
        return std::nullopt;
    }
    return NameFacts{.signature = to_hex(body->first(signature_size)), .cipher = std::move(*cipher)};
}

} // namespace sealmount
