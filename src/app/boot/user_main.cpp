// sealmount-unlock-user: what sealmount-unlock becomes where the kernel has no trusted keys. With the TPM's
// session that encrypts the master key on its way, and with the cryptography that this takes.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/boot/boot_command.hpp"
#include "base/error.hpp"
#include "base/standard_descriptors.hpp"
#include "core/unlock/plain_user_kernel.hpp"
#include "sys/host/process.hpp"

#include <sysexits.h>

#include <cstdio>

int main(const int argc, char** const argv) {
    sealmount::open_standard_descriptors();
    try {
        sealmount::harden_process();
    } catch (const sealmount::Error& error) {
        std::fprintf(stderr, "sealmount-unlock: %s\n", error.what());
        return EX_OSERR;
    }
    sealmount::PlainUserKernel kernel;
    return sealmount::boot_command(
        argc, argv, kernel, {.other_form = nullptr, .full = SEALMOUNT_LIBEXECDIR "/sealmount-unlock-full"});
}
