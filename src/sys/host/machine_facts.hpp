// What only this machine itself can say, and no file of ours: its kernel, its mounts and its service manager.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/files/holding_mount.hpp"
#include "sys/host/kernel_features.hpp"
#include "sys/host/root_protection.hpp"
#include "sys/host/service_manager.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// The questions of a check, and who answers them: the real ones, unless a test has answers of its own.
/// Nothing is asked before somebody calls one. They throw as the functions do that stand here.
struct MachineFacts {
    std::function<Presence()> ecryptfs = [] { return ecryptfs_presence(); };
    std::function<Presence(std::string_view type, std::string_view name)> crypto = crypto_presence;
    std::function<ModuleState()> modules = [] { return module_state(); };
    std::function<std::string()> kernel = kernel_release;
    std::function<ServiceManagerReport(const std::vector<std::string>& units)> service_manager =
        ask_service_manager;
    std::function<bool(const std::vector<UnitCondition>& conditions)> conditions = conditions_hold;
    std::function<std::string()> mounts = text_of_mountinfo; ///< the text of /proc/self/mountinfo
    std::function<DiskProtection()> root_protection = [] {
        return sealmount::root_protection(text_of_mountinfo());
    };
    std::function<std::optional<bool>()> secure_boot = [] { return secure_boot_is_on(); };
    std::function<bool()> tpm_bus_encryption = [] { return kernel_encrypts_tpm_bus(); };
};

} // namespace sealmount
