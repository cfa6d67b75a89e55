// A machine of fakes: a root directory, a TPM, a kernel, a person.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/enroll/enroll.hpp"
#include "core/unlock/unlock.hpp"
#include "core/unlock/unlock_together.hpp"
#include "fakes/fake_keyring.hpp"
#include "fakes/fake_prompt.hpp"
#include "fakes/fake_tpm.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount::testing {

inline constexpr std::string_view vault_passphrase = "correct horse battery";
inline constexpr std::string_view vault_signature = "7f475b5d20a645dc";
inline constexpr std::string_view vault_filename_signature = "c61563a65ef80ad1";

[[nodiscard]] SecretBytes secret(std::string_view text);

/// What an unlock has reported.
struct Reported final : UnlockObserver {
    std::vector<MasterRefusal> refusals;
    std::vector<unsigned> tries_left;
    std::vector<std::string> user_keys;

    std::vector<UnlockStep> steps;
    std::vector<RefusalKind> fallbacks;
    unsigned wrong_credentials = 0;

    void begins(const Volume&) override {}
    void step(UnlockStep step) override { steps.push_back(step); }
    void falls_back(const Volume&, const MasterRefusal& refusal) override {
        fallbacks.push_back(refusal.kind);
    }
    void credential_wrong(const Volume&) override { ++wrong_credentials; }
    std::vector<unsigned> pin_tries_left;
    std::vector<bool> rebound_whole;
    std::vector<std::string> rebind_failures;
    void rebound(const Volume&, const std::optional<Renewed>& renewed) override {
        rebound_whole.push_back(renewed.has_value());
    }
    void not_rebound(const Volume&, const Error& why) override { rebind_failures.emplace_back(why.what()); }
    std::vector<std::string> useless;
    void recovery_key_useless(const Volume&, const std::string& why) override { useless.push_back(why); }
    void pin_wrong(const Volume&, unsigned left) override { pin_tries_left.push_back(left); }
    void master_refused(const Volume&, const MasterRefusal& refusal) override { refusals.push_back(refusal); }
    void passphrase_wrong(const Volume&, unsigned left) override { tries_left.push_back(left); }
    void user_key_in_the_way(const Volume&, std::string_view signature) override {
        user_keys.emplace_back(signature);
    }
};

/// Its tear-down holds every story to what none may leave behind: sessions, lockout budget, master keys,
/// secrets, a raw device that is still held.
class FakeMachine : public ::testing::Test {
  protected:
    FakeMachine();
    ~FakeMachine() override;
    void TearDown() override;

    /// A request as `sealmount enroll NAME --lower /srv/.NAME --mountpoint /srv/NAME` makes it; the lower
    /// directory is made.
    [[nodiscard]] EnrollRequest request(const std::string& name) const;
    Enrolled enroll(const EnrollRequest& request, std::string_view passphrase);
    Enrolled enroll(const std::string& name, std::string_view passphrase) {
        return enroll(request(name), passphrase);
    }
    /// As a boot: PCRs as at start, no keys, nothing in /run.
    void reboot();
    [[nodiscard]] std::expected<Unlocked, Refusal> load(const std::string& name);
    [[nodiscard]] UnlockedTogether load_together(const std::string& master = "default");
    void unload(const std::string& name) { unload_volume(store.paths(), keyring, name); }
    /// Of a kernel, whose keys somebody else has taken away.
    void lose_keys();
    /// As somebody who has the master key does, in the present state: the file is proved again.
    void change_master(const std::function<void(MasterFile&)>& change);
    /// Every file below /etc/sealmount with its contents.
    [[nodiscard]] std::map<std::string, std::string> tree() const;

    std::filesystem::path root;
    Store store;
    FakeTpm chip;
    FakeTpmOpener opener{chip};
    FakeKeyring keyring{chip};
    FakePrompt prompt;
    Reported reported;
    std::optional<std::string> credential;
    std::optional<std::string> filename_credential;
    unsigned pauses = 0;
    std::function<void(unsigned)> during_pause = [](unsigned) {};
    const Machine machine{
        .tpm = opener, .keyring = keyring, .prompt = prompt, .backoff = [this](unsigned tried) {
            ++pauses;
            during_pause(tried);
        }};
};

} // namespace sealmount::testing
