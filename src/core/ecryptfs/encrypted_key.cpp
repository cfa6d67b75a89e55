// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/encrypted_key.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace sealmount {

namespace {

constexpr std::string_view format_word = "ecryptfs";
constexpr std::string_view length_word = "64";
constexpr std::size_t iv_size = 16;
constexpr std::size_t mac_size = 32;
constexpr std::size_t blob_size = iv_size + 1 + fekek_size + mac_size;

/// HASH_SIZE of the kernel: the shortest buffer that it derives a key from.
constexpr std::size_t shortest_derivation = 32;
/// The kernel sizes the buffer for the longer of its two labels and never looks at which one it is deriving,
/// so that the shorter label leaves a zero byte at the end (get_derived_key() in encrypted.c).
constexpr std::string_view authentication_label{"AUTH_KEY\0", 9};
constexpr std::string_view encryption_label{"ENC_KEY\0", 8};

SecretBytes derive(const std::string_view label, const SecretBytes& master) {
    SecretBytes buffer{std::max(authentication_label.size() + master.size(), shortest_derivation)};
    const auto rest = std::ranges::copy(as_bytes(label), buffer.bytes().begin()).out;
    std::ranges::copy(master.bytes(), rest);
    return secret_sha256(buffer.bytes());
}

std::array<std::byte, mac_size> authenticate(const std::string_view master_description,
                                             const SecretBytes& master, const BytesView iv,
                                             const BytesView ciphertext) {
    static constexpr std::array zero = {std::byte{0}};
    return hmac_sha256(derive(authentication_label, master),
                       {as_bytes(format_word), zero, as_bytes(master_description), zero,
                        as_bytes(length_word), zero, iv, zero, ciphertext});
}

/// The kernel takes only these two types, a description behind the colon, and white space ends the word.
bool is_master_description(const std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon + 1 == text.size()) {
        return false;
    }
    const std::string_view type = text.substr(0, colon);
    return (type == "trusted" || type == "user") &&
           std::ranges::all_of(text, [](const char c) { return c > ' ' && c != '\x7f'; });
}

struct Parts {
    std::string master_description;
    Bytes blob;

    [[nodiscard]] BytesView iv() const { return BytesView{blob}.first(iv_size); }
    [[nodiscard]] BytesView ciphertext() const { return BytesView{blob}.subspan(iv_size + 1, fekek_size); }
    [[nodiscard]] BytesView mac() const { return BytesView{blob}.last(mac_size); }
};

[[noreturn]] void refuse(const std::string& why) {
    throw Error{Reason::bad_data, "not the text of an encrypted key: " + why};
}

/// Cuts the next word off; exactly one space ends it, as the kernel's strsep(3) has it.
std::string_view take_word(std::string_view& text) {
    const std::size_t end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return word;
}

Parts parse(std::string_view text) {
    if (take_word(text) != format_word) {
        refuse("its first word is not \"ecryptfs\"");
    }
    const std::string_view master_description = take_word(text);
    if (!is_master_description(master_description)) {
        refuse("its second word does not name a trusted: or user: key");
    }
    if (take_word(text) != length_word) {
        refuse("its third word is not the length 64");
    }
    std::optional<Bytes> blob = from_hex(text);
    if (!blob || blob->size() != blob_size) {
        refuse(formatted("its last word is not {} hex digits", 2 * blob_size));
    }
    return {.master_description = std::string{master_description}, .blob = std::move(*blob)};
}

/// Throws unless the text is authentic under this master key.
Parts parse_authentic(const std::string_view text, const SecretBytes& master) {
    Parts parts = parse(text);
    const auto mac = authenticate(parts.master_description, master, parts.iv(), parts.ciphertext());
    if (!equal_constant_time(mac, parts.mac())) {
        throw Error{Reason::bad_data, "the encrypted key is damaged or was made under another master key"};
    }
    return parts;
}

std::string write(const std::string_view master_description, const SecretBytes& master, const BytesView iv,
                  const BytesView ciphertext) {
    const auto mac = authenticate(master_description, master, iv, ciphertext);
    return formatted("{} {} {} {}00{}{}", format_word, master_description, length_word, to_hex(iv),
                     to_hex(ciphertext), to_hex(mac));
}

} // namespace

std::string compose_encrypted_key(const std::string_view master_description, const SecretBytes& master,
                                  const SecretBytes& fekek, const BytesView iv) {
    if (!is_master_description(master_description) || fekek.size() != fekek_size || iv.size() != iv_size) {
        throw Error{Reason::internal, "an encrypted key was composed from parts of a wrong form"};
    }
    return write(master_description, master, iv,
                 aes256_cbc_encrypt(derive(encryption_label, master), iv, fekek));
}

std::string master_description_of(const std::string_view text) {
    return parse(text).master_description;
}

std::string with_master_description(const std::string_view text, const SecretBytes& master,
                                    const std::string_view master_description) {
    const Parts parts = parse_authentic(text, master);
    return write(master_description, master, parts.iv(), parts.ciphertext());
}

SecretBytes open_encrypted_key(const std::string_view text, const SecretBytes& master) {
    const Parts parts = parse_authentic(text, master);
    return aes256_cbc_decrypt(derive(encryption_label, master), parts.iv(), parts.ciphertext());
}

} // namespace sealmount
