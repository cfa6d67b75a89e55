// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/slot_session.hpp"

#include "app/options/bound_policies.hpp"
#include "app/options/policy_options.hpp"
#include "base/error.hpp"
#include "sys/host/backoff.hpp"

#include <set>

namespace sealmount {

SlotSession::SlotSession(const Globals& globals, std::string pin_file)
    : store_(globals.paths()), machine_(globals), pin_file_(std::move(pin_file)),
      lock_(store_.lock()), context_{.machine = machine_.machine(),
                                     .store = store_,
                                     .ask_pin = [this] { return present_pin(pin_file_); },
                                     .bind = bind_to_present(store_.paths())} {
}

std::vector<std::string> SlotSession::masters(const std::string& name) const {
    std::set<std::string> used;
    for (const Volume& volume : store_.manifest().volumes) {
        used.insert(volume.master);
    }
    if (!name.empty()) {
        if (!used.contains(name) && !store_.has_master(name)) {
            throw Error{Reason::no_input, "there is no master key \"" + name +
                                              "\": 'sealmount list' shows which one each volume has"};
        }
        return {name};
    }
    if (used.empty()) {
        throw Error{Reason::no_input, store_.paths().manifest().string() +
                                          ": has no volume, so there is no master key to work on"};
    }
    return {used.begin(), used.end()};
}

std::string SlotSession::one_master(const std::string& name) const {
    const std::vector<std::string> names = masters(name);
    if (names.size() > 1) {
        throw Error{Reason::usage, "there are several master keys: say which one"};
    }
    return names.front();
}

void add_slot_options(CLI::App& verb, SlotOptions& words) {
    verb.add_option("MASTER", words.master, "the master key; by default every one that a volume uses");
    verb.add_option("--pin-file", words.pin_file,
                    "read the PIN that the master key has from there; - for standard input");
}

} // namespace sealmount
