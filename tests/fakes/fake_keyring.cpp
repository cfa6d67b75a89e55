// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "fakes/fake_keyring.hpp"

#include "base/error.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/master/tpm_key.hpp"

namespace sealmount::testing {

namespace {

// keyctl_setperm(3): what add_key(2) gives, and what is left of it.
constexpr std::uint32_t default_permissions = 0x3f010000;
constexpr std::uint32_t possessor_search = 0x08000000;
constexpr std::uint32_t possessor_write = 0x04000000;

std::string second_word(const std::string_view text) {
    const std::string_view rest = text.substr(text.find(' ') + 1);
    return std::string{rest.substr(0, rest.find(' '))};
}

} // namespace

void FakeKeyring::call() {
    if (fault_.strikes()) {
        throw Error{Reason::unavailable, "the fake keyring fails as requested"};
    }
}

std::set<std::string> FakeKeyring::volume_keys() const {
    std::set<std::string> signatures;
    for (const auto& [signature, key] : volume_keys_) {
        signatures.insert(signature);
    }
    return signatures;
}

bool FakeKeyring::readable(const std::string& signature) const {
    return (volume_keys_.at(signature).permissions & possessor_write) != 0;
}

const std::vector<std::byte>& FakeKeyring::fekek(const std::string& signature) const {
    return volume_keys_.at(signature).fekek;
}

bool FakeKeyring::has_trusted_keys() {
    call();
    return trusted_type_;
}

std::expected<bool, Refusal> FakeKeyring::takes_trusted_masters() {
    call();
    if (!encrypted_type_) {
        return std::unexpected{Refusal{RefusalKind::key_type_absent, "encrypted"}};
    }
    return trusted_masters_;
}

std::expected<void, Refusal> FakeKeyring::load_trusted_master(const std::string_view name,
                                                              const std::span<const std::byte> tpm_key,
                                                              const std::uint32_t policy_handle,
                                                              const SecretBytes* const pin) {
    call();
    if (!trusted_type_ || chip_ == nullptr) {
        return std::unexpected{Refusal{RefusalKind::key_type_absent, {}}};
    }
    SealedObject object;
    try {
        object = read_tpm_key(tpm_key);
    } catch (const Error& error) {
        return std::unexpected{Refusal{RefusalKind::object_rejected, error.what()}};
    }
    auto secret = chip_->kernel_unseal(object, policy_handle, pin);
    if (!secret) {
        // The kernel has one error for all of them.
        return std::unexpected{Refusal{RefusalKind::unseal_failed, "Operation not permitted"}};
    }
    if (secret->size() < 32 || secret->size() > 128) {
        return std::unexpected{Refusal{RefusalKind::object_rejected, "Bad address"}};
    }
    masters_["trusted:" + std::string{name}] = std::move(*secret);
    return {};
}

void FakeKeyring::load_user_master(const std::string_view name, const SecretBytes& master) {
    call();
    const auto bytes = master.bytes();
    masters_["user:" + std::string{name}].assign(bytes.begin(), bytes.end());
}

void FakeKeyring::drop_master(const std::string_view name) {
    call();
    masters_.erase("trusted:" + std::string{name});
    masters_.erase("user:" + std::string{name});
}

bool FakeKeyring::has_volume_key(const std::string_view signature) {
    call();
    return volume_keys_.contains(signature);
}

bool FakeKeyring::has_user_key(const std::string_view signature) {
    call();
    return user_keys_.contains(signature);
}

std::optional<SecretBytes> FakeKeyring::read_user_key(const std::string_view description,
                                                      const std::size_t limit) {
    call();
    const auto key = user_keys_.find(description);
    if (key == user_keys_.end()) {
        return std::nullopt;
    }
    if (key->second.size() > limit) {
        throw Error{Reason::bad_data, "the user key " + std::string{description} + " holds more than " +
                                          std::to_string(limit) + " bytes"};
    }
    return SecretBytes{std::span<const std::byte>{key->second}};
}

bool FakeKeyring::drop_user_key(const std::string_view description) {
    call();
    const auto key = user_keys_.find(description);
    if (key == user_keys_.end()) {
        return false;
    }
    user_keys_.erase(key);
    return true;
}

std::expected<std::vector<std::byte>, Refusal> FakeKeyring::open_text(const std::string_view text) const {
    if (!encrypted_type_) {
        return std::unexpected{Refusal{RefusalKind::key_type_absent, "No such device"}};
    }
    const bool is_proof = text.starts_with("default ");
    std::string description;
    try {
        description = is_proof ? second_word(text) : master_description_of(text);
    } catch (const Error&) {
        return std::unexpected{Refusal{RefusalKind::text_rejected, "Invalid argument"}};
    }
    if (description.starts_with("trusted:") && !trusted_masters_) {
        return std::unexpected{Refusal{RefusalKind::key_type_absent, "Operation not supported"}};
    }
    const auto master = masters_.find(description);
    if (master == masters_.end()) {
        throw Error{Reason::internal, "the master key " + description + " is not loaded"};
    }
    try {
        const SecretBytes key{std::span<const std::byte>{master->second}};
        if (is_proof) { // only its HMAC is looked at
            static_cast<void>(with_master_description(text, key, description));
            return std::vector<std::byte>(proof_size);
        }
        const auto fekek = open_encrypted_key(text, key);
        const auto bytes = fekek.bytes();
        return std::vector<std::byte>{bytes.begin(), bytes.end()};
    } catch (const Error&) {
        return std::unexpected{Refusal{RefusalKind::text_rejected, "Invalid argument"}};
    }
}

std::expected<void, Refusal> FakeKeyring::load_volume_key(const std::string_view signature,
                                                          const std::string_view text) {
    call();
    if (volume_keys_.contains(signature)) {
        throw Error{Reason::internal, "the encrypted key " + std::string{signature} + " is loaded already"};
    }
    auto fekek = open_text(text);
    if (!fekek) {
        return std::unexpected{fekek.error()};
    }
    const auto added =
        volume_keys_.emplace(std::string{signature}, VolumeKey{std::move(*fekek), default_permissions}).first;
    try {
        call();
    } catch (const Error&) {
        volume_keys_.erase(added);
        throw;
    }
    added->second.permissions = possessor_search;
    return {};
}

bool FakeKeyring::unload_volume_key(const std::string_view signature) {
    call();
    const auto found = volume_keys_.find(signature);
    if (found == volume_keys_.end()) {
        return false;
    }
    volume_keys_.erase(found);
    return true;
}

std::expected<void, Refusal> FakeKeyring::prove_volume_key(const std::string_view /*signature*/,
                                                           const std::string_view text) {
    call();
    if (auto fekek = open_text(text); !fekek) {
        return std::unexpected{fekek.error()};
    }
    return {};
}

} // namespace sealmount::testing
