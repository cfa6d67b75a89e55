// Would every volume open, now and at the next start? Everything that an unlock and a mount need, checked one
// by one, each with its fix.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "core/master/master_unlock.hpp"
#include "core/store/store.hpp"
#include "sys/host/machine_facts.hpp"
#include "sys/keyring/keyring.hpp"
#include "sys/tpm/tpm.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sealmount {

enum class Severity {
    good,
    warning, ///< the volumes open, but something should be known or fixed
    unknown, ///< something that a volume needs could not be looked at: whether it would open is not known
    bad,     ///< a volume would not open without somebody at the keyboard, or not at all
};

/// "good", "warning", "unknown" or "bad".
[[nodiscard]] const char* to_string(Severity severity) noexcept;

struct Finding {
    std::string about; ///< "kernel", "boot", "tpm", "master NAME", "volume NAME", "manifest"
    std::string item;  ///< one word for programs, such as "lockout": stable
    Severity severity = Severity::good;
    std::string text{}; ///< what was found
    Advice fix{};       ///< the next command or step; none with good
};

/// A finding about something that could not even be looked at. `fix` is for an error without an advice. Where
/// only the rights to look were missing, it is unknown, and nothing but these is advised.
[[nodiscard]] Finding failed_look(std::string about, std::string item, const Error& error, const Advice& fix);

/// The same for what a problem with an advice of its own says.
[[nodiscard]] Severity severity_of(const Problem& problem);

/// Does every volume open without anybody at the keyboard, as far as these findings are about all that they
/// need? The worst one decides: unknown where nothing is bad, but something could not be looked at.
enum class Outcome { all_open, unknown, not_all_open };
[[nodiscard]] Outcome outcome_of(const std::vector<Finding>& findings);

/// Could something not be looked at because whoever asks may not?
[[nodiscard]] bool lacks_rights(const std::vector<Finding>& findings);

/// What a check needs. Only refers; everything must outlive the call.
struct CheckContext {
    const Machine& machine;
    const Store& store;
    /// The store is this machine's, which also has the kernel, the units and the mounts that are meant.
    bool is_this_machine = true;
    /// Who is asked about that; nobody, for another store.
    MachineFacts facts{};
};

/// All findings, about one volume and what it needs or about every one. Unseals each master key once, in
/// userspace, and opens each key file with it; writes nothing, and loads no key. A single thing that cannot
/// be looked at is a finding; throws Error only when there is no such volume or no manifest that can be read.
[[nodiscard]] std::vector<Finding> check(const CheckContext& context, const std::optional<std::string>& name);

} // namespace sealmount
