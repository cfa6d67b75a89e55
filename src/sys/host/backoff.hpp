// The pause between two tries at the TPM.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

namespace sealmount {

/// Sleeps 20 ms after the first failed try and a little longer after each further one, 200 ms at most, so
/// that the tries of core/master/master_unlock.hpp end after about ten seconds. Throws Error{try_later} when
/// the process was asked to terminate meanwhile.
void back_off_between_tries(unsigned failed_tries);

} // namespace sealmount
