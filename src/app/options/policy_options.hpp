// The options that say which policy a master key is sealed to, for every verb that seals.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/arguments/arguments.hpp"
#include "core/policy/policy.hpp"
#include "core/volume/paths.hpp"
#include "sys/prompt/prompt.hpp"

#include <optional>
#include <string>

namespace sealmount {

/// The command line as it was written.
struct PolicyOptions {
    std::string kind; ///< "", "pcr", "signed", "pcrlock" or "none"
    std::string pcrs;
    std::string signed_pcrs = "11";
    std::string public_key = "/etc/systemd/tpm2-pcr-public-key.pem";
    std::string signatures = "/etc/systemd/tpm2-pcr-signature.json";
    std::string pcrlock = "/var/lib/systemd/pcrlock.json";
    unsigned boot_window = 0; ///< seconds
    bool pin = false;
    std::string pin_file;
    bool new_tpm = false; ///< not about the policy: what it is sealed under
};

/// Of --new-tpm.
extern const char* const new_tpm_help;

void add_policy_options(Arguments& verb, PolicyOptions& options);

/// Was any of them given?
[[nodiscard]] bool names_policy(const PolicyOptions& options);

/// The policy that they mean; literal PCRs may lack their values. Files are those of the system below
/// `paths`; the TPM is opened for pcrlock only. Throws Error{usage}, or with the file's name.
[[nodiscard]] Policy policy_from(const PolicyOptions& options, const Paths& paths, TpmOpener& opener);

/// A new PIN: from the file, or typed twice. Nothing unless the policy has one. Throws Error{usage}.
[[nodiscard]] std::optional<SecretBytes> new_pin(const PolicyOptions& options, Prompt& prompt);

/// The PIN of a master key that exists: from the file, or typed. Nothing when there is nobody to ask.
[[nodiscard]] std::optional<SecretBytes> present_pin(const std::string& pin_file, Prompt& prompt);

} // namespace sealmount
