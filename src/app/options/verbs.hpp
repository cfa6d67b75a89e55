// The verbs of `sealmount`: one file each, one table (command.cpp).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/volume/paths.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>

namespace sealmount {

/// What every verb may need to know of the command line.
struct Globals {
    std::string root = "/";
    std::string tcti; ///< "" for the machine's TPM
    bool json = false;

    [[nodiscard]] Paths paths() const { return Paths{root}; }
};

class TpmOpener;
/// The TPM that the command line chose.
[[nodiscard]] std::unique_ptr<TpmOpener> chosen_tpm(const Globals& globals);

/// Each declares its options on `verb` and returns what runs it: the exit code, or Error. Options and
/// `globals` outlive the call.
using Run = std::function<int()>;
[[nodiscard]] Run declare_enroll(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_import_fstab(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_import_dracut(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_import_private(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_remove(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_prune(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_rebind(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_recover(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_recovery_key(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_reseal(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_resume(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_rotate(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_slots(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_suspend(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_check(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_events(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_predict(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_inspect(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_list(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_sign_policy(CLI::App& verb, const Globals& globals);
[[nodiscard]] Run declare_status(CLI::App& verb, const Globals& globals);

} // namespace sealmount
