// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/plain_user_kernel.hpp"

#include "base/error.hpp"
#include "base/hex.hpp"
#include "core/unlock/plain_master.hpp"
#include "sys/raw/raw_crypto.hpp"
#include "sys/raw/raw_keyring.hpp"
#include "sys/raw/user_unseal.hpp"
#include "sys/tpm/tpm_device.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace sealmount {

namespace {

// core/ecryptfs/encrypted_key.cpp has the source of each.
constexpr std::size_t text_iv_size = 16;
constexpr std::size_t text_mac_size = 32;
constexpr std::size_t longest_plain_master = 128;
constexpr std::string_view label_of_authentication{"AUTH_KEY\0", 9};
constexpr std::string_view label_of_encryption{"ENC_KEY\0", 8};

struct TextFormat {
    std::string_view word;
    std::string_view length_word;
    std::size_t size;
};
constexpr TextFormat format_of_volume_key{"ecryptfs", "64", 64};
constexpr TextFormat format_of_proof{"default", "32", 32};

/// A key that is derived from a master key, wiped at the end of the scope.
class TextKey {
  public:
    TextKey(const std::span<const std::byte> master, const std::string_view label) {
        std::array<std::byte, label_of_authentication.size() + longest_plain_master> buffer{};
        const auto rest = std::ranges::copy(bytes_of_text(label), buffer.begin()).out;
        std::ranges::copy(master, rest);
        const std::size_t size = std::max<std::size_t>(label_of_authentication.size() + master.size(), 32);
        key_ = raw_sha256({std::span{buffer}.first(size)});
        wipe(buffer);
    }
    TextKey(const TextKey&) = delete;
    TextKey& operator=(const TextKey&) = delete;
    ~TextKey() { wipe(key_); }

    [[nodiscard]] std::span<const std::byte> bytes() const { return key_; }

  private:
    RawDigest key_{};
};

/// A text taken apart.
struct TextParts {
    const TextFormat& format;
    std::string_view description;
    std::vector<std::byte> blob;

    [[nodiscard]] std::span<const std::byte> iv() const { return std::span{blob}.first(text_iv_size); }
    [[nodiscard]] std::span<const std::byte> contents() const {
        return std::span{blob}.subspan(text_iv_size + 1, format.size);
    }
    [[nodiscard]] RawDigest authenticated(const TextKey& key, const std::string_view name) const {
        static constexpr std::array zero = {std::byte{0}};
        return raw_hmac(key.bytes(), {bytes_of_text(format.word), zero, bytes_of_text(name), zero,
                                      bytes_of_text(format.length_word), zero, iv(), zero, contents()});
    }
    [[nodiscard]] bool is_authentic(const TextKey& key) const {
        return raw_equal(authenticated(key, description), std::span{blob}.last(text_mac_size));
    }
};

/// Of a text whose first word is that of the format.
std::optional<TextParts> parts_of(const TextFormat& format, const std::string_view text) {
    const std::size_t begin = text.find(' ') + 1;
    auto blob = from_hex(text.substr(text.rfind(' ') + 1));
    if (!blob || blob->size() != text_iv_size + 1 + format.size + text_mac_size) {
        return std::nullopt;
    }
    return TextParts{.format = format,
                     .description = text.substr(begin, text.find(' ', begin) - begin),
                     .blob = std::move(*blob)};
}

/// Is the FEKEK in it the one of this name? dracut's name says nothing (core/ecryptfs/passphrase.hpp).
bool holds_key_of(const TextParts& parts, const std::span<const std::byte> master,
                  const std::string_view signature) {
    constexpr std::string_view name_of_dracut = "1000100010001000";
    const TextKey key{master, label_of_encryption};
    const SecretBytes fekek = raw_cbc_decrypt(key.bytes(), parts.iv(), parts.contents());
    const auto digest = raw_sha512(fekek.bytes());
    return signature == name_of_dracut ||
           to_hex(std::span<const std::byte>{digest}.first(signature.size() / 2)) == signature;
}

} // namespace

std::optional<std::string> plain_text_under(const std::string_view text,
                                            const std::span<const std::byte> master,
                                            const std::string_view description,
                                            const std::string_view signature) {
    if (!is_plain_key_text(text) || master.size() > longest_plain_master) {
        return std::nullopt;
    }
    const auto parts = parts_of(format_of_volume_key, text);
    const TextKey key{master, label_of_authentication};
    if (!parts || !parts->is_authentic(key) || !holds_key_of(*parts, master, signature)) {
        return std::nullopt;
    }
    std::string result{"ecryptfs "};
    result.append(description).append(" 64 ");
    result.append(to_hex(parts->iv())).append("00");
    result.append(to_hex(parts->contents()));
    result.append(to_hex(parts->authenticated(key, description)));
    return result;
}

bool is_plain_proof_under(const std::string_view seal, const std::span<const std::byte> master) {
    const auto parts = parts_of(format_of_proof, seal);
    return parts && master.size() <= longest_plain_master &&
           parts->is_authentic(TextKey{master, label_of_authentication});
}

BootForm PlainUserKernel::try_form() {
    const auto has_trusted = kernel_has_trusted_keys();
    if (!has_trusted) {
        return BootForm::unknown;
    }
    return *has_trusted ? BootForm::other : BootForm::possible;
}

std::optional<bool> PlainUserKernel::has_key(const char* const type, const std::string_view description) {
    return is_in_user_keyring(type, description);
}

std::optional<RawPcrs> PlainUserKernel::read_pcrs(const PcrSelection selection) {
    if (!tpm_) {
        tpm_ = RawTpm::open(managed_tpm_node);
    }
    return tpm_ ? tpm_->read_pcrs(selection) : std::nullopt;
}

bool PlainUserKernel::bring_in(const BootSeal& seal) {
    const auto areas = plain_sealed_areas(seal.sealed);
    // A name that cannot be guessed: nobody can have an impostor ready.
    std::array<std::byte, 8> number{};
    if (!tpm_ || !areas ||
        ::getrandom(number.data(), number.size(), 0) != static_cast<ssize_t>(number.size())) {
        return false;
    }
    try {
        master_ = unseal_in_one_session(*tpm_, {.srk_name = seal.srk_name,
                                                .public_area = areas->public_area,
                                                .private_area = areas->private_area,
                                                .selection = seal.selection});
    } catch (const Error&) { // no locked memory
        return false;
    }
    tpm_.reset();
    if (!master_) {
        return false;
    }
    const std::string name = "sealmount-" + to_hex(number);
    description_ = "user:" + name;
    return add_master_key("user", name, master_->bytes());
}

bool PlainUserKernel::load(const std::string_view signature, const std::string_view text) {
    try {
        const auto ours =
            master_ ? plain_text_under(text, master_->bytes(), description_, signature) : std::nullopt;
        return ours && add_volume_key(signature, *ours);
    } catch (const Error&) { // no locked memory
        return false;
    }
}

bool PlainUserKernel::prove(const std::string_view seal) {
    return master_ && is_plain_proof_under(seal, master_->bytes());
}

bool PlainUserKernel::unload(const std::string_view signature) {
    return drop_volume_key(signature);
}

} // namespace sealmount
