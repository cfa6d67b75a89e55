// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/unlock/unlock_command.hpp"

#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "app/output/journal_names.hpp"
#include "app/unlock/unlock_journal.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/master/present_binding.hpp"
#include "core/master/recovery_key.hpp"
#include "core/unlock/obstacle.hpp"
#include "core/unlock/unlock.hpp"
#include "core/unlock/unlock_together.hpp"
#include "core/volume/unit_text.hpp"
#include "sys/host/backoff.hpp"
#include "sys/host/journal.hpp"
#include "sys/host/process.hpp"
#include "sys/keyring/kernel_keyring.hpp"
#include "sys/prompt/credentials.hpp"
#include "sys/prompt/password_agents.hpp"
#include "sys/tpm/esys_connection.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <string_view>

namespace sealmount {

namespace {

/// The credentials of the units (units/sealmount-load@.service.in, units/sealmount-unlock@.service.in).
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
    } catch (const std::exception&) {
        return SecretBytes{0};
    }
}

/// Runs a story on this machine. What it throws ends in the journal.
template<typename Story>
int run_story(UnlockJournal& journal, const bool may_ask, const Story& story) {
    try {
        const Store store{Paths{}};
        const auto tpm = machine_tpm();
        const auto keyring = kernel_keyring();
        const auto prompt = password_agents();
        const Machine machine{.tpm = *tpm, .keyring = *keyring, .prompt = *prompt};
        return story(UnlockContext{
            .machine = machine,
            .store = store,
            .observer = journal,
            .credential =
                [] { return credential_of_service(passphrase_credential, longest_recovery_key_text); },
            .pin_credential = [] { return credential_of_service(pin_credential, longest_pin); },
            .bind = bind_to_present(Paths{}),
            .filename_credential =
                [] { return credential_of_service(filename_credential, longest_passphrase); },
            .may_ask = may_ask});
    } catch (const Error& error) {
        journal.failed(with_hint(error));
        return exit_code(error.reason());
    } catch (const std::exception& error) {
        journal.failed(error.what());
        return exit_code(Reason::internal);
    }
}

int load(const std::string& name) {
    UnlockJournal journal{name, load_unit_name(name)};
    return run_story(journal, true, [&](const UnlockContext& context) {
        const auto unlocked = load_volume(context, name);
        if (!unlocked) {
            journal.not_unlocked(unlocked.error());
            return exit_code(unlocked.error().kind);
        }
        journal.unlocked(*unlocked);
        return 0;
    });
}

int load_all_of(const std::string& master) {
    UnlockJournal journal{master, unlock_unit_name(master)};
    return run_story(journal, false, [&](const UnlockContext& context) {
        const UnlockedTogether all = load_automatic_volumes(context, master);
        journal.unlocked_together(all);
        return all.refusal ? exit_code(all.refusal->kind) : 0;
    });
}

/// A stop that was not the last one: somebody else has the volume mounted, or its files open. It names its
/// unit: this process may be gone before journald asks whose it was.
void log_users_left(const std::string& name) {
    try {
        const Volume volume = Store{Paths{}}.volume(name);
        const JournalFields units = {{journal::object_unit, keys_unit_name(name)},
                                     {journal::object_unit, mount_unit_name(volume.mountpoint)}};
        for (const std::string& user : MountObstacles{Paths{}}.users_left(volume, true)) {
            log(Level::warning, name, formatted("stopped, but not everywhere: {}", user), units);
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

int look(const std::string& name) {
    const Store store{Paths{}};
    const Volume volume = store.volume(name);
    const auto keyring = kernel_keyring();
    UnlockJournal journal{name, look_unit_name(name)};
    journal.begins(volume);
    if (const auto refusal = look_at_volume(store, *keyring, volume)) {
        journal.not_mounted(*refusal);
        return exit_code(refusal->kind);
    }
    return 0;
}

struct UnlockVerb {
    std::string_view word;
    const char* argument; ///< what it is called
    int (*run)(const std::string&);
    std::string (*unit)(std::string_view); ///< which service it is
};

constexpr std::array unlock_verbs = {UnlockVerb{"load", "VOLUME", load, load_unit_name},
                                     UnlockVerb{"look", "VOLUME", look, look_unit_name},
                                     UnlockVerb{"load-all", "MASTER", load_all_of, unlock_unit_name},
                                     UnlockVerb{"unload", "VOLUME", unload, keys_unit_name}};

constexpr const char* help =
    "Usage: sealmount-unlock load-all MASTER   load the keys of all automatic volumes of the master key\n"
    "       sealmount-unlock load VOLUME       load the volume's keys; ask if the TPM refuses\n"
    "       sealmount-unlock look VOLUME       look whether the volume may be mounted\n"
    "       sealmount-unlock unload VOLUME     take the volume's keys out of the keyring\n"
    "       sealmount-unlock --help, --version\n"
    "\n"
    "Manuals: sealmount-unlock(8), sealmount(8)\n";

int refuse(const char* const message, const std::string_view word = {}) {
    std::fprintf(stderr, "sealmount-unlock: %s%s; 'sealmount-unlock --help' shows how it is used\n", message,
                 word.empty() ? "" : formatted(": {}", in_quotes(word)).c_str());
    return exit_code(Reason::usage);
}

int run(const UnlockVerb& verb, const std::string& name) {
    const auto report = [&](const std::string& message) {
        log(Level::error, name, message, {{journal::object_unit, verb.unit(name)}});
    };
    try {
        harden_process();
        return verb.run(name);
    } catch (const Error& error) {
        report(with_hint(error));
        return exit_code(error.reason());
    } catch (const std::exception& error) {
        report(error.what());
        return exit_code(Reason::internal);
    }
}

} // namespace

int unlock_command(const int argc, const char* const* const argv) {
    const std::span<const char* const> words{argv + (argc > 0 ? 1 : 0), argv + argc};
    const std::string_view word = words.empty() ? std::string_view{} : words[0];
    if (word == "--help" || word == "-h" || word == "help") {
        std::fputs(help, stdout);
        return 0;
    }
    if (word == "--version" || word == "-V") {
        std::puts("sealmount " SEALMOUNT_VERSION);
        return 0;
    }
    const auto* const verb = std::ranges::find(unlock_verbs, word, &UnlockVerb::word);
    if (verb == unlock_verbs.end()) {
        return word.empty() ? refuse("no command is given") : refuse("unknown command", word);
    }
    const std::size_t first = words.size() > 1 && std::string_view{words[1]} == "--" ? 2 : 1;
    if (words.size() <= first) {
        return refuse(formatted("{} is missing", verb->argument).c_str());
    }
    if (first == 1 && words[1][0] == '-') {
        return refuse("unknown option", words[1]);
    }
    if (words.size() > first + 1) {
        return refuse("too many arguments", words[first + 1]);
    }
    return run(*verb, words[first]);
}

} // namespace sealmount
