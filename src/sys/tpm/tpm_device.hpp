// The TPM as a device of this machine: is there one, when does it come, who has it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace sealmount {

inline constexpr const char* raw_tpm_node = "/dev/tpm0";
inline constexpr const char* managed_tpm_node = "/dev/tpmrm0";

/// Does the firmware say that there is a TPM 2.0? By the ACPI table TPM2 (TCG ACPI Specification, 7) or a
/// node "tpm@..." of the device tree.
[[nodiscard]] bool firmware_announces_tpm();

/// The first TPM is one of the family 1.2, which has no policies (/sys/class/tpm/tpm0/tpm_version_major).
[[nodiscard]] bool is_tpm_1_2();

/// The kernel's own TPM commands are encrypted: it then publishes the key that it does that with
/// (/sys/class/tpm/tpm0/null_name, Documentation/security/tpm/tpm-security.rst).
[[nodiscard]] bool kernel_encrypts_tpm_traffic();

/// Waits for both nodes to appear; false when one is missing after `limit`. Watches the directory and does
/// not poll.
[[nodiscard]] bool wait_for_tpm_nodes(std::chrono::milliseconds limit);

/// The processes that have `node` open, as "NAME (pid N)". Without CAP_SYS_PTRACE only those of the same user
/// are seen (proc(5), /proc/pid/fd).
[[nodiscard]] std::vector<std::string> holders_of(const std::string& node);

} // namespace sealmount
