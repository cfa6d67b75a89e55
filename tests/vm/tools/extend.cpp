// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
//
// extend PCR TIMES: extends a PCR so often through the resource manager, as fast as the TPM can
// (TPM2_PCR_Extend, TPM 2.0 Part 3, 22.2).
#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

int main(const int argc, char** const argv) {
    if (argc != 3) {
        return 64;
    }
    std::array<unsigned char, 65> command = {
        0x80, 0x02, 0, 0, 0,    65,  0, 0, 0x01, 0x82, 0, 0, 0, 0,
        0,    0,    0, 9, 0x40, 0,   0, 9, 0,    0,    0, 0, 0, // password session
        0,    0,    0, 1, 0,    0x0b};                          // one SHA-256 digest
    command[13] = static_cast<unsigned char>(std::atoi(argv[1]));
    const int device = ::open("/dev/tpmrm0", O_RDWR | O_CLOEXEC);
    std::array<unsigned char, 4096> answer = {};
    for (int left = std::atoi(argv[2]); left > 0; --left) {
        if (::write(device, command.data(), command.size()) != static_cast<ssize_t>(command.size()) ||
            ::read(device, answer.data(), answer.size()) < 10 || answer[8] != 0 || answer[9] != 0) {
            return 69;
        }
        ++command[33]; // another digest each time
    }
    return 0;
}
