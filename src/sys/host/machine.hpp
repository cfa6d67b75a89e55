// The outside world of every story: what a program of ours reaches besides files.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/host/backoff.hpp"
#include "sys/keyring/keyring.hpp"
#include "sys/prompt/prompt.hpp"
#include "sys/tpm/tpm.hpp"

#include <functional>

namespace sealmount {

/// Called between two tries, with the number of the try that failed (from 1); pauses in the real world.
using Backoff = std::function<void(unsigned)>;

/// Made once by each program from the real forms, by tests from the fakes. Only refers: what it refers to
/// must outlive it. Nothing is opened or asked before a story does so.
struct Machine {
    TpmOpener& tpm;
    Keyring& keyring;
    Prompt& prompt;
    Backoff backoff = back_off_between_tries;
};

} // namespace sealmount
