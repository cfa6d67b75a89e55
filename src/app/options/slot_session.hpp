// What the verbs about slots have in common: the store under its lock, the TPM, and somebody to ask.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/arguments/arguments.hpp"
#include "app/options/globals.hpp"
#include "core/slots/slots.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

class SlotSession {
  public:
    /// Takes the store's lock, and waits for a writer that has it. The machine must outlive it. `new_tpm`: a
    /// person has said that the TPM may be another one; `is_attended` as SlotContext has it. While a PIN is
    /// asked for, the lock is not held.
    SlotSession(const Globals& globals, const Machine& machine, std::string pin_file, bool new_tpm = false,
                bool is_attended = true);
    SlotSession(const SlotSession&) = delete;
    SlotSession& operator=(const SlotSession&) = delete;

    [[nodiscard]] const Store& store() const { return store_; }
    [[nodiscard]] const SlotContext& context() const { return context_; }

    /// The named master key, or every one that a volume uses. Throws Error{no_input} when there is none.
    [[nodiscard]] std::vector<std::string> masters(const std::string& name) const;
    /// The same for what can be done to one only. Throws Error{usage} when several are meant.
    [[nodiscard]] std::string one_master(const std::string& name) const;

    /// Runs what may wait for a person without the lock, so that unlocks and other verbs do not wait, too.
    /// Throws Error{try_later} when the store was changed meanwhile, since what was read before is no longer
    /// true; nothing has been written then.
    void without_lock(const std::function<void()>& waits) const;

  private:
    [[nodiscard]] std::string contents() const;

    Store store_;
    std::string pin_file_;
    mutable std::optional<FileLock> lock_;
    SlotContext context_;
};

/// The options that all of them have.
struct SlotOptions {
    std::string master;
    std::string pin_file;
};
void add_slot_options(Arguments& verb, SlotOptions& options);

} // namespace sealmount
