// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/slot_session.hpp"

#include "app/options/policy_options.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "core/master/present_binding.hpp"

#include <set>

namespace sealmount {

SlotSession::SlotSession(const Globals& globals, const Machine& machine, std::string pin_file)
    : store_(globals.paths()), pin_file_(std::move(pin_file)),
      lock_(store_.lock()), context_{.machine = machine,
                                     .store = store_,
                                     .ask_pin = [this,
                                                 &machine] { return present_pin(pin_file_, machine.prompt); },
                                     .bind = bind_to_present(store_.paths())} {
}

std::vector<std::string> SlotSession::masters(const std::string& name) const {
    std::set<std::string> used;
    for (const Volume& volume : store_.manifest().volumes) {
        used.insert(volume.master);
    }
    if (!name.empty()) {
        if (!used.contains(name) && !store_.has_master(name)) {
            throw Error{Reason::no_input,
                        formatted("there is no master key \"{}\"", name),
                        {.kind = AdviceKind::list_masters}};
        }
        return {name};
    }
    if (used.empty()) {
        throw Error{Reason::no_input, formatted("{}: has no volume, so there is no master key to operate on",
                                                store_.paths().manifest().string())};
    }
    return {used.begin(), used.end()};
}

std::string SlotSession::one_master(const std::string& name) const {
    const std::vector<std::string> names = masters(name);
    if (names.size() > 1) {
        throw Error{Reason::usage, "there are several master keys: name one of them"};
    }
    return names.front();
}

void add_slot_options(Arguments& verb, SlotOptions& options) {
    verb.argument("MASTER", options.master, "the master key (default: every one that a volume uses)");
    verb.option("--pin-file", "FILE", options.pin_file,
                "read the PIN of the master key from FILE (- for standard input)");
}

} // namespace sealmount
