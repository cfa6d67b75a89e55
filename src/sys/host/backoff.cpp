// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/backoff.hpp"

#include "base/error.hpp"
#include "sys/host/process.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace sealmount {

void back_off_between_tries(const unsigned failed_tries) {
    std::this_thread::sleep_for(
        std::min(std::chrono::milliseconds{20} * failed_tries, std::chrono::milliseconds{200}));
    if (termination_is_pending()) {
        throw Error{Reason::try_later, "stopped while the TPM was being tried"};
    }
}

} // namespace sealmount
