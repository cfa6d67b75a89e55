// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/standard_descriptors.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sysexits.h>
#include <unistd.h>

namespace sealmount {

void open_standard_descriptors() noexcept {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        // Lower ones are open: the lowest that is free is this one (open(2)).
        if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR | O_NOCTTY) != fd) {
            ::_exit(EX_OSERR);
        }
    }
}

bool is_output_lost() noexcept {
    constexpr unsigned memory_devices = 1; // Documentation/admin-guide/devices.txt
    constexpr unsigned null_device = 3;
    struct ::stat status = {};
    return ::fstat(STDOUT_FILENO, &status) != 0 ||
           (S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(memory_devices, null_device));
}

} // namespace sealmount
