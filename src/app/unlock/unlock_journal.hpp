// What the journal and `systemctl status` say of an unlock: one outcome at its end, and before that only what
// somebody has to know.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/unlock/unlock.hpp"
#include "core/unlock/unlock_together.hpp"
#include "sys/host/journal.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

class UnlockJournal final : public UnlockObserver {
  public:
    /// `name` is the volume's, or the master key's, for what goes wrong before the manifest is read; `unit`
    /// the service that this is.
    UnlockJournal(std::string name, std::string unit) : name_(std::move(name)), unit_(std::move(unit)) {}

    void begins(const Volume& volume) override;
    void step(UnlockStep step) override;
    void falls_back(const Volume& volume, const MasterRefusal& refusal) override;
    void master_refused(const Volume& volume, const MasterRefusal& refusal) override;
    void credential_wrong(const Volume& volume) override;
    void passphrase_wrong(const Volume& volume, unsigned tries_left) override;
    void rebound(const Volume& volume, const std::optional<Renewed>& renewed) override;
    void not_rebound(const Volume& volume, const Error& why) override;
    void pin_wrong(const Volume& volume, unsigned tries_left) override;
    void recovery_key_useless(const Volume& volume, const std::string& why) override;
    void user_key_in_the_way(const Volume& volume, std::string_view signature) override;

    // The outcome: exactly one of these.
    void unlocked(const Unlocked& unlocked) const;
    void unlocked_together(const UnlockedTogether& all);
    void not_unlocked(const Refusal& refusal) const;
    void not_mounted(const Refusal& refusal) const;
    void failed(const std::string& message) const;

  private:
    void say(Level level, const std::string& name, const std::string& message,
             JournalFields fields = {}) const;
    void add_units(JournalFields& fields, const std::string& name) const;

    std::string name_;
    std::string unit_;
    std::string master_;
    std::map<std::string, std::string> mount_units_; ///< of the volumes that are known by now, by name
    std::optional<MasterRefusal> refusal_;
};

} // namespace sealmount
