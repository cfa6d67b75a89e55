// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/verbs/rebind.hpp"
#include "app/options/policy_options.hpp"
#include "app/verbs/renewal_report.hpp"
#include "app/verbs/verbs.hpp"
#include "base/format.hpp"
#include "core/slots/rebind.hpp"
#include "core/unlock/volume_keys.hpp"
#include "sys/prompt/secret_input.hpp"

#include <algorithm>

namespace sealmount {

namespace {

constexpr unsigned passphrase_tries = 3; ///< for each volume

/// The keys of volumes, from the passphrases that make them.
class KeyCollection {
  public:
    explicit KeyCollection(Prompt& prompt) : prompt_(prompt) {}

    [[nodiscard]] bool is_complete(const Volume& volume) const {
        return std::ranges::all_of(volume.signatures(),
                                   [&](const auto& signature) { return keys_.contains(signature); });
    }

    void add(const Volume& volume, const SecretBytes& passphrase) {
        // NOLINTNEXTLINE(misc-const-correctness): it is moved from
        for (Fekek& fekek : keys_from_passphrase(volume, passphrase)) {
            keys_.try_emplace(fekek.signature, std::move(fekek));
        }
    }

    /// Until the volume is complete. Throws Error{refused} after too many wrong passphrases, Error{usage}
    /// when there is nobody to ask.
    void ask_for(const Volume& volume) {
        for (unsigned tries = passphrase_tries; !is_complete(volume); --tries) {
            if (tries == 0) {
                throw Error{Reason::refused,
                            formatted("that is not the passphrase of the volume \"{}\": nothing was changed",
                                      volume.name)};
            }
            const auto answer =
                prompt_.ask(formatted("Passphrase of the volume {} ({}): ", volume.name, volume.mountpoint),
                            "sealmount:rebind", std::chrono::seconds{0});
            if (!answer) {
                throw Error{Reason::usage,
                            formatted("no passphrase of the volume \"{}\": {}; without a terminal, give "
                                      "--passphrase-file FILE, once for each passphrase",
                                      volume.name, describe(answer.error().kind))};
            }
            add(volume, *answer);
        }
    }

    [[nodiscard]] std::map<std::string, Fekek> take() { return std::move(keys_); }

  private:
    Prompt& prompt_;
    std::map<std::string, Fekek> keys_;
};

/// From the passphrases of all volumes of a master key: in the files, then typed.
std::map<std::string, Fekek> keys_of_volumes(const Store& store, const std::string& master,
                                             const RebindOptions& options, Prompt& prompt) {
    std::vector<SecretBytes> given;
    for (const std::string& file : options.passphrase_files) {
        given.push_back(read_secret(file, longest_passphrase));
    }
    KeyCollection keys{prompt};
    for (const Volume& volume : store.manifest().volumes) {
        if (volume.master != master) {
            continue;
        }
        for (const SecretBytes& passphrase : given) {
            if (!keys.is_complete(volume)) {
                keys.add(volume, passphrase);
            }
        }
        if (volume.no_passphrase && !keys.is_complete(volume)) {
            throw Error{
                Reason::refused,
                formatted("no passphrase makes the keys of the volume \"{}\", and nothing was changed",
                          volume.name),
                {.kind = AdviceKind::reseal_with_recovery, .subject = master}};
        }
        keys.ask_for(volume);
    }
    return keys.take();
}

int run_rebind(const RebindOptions& options, const Globals& globals, const Machine& machine) {
    const std::string master = SlotSession{globals, machine, options.pin_file}.one_master(options.master);
    rebind_with_passphrases(master, options, globals, machine);
    return 0;
}

} // namespace

void rebind_with_passphrases(const std::string& master, const RebindOptions& options, const Globals& globals,
                             const Machine& machine) {
    const auto recovery =
        recovery_key_for_renewal(globals.paths(), master, options.recovery, options.present_file, globals);
    // While a person types, the lock is not held.
    const auto keys = keys_of_volumes(Store{globals.paths()}, master, options, machine.prompt);
    const SlotSession session{globals, machine, options.pin_file, options.new_tpm};
    if (recovery.fresh) {
        recovery.fresh->save(session.store(), master);
    }
    report_renewal(master, rebind(session.context(), master, keys, recovery.key()), globals);
    if (recovery.fresh) {
        recovery.fresh->hand_over(master, globals);
    }
}

Run declare_rebind(Arguments& verb) {
    const auto options = std::make_shared<RebindOptions>();
    add_slot_options(verb, *options);
    verb.option("--passphrase-file", "FILE", options->passphrase_files,
                "read a passphrase from FILE (- for standard input)");
    verb.flag("--new-tpm", options->new_tpm, new_tpm_help);
    add_present_recovery_option(verb, options->present_file);
    add_new_recovery_options(verb, options->recovery);
    return [options](const Globals& globals, const Machine& machine) {
        return run_rebind(*options, globals, machine);
    };
}

} // namespace sealmount
