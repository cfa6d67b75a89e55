// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/encrypted_key.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "core/ecryptfs/passphrase.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace sealmount {

namespace {

constexpr std::size_t iv_size = 16;
constexpr std::size_t mac_size = 32;

/// One of the formats of the kernel's encrypted keys, and how long its contents are here. Both words are
/// authenticated, so a text of one can never pass for the other.
struct KeyFormat {
    std::string_view word;
    std::string_view length_word;
    std::size_t size;

    [[nodiscard]] std::size_t blob_size() const { return iv_size + 1 + size + mac_size; }
};
constexpr KeyFormat volume_key{"ecryptfs", "64", fekek_size};
constexpr KeyFormat store_proof{"default", "32", proof_size};

/// What binds an initialization vector to the name of its key: the first half is random, the second the
/// beginning of a digest.
constexpr std::string_view binding_label = "sealmount volume key, version 2";
constexpr std::size_t binding_nonce_size = iv_size / 2;

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

std::array<std::byte, mac_size> authenticate(const KeyFormat& format,
                                             const std::string_view master_description,
                                             const SecretBytes& master, const BytesView iv,
                                             const BytesView ciphertext) {
    static constexpr std::array zero = {std::byte{0}};
    return hmac_sha256(derive(authentication_label, master),
                       {as_bytes(format.word), zero, as_bytes(master_description), zero,
                        as_bytes(format.length_word), zero, iv, zero, ciphertext});
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
    const KeyFormat& format;
    std::string master_description;
    Bytes blob;

    [[nodiscard]] BytesView iv() const { return BytesView{blob}.first(iv_size); }
    [[nodiscard]] BytesView ciphertext() const { return BytesView{blob}.subspan(iv_size + 1, format.size); }
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

Parts parse(const KeyFormat& format, std::string_view text) {
    if (take_word(text) != format.word) {
        refuse(formatted("its first word is not \"{}\"", format.word));
    }
    const std::string_view master_description = take_word(text);
    if (!is_master_description(master_description)) {
        refuse("its second word does not name a trusted: or user: key");
    }
    if (take_word(text) != format.length_word) {
        refuse(formatted("its third word is not the length {}", format.length_word));
    }
    std::optional<Bytes> blob = from_hex(text);
    if (!blob || blob->size() != format.blob_size()) {
        refuse(formatted("its last word is not {} hex digits", 2 * format.blob_size()));
    }
    return {
        .format = format, .master_description = std::string{master_description}, .blob = std::move(*blob)};
}

/// Throws unless the text is authentic under this master key.
Parts parse_authentic(const KeyFormat& format, const std::string_view text, const SecretBytes& master) {
    Parts parts = parse(format, text);
    const auto mac = authenticate(format, parts.master_description, master, parts.iv(), parts.ciphertext());
    if (!equal_constant_time(mac, parts.mac())) {
        throw Error{Reason::bad_data, "the encrypted key is damaged or was made under another master key"};
    }
    return parts;
}

std::string write(const KeyFormat& format, const std::string_view master_description,
                  const SecretBytes& master, const BytesView iv, const BytesView ciphertext) {
    const auto mac = authenticate(format, master_description, master, iv, ciphertext);
    return formatted("{} {} {} {}00{}{}", format.word, master_description, format.length_word, to_hex(iv),
                     to_hex(ciphertext), to_hex(mac));
}

/// Encrypts and writes; contents of exactly the format's size.
std::string compose(const KeyFormat& format, const std::string_view master_description,
                    const SecretBytes& master, const SecretBytes& contents, const BytesView iv) {
    if (!is_master_description(master_description) || contents.size() != format.size ||
        iv.size() != iv_size) {
        throw Error{Reason::internal, "an encrypted key was composed from parts of a wrong form"};
    }
    return write(format, master_description, master, iv,
                 aes256_cbc_encrypt(derive(encryption_label, master), iv, contents));
}

SecretBytes open(const KeyFormat& format, const std::string_view text, const SecretBytes& master) {
    const Parts parts = parse_authentic(format, text, master);
    return aes256_cbc_decrypt(derive(encryption_label, master), parts.iv(), parts.ciphertext());
}

const KeyFormat& format_of(const std::string_view text) {
    return text.starts_with(formatted("{} ", store_proof.word)) ? store_proof : volume_key;
}

BytesView vector_of(const ProofDigest& digest) {
    return BytesView{digest}.first(iv_size);
}

} // namespace

std::string compose_encrypted_key(const std::string_view master_description, const SecretBytes& master,
                                  const SecretBytes& fekek, const BytesView iv) {
    return compose(volume_key, master_description, master, fekek, iv);
}

Bytes bound_vector(const std::string_view signature, const BytesView nonce) {
    if (nonce.size() != binding_nonce_size) {
        throw Error{Reason::internal, "an initialization vector was bound with a nonce of a wrong size"};
    }
    const auto digest = sha256({as_bytes(binding_label), as_bytes(signature), nonce});
    Bytes iv{nonce.begin(), nonce.end()};
    const BytesView half = BytesView{digest}.first(iv_size - binding_nonce_size);
    iv.insert(iv.end(), half.begin(), half.end());
    return iv;
}

Bytes bound_vector(const std::string_view signature) {
    return bound_vector(signature, random_bytes(binding_nonce_size));
}

bool is_bound(const std::string_view text, const std::string_view signature) {
    const Parts parts = parse(volume_key, text);
    return std::ranges::equal(parts.iv(), bound_vector(signature, parts.iv().first(binding_nonce_size)));
}

std::string master_description_of(const std::string_view text) {
    return parse(volume_key, text).master_description;
}

std::string with_master_description(const std::string_view text, const SecretBytes& master,
                                    const std::string_view master_description) {
    const Parts parts = parse_authentic(format_of(text), text, master);
    return write(parts.format, master_description, master, parts.iv(), parts.ciphertext());
}

SecretBytes open_encrypted_key(const std::string_view text, const SecretBytes& master) {
    return open(volume_key, text, master);
}

SecretBytes open_volume_key(const std::string_view text, const SecretBytes& master,
                            const std::string_view signature) {
    SecretBytes fekek = open(volume_key, text, master);
    if (signature != dracut_signature && signature_of(fekek) != signature) {
        throw Error{Reason::bad_data,
                    formatted("holds the key {} instead of {}: it is another volume's, or somebody's who has "
                              "the master key",
                              signature_of(fekek), signature)};
    }
    return fekek;
}

std::string compose_proof(const std::string_view master_description, const SecretBytes& master,
                          const ProofDigest& digest) {
    return compose(store_proof, master_description, master, SecretBytes{BytesView{digest}},
                   vector_of(digest));
}

bool names_digest(const std::string_view proof, const std::string_view master_description,
                  const ProofDigest& digest) {
    try {
        const Parts parts = parse(store_proof, proof);
        return parts.master_description == master_description &&
               std::ranges::equal(parts.iv(), vector_of(digest));
    } catch (const Error&) {
        return false; // not of the form
    }
}

bool proves(const std::string_view proof, const SecretBytes& master,
            const std::string_view master_description, const ProofDigest& digest) {
    try {
        return names_digest(proof, master_description, digest) &&
               open(store_proof, proof, master).equals(digest);
    } catch (const Error&) {
        return false; // not authentic
    }
}

} // namespace sealmount
