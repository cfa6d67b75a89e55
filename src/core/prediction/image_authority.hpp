// Who verifies a boot image, and whether PCR 7 stays as it is when another image takes its place.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/prediction/pe_image.hpp"
#include "core/prediction/prediction.hpp"

#include <set>

namespace sealmount {

/// Does Secure Boot verify images? It does where an EV_EFI_VARIABLE_AUTHORITY says by whom; shim measures its
/// settings as such events in any case.
[[nodiscard]] bool is_verified(const EventLog& log);

/// The image of `started` is replaced by `image`. A certificate is measured once, before the first image that
/// it verifies (TCG PC Client Platform Firmware Profile 1.05, 3.3.4.8; shim, tpm.c, tpm_measure_variable()).
/// So PCR 7 stays only if the same certificate verifies the new image: that which was measured just before
/// this one, or where there was none, one that was measured before. For anything else it is unpredictable.
/// Authorities that a change has named are taken as they are.
void check_authority(Forecast& forecast, const LogEvent& started, const PeImage& image);

/// Somebody may name the certificate of db that will verify it; not what shim verifies with its own.
[[nodiscard]] Advice authority_advice(const EventLog& log, const LogEvent& started);

/// The certificate in the data of an EV_EFI_VARIABLE_AUTHORITY, with or without the owner before it (the
/// firmware and shim write one or the other); empty when it is something else: a hash, a generation.
[[nodiscard]] Bytes certificate_in(const LogEvent& event);

/// The mark of all certificates of an image, by which another one signed with the same is known.
[[nodiscard]] std::string signers_of(const PeImage& image);

} // namespace sealmount
