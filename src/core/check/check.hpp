// Would every volume open, now and at the next start? Everything that an unlock and a mount need, checked one
// by one, each with its fix.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/advice.hpp"
#include "core/master/master_unlock.hpp"
#include "core/store/store.hpp"
#include "sys/keyring/keyring.hpp"
#include "sys/tpm/tpm.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sealmount {

enum class Severity {
    good,
    warning, ///< the volumes open, but something should be known or fixed
    bad,     ///< a volume would not open without somebody at the keyboard, or not at all
};

/// "good", "warning" or "bad".
[[nodiscard]] const char* to_string(Severity severity) noexcept;

struct Finding {
    std::string about; ///< "kernel", "tpm", "master NAME", "volume NAME", "manifest"
    std::string item;  ///< one word for programs, such as "lockout": stable
    Severity severity = Severity::good;
    std::string text{}; ///< what was found
    Advice fix{};       ///< the next command or step; none with good
};

/// A finding about something that could not even be looked at. `fix` is for an error without an advice.
[[nodiscard]] Finding failed_look(std::string about, std::string item, const Error& error, Advice fix);

/// Nothing that is found keeps a volume from opening without anybody at the keyboard.
[[nodiscard]] bool all_open(const std::vector<Finding>& findings);

/// What a check needs. Only refers; everything must outlive the call.
struct CheckContext {
    const Machine& machine;
    const Store& store;
    /// The store is this machine's, which also has the kernel, the units and the mounts that are meant.
    bool is_this_machine = true;
};

/// All findings, about one volume and what it needs or about every one. Unseals each master key once, in
/// userspace, and opens each key file with it; loads and writes nothing. A single thing that cannot be looked
/// at is a finding; throws Error only when there is no such volume or no manifest that can be read.
[[nodiscard]] std::vector<Finding> check(const CheckContext& context, const std::optional<std::string>& name);

} // namespace sealmount
