// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sys/host/kernel_features.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <sys/utsname.h>

namespace sealmount {

namespace {

/// proc(5), /proc/filesystems: "nodev" or nothing, a tab, the name.
bool is_registered() {
    std::ifstream list{"/proc/filesystems"};
    for (std::string line; std::getline(list, line);) {
        if (line.ends_with("\tecryptfs")) {
            return true;
        }
    }
    return false;
}

/// depmod(8) lists modules by their path, one on each line.
bool is_listed(const std::filesystem::path& file) {
    std::ifstream list{file};
    for (std::string line; std::getline(list, line);) {
        if (line.find("/ecryptfs.ko") != std::string::npos) {
            return true;
        }
    }
    return false;
}

} // namespace

bool kernel_has_ecryptfs() {
    if (is_registered()) {
        return true;
    }
    const std::filesystem::path modules = std::filesystem::path{"/lib/modules"} / kernel_release();
    return is_listed(modules / "modules.dep") || is_listed(modules / "modules.builtin");
}

std::string kernel_release() {
    ::utsname names = {};
    ::uname(&names);
    return names.release;
}

} // namespace sealmount
