// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "stories/fake_machine.hpp"

#include "core/store/store_check.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/files/guard.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace sealmount::testing {

namespace {

std::filesystem::path make_root() {
    std::string name = (std::filesystem::temp_directory_path() / "sealmount-story.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error{"no temporary directory"};
    }
    std::filesystem::create_directories(std::filesystem::path{name} / "etc");
    return name;
}

} // namespace

SecretBytes secret(const std::string_view text) {
    return SecretBytes{as_bytes(text)};
}

FakeMachine::FakeMachine() : root(make_root()), store(Paths{root}) {
}

FakeMachine::~FakeMachine() {
    for (const auto& entry : std::filesystem::recursive_directory_iterator{root}) {
        static_cast<void>(lift_guard(entry.path()));
    }
    std::filesystem::remove_all(root);
}

void FakeMachine::TearDown() {
    EXPECT_EQ(chip.open_sessions(), 0U);
    EXPECT_EQ(chip.failed_tries(), 0U);
    EXPECT_FALSE(chip.held_raw());
    EXPECT_EQ(keyring.masters(), 0U);
    for (const std::string& signature : keyring.volume_keys()) {
        EXPECT_FALSE(keyring.readable(signature)) << signature;
    }
    EXPECT_EQ(SecretBytes::alive(), 0U);
}

EnrollRequest FakeMachine::request(const std::string& name) const {
    EnrollRequest result;
    result.volume.name = name;
    result.volume.lower = "/srv/." + name;
    result.volume.mountpoint = "/srv/" + name;
    result.policy.pcrs = parse_pcr_values("7");
    std::filesystem::create_directories(root / "srv" / ("." + name));
    return result;
}

Enrolled FakeMachine::enroll(const EnrollRequest& wanted, const std::string_view passphrase) {
    const EnrollContext context{.machine = machine, .store = store};
    EnrollDraft draft = prepare_enrollment(context, wanted);
    const SecretBytes typed = secret(passphrase);
    PassphraseSource source{typed};
    return sealmount::enroll(context, draft, source);
}

void FakeMachine::reboot() {
    chip.reboot();
    lose_keys();
    std::filesystem::remove_all(store.paths().runtime());
}

void FakeMachine::lose_keys() {
    for (const std::string& signature : keyring.volume_keys()) {
        keyring.unload_volume_key(signature);
    }
}

UnlockedTogether FakeMachine::load_together(const std::string& master) {
    return load_automatic_volumes(
        {.machine = machine, .store = store, .observer = reported, .may_ask = false}, master);
}

std::expected<Unlocked, Refusal> FakeMachine::load(const std::string& name) {
    const auto given = [](const std::optional<std::string>& text) {
        return text ? std::optional{secret(*text)} : std::nullopt;
    };
    return load_volume({.machine = machine,
                        .store = store,
                        .observer = reported,
                        .credential = [&] { return given(credential); },
                        .filename_credential = [&] { return given(filename_credential); }},
                       name);
}

void FakeMachine::change_master(const std::function<void(MasterFile&)>& change) {
    MasterFile file = store.master("default");
    SecretBytes key;
    {
        const auto tpm = open_managed_tpm(opener, machine.backoff);
        key = unseal_master(*tpm, {.file = file, .files = store.policy_files()}, machine.backoff).value().key;
    }
    change(file);
    write_proved(store, "default", file, key);
}

std::map<std::string, std::string> FakeMachine::tree() const {
    std::map<std::string, std::string> files;
    if (std::filesystem::exists(store.paths().configuration())) {
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator{store.paths().configuration()}) {
            if (entry.is_regular_file()) {
                std::ostringstream text;
                text << std::ifstream{entry.path()}.rdbuf();
                files[entry.path().lexically_relative(root).string()] = text.str();
            }
        }
    }
    return files;
}

} // namespace sealmount::testing
