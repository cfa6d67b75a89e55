// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/lower_format.hpp"

#include "base/hex.hpp"
#include "core/manifest.hpp"
#include "core/manifest_rules.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sealmount {

namespace {

using BytesView = std::span<const std::byte>;

// The numbers of fs/ecryptfs/ecryptfs_kernel.h and include/linux/ecryptfs.h.
constexpr std::uint32_t marker_mask = 0x3c81b7f5;
constexpr unsigned newest_file_version = 3;
constexpr unsigned tag_3 = 0x8c;
constexpr unsigned tag_11 = 0xed;
constexpr unsigned tag_70 = 0x46;
constexpr std::size_t signature_size = 8;
constexpr std::size_t salt_size = 8;
constexpr std::size_t longest_key = 64;
constexpr std::string_view encrypted_name_prefix = "ECRYPTFS_FNEK_ENCRYPTED.";

/// RFC 2440, 9.2, as the kernel uses it; key_bytes 0 where the code does not tell.
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

/// Takes numbers and stretches off the front of bytes; once they run out, nothing comes any more.
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

std::uint32_t big_endian_32(const BytesView bytes) {
    std::uint32_t value = 0;
    for (const std::byte byte : bytes.first(4)) {
        value = (value << 8U) | std::to_integer<std::uint32_t>(byte);
    }
    return value;
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
    // AES-192 keys are padded to 32 bytes before they are encrypted; for all else the size is that of the
    // key.
    const bool is_padded = facts->cipher == "aes" && facts->key_bytes == 24;
    if (!is_padded) {
        facts->key_bytes = static_cast<unsigned>(body.size() - head_size);
    }
    // The kernel could not set such a key, and no manifest could name it.
    if (complaint_about_cipher(facts->cipher, facts->key_bytes)) {
        return std::nullopt;
    }
    return facts;
}

/// parse_tag_11_packet: 'b', the length 8, "_CONSOLE" and a date, which nobody looks at, and the signature.
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

} // namespace

std::optional<HeaderFacts> read_lower_header(const std::span<const std::byte> head) {
    Cursor cursor{head};
    constexpr std::size_t plain_size_size = 8;
    const auto plain_size = cursor.take(plain_size_size);
    const auto marker = cursor.take(8);
    const auto flags = cursor.take(4);
    if (!plain_size || !marker || !flags ||
        (big_endian_32(*marker) ^ marker_mask) != big_endian_32(marker->subspan(4))) {
        return std::nullopt;
    }
    const auto version = std::to_integer<unsigned>(flags->front());
    if (version > newest_file_version) {
        return std::nullopt;
    }
    // Version 0 has no field for the header's own size.
    constexpr std::size_t extents_size = 6;
    if (version >= 1 && !cursor.take(extents_size)) {
        return std::nullopt;
    }
    HeaderFacts facts;
    while (cursor.next_is(tag_3)) {
        const auto key_packet = cursor.packet(tag_3);
        const auto signature_packet = cursor.packet(tag_11);
        if (!key_packet || !signature_packet) {
            return std::nullopt;
        }
        const auto cipher = read_tag_3(*key_packet);
        const auto signature = read_tag_11(*signature_packet);
        if (!cipher || !signature) {
            return std::nullopt;
        }
        facts.cipher = *cipher;
        facts.signatures.push_back(*signature);
    }
    return facts.signatures.empty() ? std::nullopt : std::optional{std::move(facts)};
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
