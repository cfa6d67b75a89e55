// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/hints.hpp"
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/format.hpp"
#include "base/strict_json.hpp"
#include "core/enroll/enroll.hpp"

#include <nlohmann/json.hpp>

namespace sealmount {

namespace {

/// "its passphrase opens"
std::string what_opens(const Volume& volume) {
    return volume.no_passphrase ? "the key that it was enrolled with opens" : "its passphrase opens";
}

struct RemoveOptions {
    std::string name;
    bool yes = false;
};

/// The machine loses its way in; whoever forgot the passphrase must not find out afterwards.
void confirm_removal(const Volume& volume) {
    const std::string consequence = formatted("only {} the volume \"{}\"", what_opens(volume), volume.name);
    confirm({.question = formatted("After this, {}. Type its name to continue: ", consequence),
             .word = volume.name,
             .otherwise = formatted("after this, {}: give --yes to continue", consequence),
             .declined = "not confirmed: nothing was removed"});
}

int run_remove(const RemoveOptions& options, const Globals& globals, const Machine&) {
    const Store store{globals.paths()};
    const std::string& name = options.name;
    // A removal that was confirmed and then killed only continues.
    const bool is_confirmed = is_half_removed(store, name);
    const Volume volume = is_confirmed ? *store.removal().find(name) : store.volume(name);
    if (!is_confirmed && !options.yes) {
        confirm_removal(volume);
    }
    const FileLock lock = store.lock();
    const Removed removed = remove_volume(store, name);
    const std::vector<std::string> warnings = with_hints(removed.warnings);
    if (globals.json) {
        print_json({{"name", name}, {"files", removed.files}, {"warnings", warnings}});
        return 0;
    }
    print_warnings(warnings);
    print("Removed {}. Its encrypted files are untouched; {} them.\n", name, what_opens(volume));
    if (globals.paths().is_running_system()) {
        print("To let systemd forget its units: systemctl daemon-reload\n");
    }
    return 0;
}

} // namespace

Run declare_remove(Arguments& verb) {
    const auto options = std::make_shared<RemoveOptions>();
    verb.required_argument("NAME", options->name, "the volume's name");
    verb.flag("--yes", options->yes, "do not ask");
    return [options](const Globals& globals, const Machine& machine) {
        return run_remove(*options, globals, machine);
    };
}

} // namespace sealmount
