// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
// exchange A B: exchanges two directory entries again and again (renameat2(2), RENAME_EXCHANGE), until it is
// killed. What it could not exchange it says once.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(const int argc, const char* const* const argv) {
    bool is_said = false;
    while (argc == 3) {
        if (::syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) != 0 &&
            !is_said) {
            is_said = true;
            std::printf("%s\n", std::strerror(errno));
            std::fflush(stdout);
        }
    }
    return 64;
}
