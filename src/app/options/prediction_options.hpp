// The options that describe the next boot, for every verb that predicts it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/arguments/arguments.hpp"
#include "core/prediction/prediction.hpp"
#include "core/volume/paths.hpp"
#include "sys/tpm/tpm.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// What the command line says about the next boot.
struct PredictionOptions {
    /// "OLD=NEW", two files each; the verb declares the option --replace itself, because it may have another
    /// meaning there as well.
    std::vector<std::string> replacements;
    std::vector<std::string> digests;   ///< "PCR:OLDHEX=NEWHEX"
    std::vector<std::string> variables; ///< "NAME=FILE"
    std::vector<std::string> authorities;
    std::optional<std::string> command_line;
    std::optional<std::string> old_command_line;
    std::optional<std::string> phases; ///< "enter-initrd:leave-initrd"
    bool next_boot = false;            ///< find out what changes
    std::string log;                   ///< "" for this boot's
    std::string systemd_log;
};

/// Declares all options but --replace.
void add_prediction_options(Arguments& verb, PredictionOptions& options);

/// Does any of them say that the next boot will differ from this one?
[[nodiscard]] bool asked_for(const PredictionOptions& options);

/// The next boot in one of the states that it may find.
struct PredictedBoot {
    /// Of GRUB's variables in grubenv, a clause: "as it is now"; "" where GRUB has none.
    std::string origin{};
    Prediction values{}; ///< of the selected PCRs
    /// The first eight bytes in hex of the digests of the firmware's events that are to come, in their order,
    /// for each of the selected PCRs.
    std::map<unsigned, std::vector<std::string>> marks{};
};

/// The values of the selected PCRs after the next boot: in the state of now, and behind GRUB also in each
/// state of grubenv that may follow from it; the first is the state of now. Reads the logs, the present
/// values, and the files that the options name. Throws Error for options that cannot be right: usage,
/// no_input for files and for changes that match no event, bad_data; and unavailable when there is no log, or
/// it or the TPM lacks the bank. What cannot be predicted is a reason in the result.
[[nodiscard]] std::vector<PredictedBoot> predicted(const PredictionOptions& options, const Paths& paths,
                                                   Tpm& tpm, PcrSelection selection);

/// The same without a TPM: the log is believed. For build hosts.
[[nodiscard]] std::vector<PredictedBoot> predicted_by_log(const PredictionOptions& options,
                                                          const Paths& paths, PcrSelection selection);

/// The PCRs that the logs have events of.
[[nodiscard]] PcrMask logged_pcrs(const PredictionOptions& options, const Paths& paths);

} // namespace sealmount
