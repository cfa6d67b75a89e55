// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/slot_session.hpp"

#include "app/options/policy_options.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "core/master/present_binding.hpp"

#include <set>

namespace sealmount {

SlotSession::SlotSession(const Globals& globals, const Machine& machine, std::string pin_file,
                         const bool new_tpm, const bool is_attended)
    : store_(globals.paths()), pin_file_(std::move(pin_file)),
      lock_(store_.lock()), context_{.machine = machine,
                                     .store = store_,
                                     .ask_pin =
                                         [this, &machine] {
                                             std::optional<SecretBytes> pin;
                                             without_lock(
                                                 [&] { pin = present_pin(pin_file_, machine.prompt); });
                                             return pin;
                                         },
                                     .bind = bind_to_present(store_.paths()),
                                     .accepts_new_tpm = new_tpm,
                                     .is_attended = is_attended} {
}

/// The manifest and the master files that it refers to.
std::string SlotSession::contents() const {
    std::string text = store_.manifest_text();
    for (const Volume& volume : store_.manifest().volumes) {
        try {
            text += write_master_file(store_.master(volume.master));
        } catch (const Error& error) {
            text += error.what(); // as long as it stays so, it is the same
        }
    }
    return text;
}

void SlotSession::without_lock(const std::function<void()>& waits) const {
    const std::string before = contents();
    lock_.reset();
    try {
        waits();
    } catch (const Error&) {
        lock_.emplace(store_.lock());
        throw;
    }
    lock_.emplace(store_.lock());
    if (contents() != before) {
        throw Error{Reason::try_later,
                    "another program has changed the slots while an answer was awaited: nothing was changed"};
    }
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
