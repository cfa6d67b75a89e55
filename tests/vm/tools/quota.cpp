// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
// Sets a user's quota on a file system that keeps some, as setquota(8) of another package does:
// quota MOUNTPOINT UID KIBIBYTES.
#include <linux/quota.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

/// quotactl(2) requires the device, which for a loop device or a disk has its name in sysfs.
std::string device_of(const char* const mountpoint) {
    struct ::stat status = {};
    if (::stat(mountpoint, &status) != 0) {
        return {};
    }
    const unsigned major = (status.st_dev >> 8U) & 0xfffU;
    const unsigned minor = (status.st_dev & 0xffU) | ((status.st_dev >> 12U) & 0xfff00U);
    char link[PATH_MAX] = {};
    const std::string place = "/sys/dev/block/" + std::to_string(major) + ":" + std::to_string(minor);
    if (::readlink(place.c_str(), link, sizeof link - 1) <= 0) {
        return {};
    }
    return std::string{"/dev"} + std::strrchr(link, '/');
}

} // namespace

int main(const int argc, char** const argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: quota MOUNTPOINT UID KIBIBYTES\n");
        return 64;
    }
    const std::string device = device_of(argv[1]);
    ::if_dqblk limits = {};
    limits.dqb_bhardlimit = std::strtoull(argv[3], nullptr, 10);
    limits.dqb_bsoftlimit = limits.dqb_bhardlimit;
    limits.dqb_valid = QIF_BLIMITS;
    if (::syscall(SYS_quotactl, QCMD(Q_SETQUOTA, USRQUOTA), device.c_str(), std::atoi(argv[2]), &limits) !=
        0) {
        std::perror(device.c_str());
        return 1;
    }
    return 0;
}
