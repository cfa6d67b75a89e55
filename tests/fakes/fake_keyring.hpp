// FakeKeyring: the kernel's keys in memory.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "fakes/fake_tpm.hpp"
#include "fakes/fault.hpp"
#include "sys/keyring/keyring.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sealmount::testing {

/// Unseals trusted masters through the live sessions of a FakeTpm and checks every text of an encrypted key
/// under its master, as the kernel does.
class FakeKeyring final : public Keyring {
  public:
    /// A kernel without trusted keys.
    FakeKeyring() = default;
    /// A kernel with trusted keys on this TPM, which must outlive the keyring.
    explicit FakeKeyring(FakeTpm& chip) : chip_(&chip), trusted_type_(true), trusted_masters_(true) {}

    // What tests do to it.
    void set_trusted_type(const bool present) { trusted_type_ = present; }
    /// Whether encrypted keys accept trusted masters.
    void set_trusted_masters(const bool accepted) { trusted_masters_ = accepted; }
    void set_encrypted_type(const bool present) { encrypted_type_ = present; }
    void add_user_key(const std::string& signature, std::vector<std::byte> payload = {std::byte{'x'}}) {
        user_keys_[signature] = std::move(payload);
    }
    void remove_user_key(const std::string& signature) { user_keys_.erase(signature); }
    /// The process is gone, and its own keyring with it.
    void end_process() { masters_.clear(); }
    /// The n+1-th system call fails: Error{unavailable}.
    void fail_after(const unsigned calls) { fault_.after(calls); }
    [[nodiscard]] const Fault& fault() const { return fault_; }

    // What tests ask it.
    [[nodiscard]] std::size_t masters() const { return masters_.size(); }
    /// "trusted:NAME" or "user:NAME".
    [[nodiscard]] bool has_master(const std::string& description) const {
        return masters_.contains(description);
    }
    [[nodiscard]] std::set<std::string> volume_keys() const;
    /// Could a process re-wrap the key under a master that it knows, and so read the plaintext? Must be
    /// loaded.
    [[nodiscard]] bool readable(const std::string& signature) const;
    /// The bytes that eCryptfs would get. Must be loaded.
    [[nodiscard]] const std::vector<std::byte>& fekek(const std::string& signature) const;

    bool has_trusted_keys() override;
    std::expected<bool, Refusal> takes_trusted_masters() override;
    std::expected<void, Refusal> load_trusted_master(std::string_view name,
                                                     std::span<const std::byte> tpm_key,
                                                     std::uint32_t policy_handle,
                                                     const SecretBytes* pin) override;
    void load_user_master(std::string_view name, const SecretBytes& master) override;
    void drop_master(std::string_view name) override;
    bool has_volume_key(std::string_view signature) override;
    bool has_user_key(std::string_view signature) override;
    std::optional<SecretBytes> read_user_key(std::string_view description, std::size_t limit) override;
    bool drop_user_key(std::string_view description) override;
    std::expected<void, Refusal> load_volume_key(std::string_view signature, std::string_view text) override;
    bool unload_volume_key(std::string_view signature) override;
    std::expected<void, Refusal> prove_volume_key(std::string_view signature, std::string_view text) override;

  private:
    struct VolumeKey {
        std::vector<std::byte> fekek;
        std::uint32_t permissions;
    };

    void call();
    [[nodiscard]] std::expected<std::vector<std::byte>, Refusal> open_text(std::string_view text) const;

    FakeTpm* chip_ = nullptr;
    bool trusted_type_ = false;
    bool trusted_masters_ = false;
    bool encrypted_type_ = true;
    std::map<std::string, std::vector<std::byte>, std::less<>> masters_; ///< by "TYPE:NAME"
    std::map<std::string, VolumeKey, std::less<>> volume_keys_;
    std::map<std::string, std::vector<std::byte>, std::less<>> user_keys_;
    Fault fault_;
};

} // namespace sealmount::testing
