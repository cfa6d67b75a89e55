// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/verbs.hpp"
#include "app/output/hints.hpp"
#include "base/strict_json.hpp"
#include "core/enroll/enroll.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <array>
#include <cstdio>

namespace sealmount {

namespace {

/// "its passphrase opens"
std::string what_opens(const Volume& volume) {
    return volume.no_passphrase ? "the key that it was enrolled with opens" : "its passphrase opens";
}

/// What is lost is the machine's way in; whoever forgot the passphrase must not find out afterwards.
void confirm(const Volume& volume) {
    const std::string& name = volume.name;
    const std::string consequence = "only " + what_opens(volume) + " the volume \"" + name + "\"";
    if (::isatty(STDIN_FILENO) == 0) {
        throw Error{Reason::usage, "after this, " + consequence + ": say --yes to go on"};
    }
    std::fprintf(stderr, "After this, %s. Type its name to go on: ", consequence.c_str());
    std::array<char, 128> line{};
    const bool answered = std::fgets(line.data(), static_cast<int>(line.size()), stdin) != nullptr;
    if (!answered || line.data() != name + "\n") {
        throw Error{Reason::usage, "not confirmed: nothing was removed"};
    }
}

int run_remove(const std::string& name, const bool yes, const Globals& globals) {
    const Store store{globals.paths()};
    // What was confirmed and then killed is only gone on with.
    const bool is_confirmed = is_half_removed(store, name);
    const Volume volume = is_confirmed ? *store.removal().find(name) : store.volume(name);
    if (!is_confirmed && !yes) {
        confirm(volume);
    }
    const FileLock lock = store.lock();
    const Removed removed = remove_volume(store, name);
    const std::vector<std::string> warnings = with_hints(removed.warnings);
    if (globals.json) {
        const Json json = {{"name", name}, {"files", removed.files}, {"warnings", warnings}};
        std::printf("%s\n", json.dump(2).c_str());
        return 0;
    }
    for (const std::string& warning : warnings) {
        std::fprintf(stderr, "sealmount: warning: %s\n", warning.c_str());
    }
    std::printf("Removed %s. Its encrypted files are untouched; %s them.\n", name.c_str(),
                what_opens(volume).c_str());
    if (globals.paths().is_running_system()) {
        std::printf("To let systemd forget its units: systemctl daemon-reload\n");
    }
    return 0;
}

} // namespace

Run declare_remove(CLI::App& verb, const Globals& globals) {
    const auto name = std::make_shared<std::string>();
    const auto yes = std::make_shared<bool>(false);
    verb.add_option("NAME", *name, "the volume's name")->required();
    verb.add_flag("--yes", *yes, "do not ask");
    return [name, yes, &globals] { return run_remove(*name, *yes, globals); };
}

} // namespace sealmount
