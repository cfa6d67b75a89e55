// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/unlock/unlock_command.hpp"

#include "app/options/bound_policies.hpp"
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "app/unlock/unlock_journal.hpp"
#include "core/master/recovery_key.hpp"
#include "core/unlock/unlock.hpp"
#include "sys/host/backoff.hpp"
#include "sys/host/journal.hpp"
#include "sys/host/process.hpp"
#include "sys/keyring/kernel_keyring.hpp"
#include "sys/prompt/credentials.hpp"
#include "sys/prompt/password_agents.hpp"
#include "sys/tpm/esys_connection.hpp"

#include <CLI/CLI.hpp>

namespace sealmount {

namespace {

/// The credentials of the unit (units/sealmount-unlock@.service.in).
constexpr const char* passphrase_credential = "sealmount.passphrase";
constexpr const char* filename_credential = "sealmount.filename-passphrase";
constexpr const char* pin_credential = "sealmount.pin";

/// One that cannot be read is as good as a wrong one: the next thing to try is a person.
std::optional<SecretBytes> credential_of_service(const char* const name, const std::size_t limit) {
    if (!has_credential(name)) {
        return std::nullopt;
    }
    try {
        return read_credential(name, limit);
    } catch (const Error&) {
        return SecretBytes{0};
    }
}

int load(const std::string& name) {
    UnlockJournal journal{name};
    try {
        const Store store{Paths{}};
        const auto tpm = machine_tpm();
        const auto keyring = kernel_keyring();
        const auto prompt = password_agents();
        const Machine machine{.tpm = *tpm, .keyring = *keyring, .prompt = *prompt};
        const auto unlocked = load_volume(
            {.machine = machine,
             .store = store,
             .observer = journal,
             .credential =
                 [] { return credential_of_service(passphrase_credential, longest_recovery_key_text); },
             .pin_credential = [] { return credential_of_service(pin_credential, longest_pin); },
             .bind = bind_to_present(Paths{}),
             .filename_credential =
                 [] { return credential_of_service(filename_credential, longest_passphrase); }},
            name);
        if (!unlocked) {
            journal.not_unlocked(unlocked.error());
            return exit_code(unlocked.error().kind);
        }
        journal.unlocked(*unlocked);
        return 0;
    } catch (const Error& error) {
        journal.failed(with_hint(error));
        return exit_code(error.reason());
    } catch (const std::exception& error) {
        journal.failed(error.what());
        return exit_code(Reason::internal);
    }
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
        log(Level::error, name, with_hint(error));
        return exit_code(error.reason());
    } catch (const std::exception& error) {
        log(Level::error, name, error.what());
        return exit_code(Reason::internal);
    }
}

} // namespace sealmount
