// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/unlock/unlock_command.hpp"

#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "app/unlock/unlock_journal.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/master/present_binding.hpp"
#include "core/master/recovery_key.hpp"
#include "core/unlock/obstacle.hpp"
#include "core/unlock/unlock.hpp"
#include "sys/host/backoff.hpp"
#include "sys/host/journal.hpp"
#include "sys/host/process.hpp"
#include "sys/keyring/kernel_keyring.hpp"
#include "sys/prompt/credentials.hpp"
#include "sys/prompt/password_agents.hpp"
#include "sys/tpm/esys_connection.hpp"

#include <cstdio>
#include <span>
#include <string_view>

namespace sealmount {

namespace {

/// The credentials of the unit (units/sealmount-unlock@.service.in).
constexpr const char* passphrase_credential = "sealmount.passphrase";
constexpr const char* filename_credential = "sealmount.filename-passphrase";
constexpr const char* pin_credential = "sealmount.pin";

/// One that cannot be read counts as a wrong one: the next thing to try is a person.
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

/// A stop that was not the last one: somebody else has the volume mounted, or its files open.
void log_users_left(const std::string& name) {
    try {
        for (const std::string& user :
             MountObstacles{Paths{}}.users_left(Store{Paths{}}.volume(name), true)) {
            log(Level::warning, name, formatted("stopped, but not everywhere: {}", user));
        }
    } catch (const Error&) { // NOLINT(bugprone-empty-catch): it has left the manifest, which a stop may
    }
}

int unload(const std::string& name) {
    const auto keyring = kernel_keyring();
    unload_volume(Paths{}, *keyring, name);
    log_users_left(name);
    return 0;
}

constexpr const char* help =
    "Usage: sealmount-unlock load VOLUME     load the volume's keys; what the unlock service does\n"
    "       sealmount-unlock unload VOLUME   take the volume's keys out of the keyring\n"
    "       sealmount-unlock --help, --version\n"
    "\n"
    "Manuals: sealmount-unlock(8), sealmount(8)\n";

int refuse(const char* const message, const std::string_view word = {}) {
    std::fprintf(stderr, "sealmount-unlock: %s%s; 'sealmount-unlock --help' shows how it is used\n", message,
                 word.empty() ? "" : formatted(": {}", in_quotes(word)).c_str());
    return exit_code(Reason::usage);
}

int run(int (*const verb)(const std::string&), const std::string& name) {
    try {
        harden_process();
        return verb(name);
    } catch (const Error& error) {
        log(Level::error, name, with_hint(error));
        return exit_code(error.reason());
    } catch (const std::exception& error) {
        log(Level::error, name, error.what());
        return exit_code(Reason::internal);
    }
}

} // namespace

int unlock_command(const int argc, const char* const* const argv) {
    const std::span<const char* const> words{argv + (argc > 0 ? 1 : 0), argv + argc};
    const std::string_view verb = words.empty() ? std::string_view{} : words[0];
    if (verb == "--help" || verb == "-h" || verb == "help") {
        std::fputs(help, stdout);
        return 0;
    }
    if (verb == "--version" || verb == "-V") {
        std::puts("sealmount " SEALMOUNT_VERSION);
        return 0;
    }
    if (verb != "load" && verb != "unload") {
        return verb.empty() ? refuse("no command is given") : refuse("unknown command", verb);
    }
    const std::size_t first = words.size() > 1 && std::string_view{words[1]} == "--" ? 2 : 1;
    if (words.size() <= first) {
        return refuse("VOLUME is missing");
    }
    if (first == 1 && words[1][0] == '-') {
        return refuse("unknown option", words[1]);
    }
    if (words.size() > first + 1) {
        return refuse("too many arguments", words[first + 1]);
    }
    return run(verb == "load" ? load : unload, words[first]);
}

} // namespace sealmount
