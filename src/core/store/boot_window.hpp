// How close this machine's boots come to the boot window of a slot: the moment of an unseal is noted, so that
// it can be computed later how long the TPM had been on by then.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/paths.hpp"
#include "sys/tpm/tpm.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace sealmount {

/// Notes this moment as that of the boot's first unseal of the master key; a later one changes nothing.
void note_unseal(const Paths& paths, std::string_view master);

/// How long the TPM had been on at that moment, when it shows `now` now. Nothing when there was none in this
/// boot. Wrong after a suspend, by which a boot window is over anyway.
[[nodiscard]] std::optional<std::chrono::milliseconds>
time_of_unseal(const Paths& paths, std::string_view master, const TpmClock& now);

} // namespace sealmount
