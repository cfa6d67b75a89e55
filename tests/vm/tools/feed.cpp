// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
// feed MASKED [FED HOLD]: writes what is in the file MASKED to standard output, unmasked byte by byte, so
// that this process never has more than one byte of it. Masking is its own inverse: `feed PLAIN >MASKED`.
// With FED and HOLD it makes the file FED once the reader has taken everything, and keeps the pipe open until
// there is a file HOLD.
#include <cstdio>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace {

constexpr unsigned char mask = 0xa5;

int fail(const char* const what) {
    std::perror(what);
    return 1;
}

void wait_a_moment() {
    ::usleep(50'000);
}

} // namespace

int main(const int argc, const char* const* const argv) {
    if (argc != 2 && argc != 4) {
        return 64;
    }
    const int in = ::open(argv[1], O_RDONLY);
    if (in < 0) {
        return fail(argv[1]);
    }
    volatile unsigned char byte = 0;
    while (::read(in, const_cast<unsigned char*>(&byte), 1) == 1) {
        byte = byte ^ mask;
        if (::write(STDOUT_FILENO, const_cast<unsigned char*>(&byte), 1) != 1) {
            return fail("write");
        }
    }
    byte = 0;
    if (argc == 4) {
        for (int waiting = 1; waiting > 0; wait_a_moment()) {
            if (::ioctl(STDOUT_FILENO, FIONREAD, &waiting) != 0) {
                return fail("FIONREAD");
            }
        }
        ::close(::open(argv[2], O_WRONLY | O_CREAT, 0600));
        while (::access(argv[3], F_OK) != 0) {
            wait_a_moment();
        }
    }
}
