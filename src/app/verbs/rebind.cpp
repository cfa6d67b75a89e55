// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/slots/rebind.hpp"
#include "app/verbs/renewal_report.hpp"
#include "base/strict_json.hpp"
#include "core/unlock/volume_keys.hpp"
#include "sys/prompt/secret_input.hpp"
#include "sys/prompt/terminal.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

/// The passphrases of all volumes: from the files, then typed. Three tries for each volume.
std::map<std::string, Fekek> keys_of_volumes(const Store& store, const std::string& master,
                                             const RebindOptions& words) {
    std::map<std::string, Fekek> keys;
    const auto wanted = signatures_under(store, master);
    const auto complete = [&](const Volume& volume) {
        return std::ranges::all_of(volume.signatures(), [&](const auto& s) { return keys.contains(s); });
    };
    const auto take = [&](const Volume& volume, const SecretBytes& passphrase) {
        for (Fekek& fekek : keys_from_passphrase(volume, passphrase)) {
            keys.try_emplace(fekek.signature, std::move(fekek));
        }
    };
    std::vector<SecretBytes> given;
    for (const std::string& file : words.passphrase_files) {
        given.push_back(read_secret(file, longest_passphrase));
    }
    const auto terminal = terminal_prompt();
    for (const Volume& volume : store.manifest().volumes) {
        if (volume.master != master) {
            continue;
        }
        for (const SecretBytes& passphrase : given) {
            if (!complete(volume)) {
                take(volume, passphrase);
            }
        }
        if (volume.no_passphrase && !complete(volume)) {
            throw Error{Reason::refused, "no passphrase makes the keys of the volume \"" + volume.name +
                                             "\": 'sealmount reseal " + master +
                                             " --recover' takes the recovery key, and nothing was changed"};
        }
        for (unsigned tries = 3; !complete(volume); --tries) {
            if (tries == 0) {
                throw Error{Reason::refused, "that is not the passphrase of the volume \"" + volume.name +
                                                 "\": nothing was changed"};
            }
            auto answer =
                terminal->ask("Passphrase of the volume " + volume.name + " (" + volume.mountpoint + "): ",
                              "sealmount:rebind", std::chrono::seconds{0});
            if (!answer) {
                throw Error{Reason::usage,
                            "no passphrase of the volume \"" + volume.name +
                                "\": " + describe(answer.error().kind) +
                                "; without a terminal, give --passphrase-file FILE, once for each "
                                "passphrase"};
            }
            take(volume, *answer);
        }
    }
    return keys;
}

int run_rebind(const RebindOptions& words, const Globals& globals) {
    const std::string name = SlotSession{globals, words.pin_file}.one_master(words.master);
    rebind_with_passphrases(name, words, globals);
    return 0;
}

} // namespace

void tell(const std::string& name, const Renewed& renewed, const Globals& globals) {
    if (globals.json) {
        const Json json = {
            {"master", name},       {"slots", renewed.slots},       {"left_out", renewed.left_out},
            {"keys", renewed.keys}, {"recovery", renewed.recovery}, {"notes", renewed.notes}};
        std::printf("%s\n", json.dump(2).c_str());
        return;
    }
    for (const std::string& note : renewed.notes) {
        std::fprintf(stderr, "sealmount: warning: %s\n", note.c_str());
    }
    std::printf("master key %s: new, with slot %s; %zu %s encrypted anew under it\n", name.c_str(),
                to_string(renewed.slots).c_str(), renewed.keys.size(),
                renewed.keys.size() == 1 ? "key" : "keys");
    if (!renewed.left_out.empty()) {
        std::printf("  left out: slot %s\n", to_string(renewed.left_out).c_str());
    }
    std::printf(
        "Old copies of /etc/sealmount hold the old master key and, under it, the same volume keys: who has "
        "such a copy and gets this TPM to release it still opens the volumes' files. Make a new backup.\n");
}

void rebind_with_passphrases(const std::string& name, const RebindOptions& words, const Globals& globals) {
    const auto recovery =
        recovery_key_for_renewal(globals.paths(), name, words.recovery, words.present_file, globals);
    // A person who types holds no lock.
    const auto keys = keys_of_volumes(Store{globals.paths()}, name, words);
    const SlotSession desk{globals, words.pin_file};
    if (recovery.fresh) {
        recovery.fresh->save();
    }
    tell(name, rebind(desk.context(), name, keys, recovery.key()), globals);
    if (recovery.fresh) {
        recovery.fresh->hand_over(name, globals);
    }
}

Run declare_rebind(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<RebindOptions>();
    add_slot_options(verb, *words);
    verb.add_option("--passphrase-file", words->passphrase_files,
                    "read a passphrase from there; repeatable; - for standard input")
        ->allow_extra_args(false);
    add_present_recovery_option(verb, words->present_file);
    add_new_recovery_options(verb, words->recovery);
    return [words, &globals] { return run_rebind(*words, globals); };
}

} // namespace sealmount
