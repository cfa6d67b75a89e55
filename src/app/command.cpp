// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/command.hpp"

#include "app/options/verbs.hpp"
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "base/strict_json.hpp"
#include "sys/host/process.hpp"
#include "sys/tpm/esys_connection.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <filesystem>
#include <vector>

namespace sealmount {

namespace {

struct Verb {
    const char* name;
    const char* summary;
    Run (*declare)(CLI::App&, const Globals&);
};

constexpr std::array verbs = {
    Verb{"enroll", "take over an existing eCryptfs volume: its passphrase goes under the TPM's protection",
         declare_enroll},
    Verb{"import-fstab", "take over the volumes that /etc/fstab mounts with ecryptfs-utils",
         declare_import_fstab},
    Verb{"import-dracut", "take over the volume that dracut's modules masterkey and ecryptfs mount",
         declare_import_dracut},
    Verb{"import-private",
         "take over the private directories and encrypted homes that ecryptfs-setup-private made",
         declare_import_private},
    Verb{"remove", "forget a volume; its files stay, and its passphrase opens them", declare_remove},
    Verb{"inspect", "tell from a directory's encrypted files what made them: keys, ciphers, file names",
         declare_inspect},
    Verb{"list", "list the volumes", declare_list},
    Verb{"check", "look at everything that the volumes need to open, and name the mend of what is missing",
         declare_check},
    Verb{"events", "show what firmware, boot loader and systemd measured, and whether it makes the PCRs",
         declare_events},
    Verb{"predict", "tell the PCR values after the next boot, when something of it is replaced",
         declare_predict},
    Verb{"sign-policy", "sign PCR values, on any machine, for volumes under a signed policy",
         declare_sign_policy},
    Verb{"slots", "list the states of the machine that the master keys are sealed to", declare_slots},
    Verb{"reseal", "seal a master key to another state of the machine as well: the present or a coming one",
         declare_reseal},
    Verb{"prune", "drop slots that fit no more", declare_prune},
    Verb{"suspend", "let the next boots pass whatever changes, as for a firmware update", declare_suspend},
    Verb{"resume", "end that, and seal the present state", declare_resume},
    Verb{"rotate", "make a new master key in place of an old one", declare_rotate},
    Verb{"rebind", "bind the volumes to the present state with their passphrases, when the TPM refuses",
         declare_rebind},
    Verb{"recovery-key", "make a new recovery key, which opens a master key without the TPM, or revoke it",
         declare_recovery_key},
    Verb{"recover",
         "mount a volume on a rescue system, with nothing but its files and a passphrase, or a backup "
         "and the recovery key",
         declare_recover},
    Verb{"status", "show volumes, keys, and whether the TPM would release them now", declare_status},
};

int report(const Globals& globals, const Reason reason, const char* message) {
    const int code = exit_code(reason);
    if (globals.json) {
        const Json error = {{"error", {{"message", message}, {"exit_code", code}}}};
        std::printf("%s\n", error.dump(2).c_str());
    }
    std::fprintf(stderr, "sealmount: %s\n", message);
    return code;
}

} // namespace

std::unique_ptr<TpmOpener> chosen_tpm(const Globals& globals) {
    return globals.tcti.empty() ? machine_tpm() : tpm_at(globals.tcti);
}

int command(const int argc, const char* const* const argv) {
    CLI::App program{"Mounts eCryptfs volumes at boot with keys that the TPM holds.", "sealmount"};
    program.set_version_flag("--version", "sealmount " SEALMOUNT_VERSION);
    program.footer("Manuals: sealmount(8), sealmount-manifest(5), sealmount-policy(7), sealmount-unlock(8), "
                   "sealmount-generator(8)");
    program.require_subcommand(1);
    Globals globals;
    std::vector<std::pair<CLI::App*, Run>> declared;
    for (const Verb& verb : verbs) {
        CLI::App* const app = program.add_subcommand(verb.name, verb.summary);
        app->add_option("--root", globals.root, "work on the system whose file tree begins there")
            ->check(CLI::ExistingDirectory);
        app->add_flag("--json", globals.json, "print JSON for programs");
        app->add_option("--tcti", globals.tcti,
                        "the TPM to use, as tss2-tctildr(7) writes it, instead of the machine's");
        declared.emplace_back(app, verb.declare(*app, globals));
    }
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return program.exit(error) == 0 ? 0 : exit_code(Reason::usage);
    }
    try {
        globals.root = std::filesystem::canonical(globals.root).string();
        harden_process();
        for (const auto& [app, run] : declared) {
            if (app->parsed()) {
                return run();
            }
        }
        throw Error{Reason::internal, "no verb was run"};
    } catch (const Error& error) {
        return report(globals, error.reason(), with_hint(error).c_str());
    } catch (const std::exception& error) {
        return report(globals, Reason::internal, error.what());
    }
}

} // namespace sealmount
