// What the verbs about slots have in common: the store under its lock, the TPM, and somebody to ask.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "app/verbs.hpp"
#include "core/slots.hpp"

#include <string>
#include <vector>

namespace sealmount {

class SlotDesk {
  public:
    /// Takes the store's lock; a writer that is at work is waited for.
    SlotDesk(const Globals& globals, std::string pin_file);
    SlotDesk(const SlotDesk&) = delete;
    SlotDesk& operator=(const SlotDesk&) = delete;

    [[nodiscard]] const Store& store() const { return store_; }
    [[nodiscard]] const SlotWorld& world() const { return world_; }

    /// The named master key, or every one that a volume uses. Throws Error{no_input} when there is none.
    [[nodiscard]] std::vector<std::string> masters(const std::string& name) const;
    /// The same for what can be done to one only. Throws Error{usage} when several are meant.
    [[nodiscard]] std::string one_master(const std::string& name) const;

  private:
    Store store_;
    std::unique_ptr<TpmOpener> tpm_;
    std::string pin_file_;
    FileLock lock_;
    SlotWorld world_;
};

/// The options that all of them have.
struct SlotWords {
    std::string master;
    std::string pin_file;
};
void add_slot_options(CLI::App& verb, SlotWords& words);

} // namespace sealmount
