// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/unlock_command.hpp"

#include "app/exit_code.hpp"
#include "app/hints.hpp"
#include "app/pause.hpp"
#include "core/unlock.hpp"
#include "sys/esys_tpm.hpp"
#include "sys/journal.hpp"
#include "sys/kernel_keyring.hpp"
#include "sys/password_agents.hpp"
#include "sys/process.hpp"

#include <CLI/CLI.hpp>

namespace sealmount {

namespace {

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

class JournalObserver final : public UnlockObserver {
  public:
    void master_refused(const Volume& volume, const MasterRefusal& refusal) override {
        for (const std::string& line : explain(refusal, volume.master)) {
            log(Level::warning, volume.name, line);
        }
        if (!volume.headless) {
            show_step("Waiting for the passphrase");
        }
    }
    void passphrase_wrong(const Volume& volume, const unsigned tries_left) override {
        log(Level::warning, volume.name, "wrong passphrase, tries left: " + std::to_string(tries_left));
    }
    void user_key_in_the_way(const Volume& volume, const std::string_view signature) override {
        log(Level::warning, volume.name,
            "a user key " + std::string{signature} +
                " is in root's keyring, and eCryptfs will take it instead of ours: drop it with 'keyctl "
                "purge user " +
                std::string{signature} + "'");
    }
};

std::string words_for(const Unlocked& unlocked) {
    switch (unlocked.way) {
    case UnlockWay::already_loaded:
        return "the keys were loaded already";
    case UnlockWay::passphrase:
        return "unlocked by passphrase";
    case UnlockWay::trusted_key:
        return "unlocked by the TPM (slot " + std::to_string(unlocked.slot) + ")" +
               (unlocked.along.empty() ? "" : ", and with it: " + join(unlocked.along));
    }
    return "";
}

int load(const std::string& name) {
    show_step("Unlocking");
    const Store store{Paths{}};
    const auto tpm = machine_tpm();
    const auto keyring = kernel_keyring();
    const auto prompt = password_agents();
    JournalObserver observer;
    const auto unlocked = load_volume({store, *tpm, *keyring, *prompt, observer, pause_between_tries}, name);
    if (!unlocked) {
        const Refusal& refusal = unlocked.error();
        std::string words = std::string{"not unlocked: "} + describe(refusal.kind);
        if (!refusal.detail.empty()) {
            words += " (" + refusal.detail + ")";
        }
        log(Level::error, name, words);
        show_step("Not unlocked");
        return exit_code(refusal.kind);
    }
    for (const std::string& skipped : unlocked->skipped) {
        log(Level::warning, name, "not loaded along: " + skipped);
    }
    log(Level::info, name, words_for(*unlocked));
    show_step("Unlocked");
    return 0;
}

int unload(const std::string& name) {
    const auto keyring = kernel_keyring();
    unload_volume(Paths{}, *keyring, name);
    return 0;
}

} // namespace

int unlock_command(const int argc, const char* const* const argv) {
    CLI::App program{"Loads the keys of a sealmount volume into the kernel, or takes them out again.",
                     "sealmount-unlock"};
    program.set_version_flag("--version", "sealmount " SEALMOUNT_VERSION);
    program.require_subcommand(1);
    std::string name;
    CLI::App* const load_verb =
        program.add_subcommand("load", "load the volume's keys; what the unlock service does");
    CLI::App* const unload_verb =
        program.add_subcommand("unload", "take the volume's keys out of the keyring");
    for (CLI::App* const verb : {load_verb, unload_verb}) {
        verb->add_option("VOLUME", name, "the volume's name in the manifest")->required();
    }
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int status = program.exit(error);
        return status == 0 ? 0 : exit_code(Reason::usage);
    }
    try {
        harden_process();
        return load_verb->parsed() ? load(name) : unload(name);
    } catch (const Error& error) {
        log(Level::error, name, error.what());
        return exit_code(error.reason());
    } catch (const std::exception& error) {
        log(Level::error, name, error.what());
        return exit_code(Reason::internal);
    }
}

} // namespace sealmount
