// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/command.hpp"

#include "app/arguments/command_line.hpp"
#include "app/arguments/help.hpp"
#include "app/options/this_machine.hpp"
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "sys/host/process.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <filesystem>
#include <vector>

namespace sealmount {

namespace {

struct Verb {
    const char* group;
    const char* name;
    const char* summary;
    Run (*declare)(Arguments&);
};

constexpr const char* volumes = "Volumes";
constexpr const char* masters = "Master keys and their slots";
constexpr const char* measurements = "What the machine measures";
constexpr const char* rescue = "Without the TPM";

constexpr std::array verbs = {
    Verb{volumes, "enroll", "set up an existing eCryptfs volume to be unlocked by the TPM", declare_enroll},
    Verb{volumes, "import-fstab", "take over the volumes that /etc/fstab mounts with ecryptfs-utils",
         declare_import_fstab},
    Verb{volumes, "import-private",
         "take over private directories and encrypted homes made by ecryptfs-setup-private",
         declare_import_private},
    Verb{volumes, "import-dracut", "take over the volume that dracut's modules masterkey and ecryptfs mount",
         declare_import_dracut},
    Verb{volumes, "remove", "forget a volume; its files stay, and its passphrase opens them", declare_remove},
    Verb{volumes, "inspect",
         "show what made a directory's encrypted files: keys, ciphers, encrypted file names",
         declare_inspect},
    Verb{volumes, "list", "list the volumes", declare_list},
    Verb{volumes, "status", "show volumes, keys, and whether the TPM would release them now", declare_status},
    Verb{volumes, "check", "check everything the volumes need, and say how to fix what is missing",
         declare_check},
    Verb{volumes, "ground", "show whether lower directories are those that were enrolled, or record a move",
         declare_ground},
    Verb{masters, "slots", "list the states of the machine that the master keys are sealed to",
         declare_slots},
    Verb{masters, "reseal", "also seal a master key to the present or the next boot's state (adds a slot)",
         declare_reseal},
    Verb{masters, "prune", "remove slots that no longer fit", declare_prune},
    Verb{masters, "suspend", "accept the next boots whatever changes, e.g. for a firmware update",
         declare_suspend},
    Verb{masters, "resume", "end a suspension, and seal the present state", declare_resume},
    Verb{masters, "rotate", "replace a master key with a new one", declare_rotate},
    Verb{masters, "recovery-key",
         "make a new recovery key, which opens a master key without the TPM, or revoke it",
         declare_recovery_key},
    Verb{measurements, "events",
         "show what firmware, boot loader and systemd measured, and whether it explains the PCRs",
         declare_events},
    Verb{measurements, "predict", "predict the PCR values of the next boot", declare_predict},
    Verb{measurements, "sign-policy", "sign PCR values, on any machine, for volumes under a signed policy",
         declare_sign_policy},
    Verb{rescue, "rebind", "bind volumes to the present state with their passphrases, when the TPM refuses",
         declare_rebind},
    Verb{rescue, "recover",
         "mount a volume on a rescue system, with its files and a passphrase, or with a backup of "
         "/etc/sealmount and the recovery key",
         declare_recover},
};

/// The message with its hint; for programs a document that has the hint once more, alone. Returns the exit
/// code.
int report(const Globals& globals, const Reason reason, const std::string& message,
           const std::string& hint = {}) {
    const int code = exit_code(reason);
    if (globals.json) {
        Json error = {{"message", message}, {"exit_code", code}};
        if (!hint.empty()) {
            error["hint"] = hint;
        }
        print_json({{"error", std::move(error)}});
    }
    print_error("sealmount: {}\n", message);
    return code;
}

std::string root_directory(const std::string& root) {
    std::error_code problem;
    const auto directory = std::filesystem::canonical(root, problem);
    if (problem || !std::filesystem::is_directory(directory)) {
        throw Error{Reason::usage, formatted("--root {}: is not a directory", root)};
    }
    return directory.string();
}

int run(const Program& program, Globals& globals, const std::vector<std::string>& words) {
    const Wish wish = read_command_line(program.table, words);
    switch (wish.kind) {
    case Wish::Kind::show_version:
        print_text("sealmount " SEALMOUNT_VERSION "\n");
        return 0;
    case Wish::Kind::show_help:
        print_text(help_text(program.table, wish.verb, help_width()));
        return 0;
    case Wish::Kind::run:
        break;
    }
    globals.root = root_directory(globals.root);
    harden_process();
    const ThisMachine this_machine{globals};
    return program.runs.at(wish.verb->name)(globals, this_machine.machine());
}

} // namespace

Program program_of(Globals& globals) {
    Program program{
        .table = {.program = "sealmount",
                  .summary = "mounts eCryptfs volumes at boot with keys that the TPM holds",
                  .manuals = "sealmount(8), sealmount-manifest(5), sealmount-policy(7), sealmount-unlock(8), "
                             "sealmount-generator(8)"},
        .runs = {}};
    Arguments& common = program.table.common;
    common.option("--root", "DIR", globals.root, "operate on the system rooted at DIR");
    common.flag("--json", globals.json, "print JSON for programs");
    common.option("--tcti", "TCTI", globals.tcti,
                  "the TPM to use, as tss2-tctildr(7) names it, instead of the machine's");
    for (const Verb& verb : verbs) {
        DeclaredVerb declaration{
            .group = verb.group, .name = verb.name, .summary = verb.summary, .arguments = {}};
        program.runs.emplace(verb.name, verb.declare(declaration.arguments));
        program.table.verbs.push_back(std::move(declaration));
    }
    return program;
}

int command(const int argc, const char* const* const argv) {
    Globals globals;
    try {
        const Program program = program_of(globals);
        const int first = argc > 0 ? 1 : 0;
        return run(program, globals, {argv + first, argv + argc});
    } catch (const Error& error) {
        return report(globals, error.reason(), with_hint(error), hint_for(error.advice()));
    } catch (const std::exception& error) {
        return report(globals, Reason::internal, error.what());
    }
}

} // namespace sealmount
