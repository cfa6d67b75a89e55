// sealmount-unlock: what the units start. Where the kernel has trusted keys it needs no library.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/boot/boot_command.hpp"
#include "base/standard_descriptors.hpp"
#include "sys/raw/trusted_kernel.hpp"

int main(const int argc, char** const argv) {
    sealmount::open_standard_descriptors();
    sealmount::TrustedKernel kernel;
    return sealmount::boot_command(argc, argv, kernel,
                                   {.other_form = SEALMOUNT_LIBEXECDIR "/sealmount-unlock-user",
                                    .full = SEALMOUNT_LIBEXECDIR "/sealmount-unlock-full"});
}
