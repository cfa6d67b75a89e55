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

namespace sealmount {

namespace {

// core/ecryptfs/encrypted_key.cpp has the source of each.
constexpr std::size_t text_iv_size = 16;
constexpr std::size_t text_fekek_size = 64;
constexpr std::size_t text_mac_size = 32;
constexpr std::size_t longest_plain_master = 128;
constexpr std::string_view label_of_authentication{"AUTH_KEY\0", 9};

/// The key that texts are authenticated with, wiped at the end of the scope.
class TextKey {
  public:
    explicit TextKey(const std::span<const std::byte> master) {
        std::array<std::byte, label_of_authentication.size() + longest_plain_master> buffer{};
        const auto rest = std::ranges::copy(bytes_of_text(label_of_authentication), buffer.begin()).out;
        std::ranges::copy(master, rest);
        const std::size_t size = std::max<std::size_t>(label_of_authentication.size() + master.size(), 32);
        key_ = raw_sha256({std::span{buffer}.first(size)});
        wipe(buffer);
    }
    TextKey(const TextKey&) = delete;
    TextKey& operator=(const TextKey&) = delete;
    ~TextKey() { wipe(key_); }

    [[nodiscard]] RawDigest authenticate(const std::string_view description,
                                         const std::span<const std::byte> blob) const {
        static constexpr std::array zero = {std::byte{0}};
        return raw_hmac(key_, {bytes_of_text("ecryptfs"), zero, bytes_of_text(description), zero,
                               bytes_of_text("64"), zero, blob.first(text_iv_size), zero,
                               blob.subspan(text_iv_size + 1, text_fekek_size)});
    }

  private:
    RawDigest key_{};
};

} // namespace

std::optional<std::string> plain_text_under(const std::string_view text,
                                            const std::span<const std::byte> master,
                                            const std::string_view description) {
    if (!is_plain_key_text(text) || master.size() > longest_plain_master) {
        return std::nullopt;
    }
    const std::size_t begin = text.find(' ') + 1;
    const std::string_view own_description = text.substr(begin, text.find(' ', begin) - begin);
    const auto blob = from_hex(text.substr(text.rfind(' ') + 1));
    if (!blob || blob->size() != text_iv_size + 1 + text_fekek_size + text_mac_size) {
        return std::nullopt;
    }
    const TextKey key{master};
    const auto mac = std::span<const std::byte>{*blob}.last(text_mac_size);
    if (!raw_equal(key.authenticate(own_description, *blob), mac)) {
        return std::nullopt;
    }
    const auto encrypted = std::span<const std::byte>{*blob}.first(blob->size() - text_mac_size);
    std::string result{"ecryptfs "};
    result.append(description).append(" 64 ");
    result.append(to_hex(encrypted.first(text_iv_size))).append("00");
    result.append(to_hex(encrypted.subspan(text_iv_size + 1)));
    result.append(to_hex(key.authenticate(description, *blob)));
    return result;
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
    const auto ours = master_ ? plain_text_under(text, master_->bytes(), description_) : std::nullopt;
    return ours && add_volume_key(signature, *ours);
}

bool PlainUserKernel::unload(const std::string_view signature) {
    return drop_volume_key(signature);
}

} // namespace sealmount
