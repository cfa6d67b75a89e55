// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/process.hpp"

#include "base/error.hpp"

#include <cerrno>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace sealmount {

namespace {

::sigset_t terminations() noexcept {
    ::sigset_t signals = {};
    ::sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        ::sigaddset(&signals, signal);
    }
    return signals;
}

} // namespace

void harden_process() {
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        throw_errno(errno, "cannot make the process non-dumpable");
    }
    constexpr ::rlimit no_core = {.rlim_cur = 0, .rlim_max = 0};
    if (::setrlimit(RLIMIT_CORE, &no_core) != 0) {
        throw_errno(errno, "cannot switch core dumps off");
    }
    // tpm2-tss keeps what it sent and received in buffers of its own; freed memory is overwritten from here
    // on.
    ::mallopt(M_PERTURB, 0xa5);
    ::umask(077);
}

SignalsHeld::SignalsHeld() noexcept {
    const auto signals = terminations();
    ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
}

SignalsHeld::~SignalsHeld() {
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool termination_is_pending() noexcept {
    ::sigset_t pending = {};
    ::sigpending(&pending);
    return ::sigismember(&pending, SIGTERM) == 1 || ::sigismember(&pending, SIGINT) == 1 ||
           ::sigismember(&pending, SIGHUP) == 1;
}

} // namespace sealmount
