// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/tpm_device.hpp"

#include "base/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

bool exists(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

/// A node of the device tree that is called "tpm" or "tpm@ADDRESS" (devicetree bindings,
/// tpm/tcg,tpm_tis-mmio).
bool device_tree_has_tpm() {
    std::error_code error;
    constexpr auto options = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator node{"/sys/firmware/devicetree/base", options, error}, end;
         !error && node != end; node.increment(error)) {
        const auto name = node->path().filename().string();
        if ((name == "tpm" || name.starts_with("tpm@")) && node->is_directory(error)) {
            return true;
        }
    }
    return false;
}

bool nodes_are_there() {
    return exists(raw_tpm_node) && exists(managed_tpm_node);
}

std::string first_line(const fs::path& file) {
    std::ifstream stream{file};
    std::string line;
    std::getline(stream, line);
    return line;
}

/// Does this process have the file open?
bool has_open(const fs::path& process, const std::string& file) {
    std::error_code error;
    for (fs::directory_iterator fd{process / "fd", error}, end; !error && fd != end; fd.increment(error)) {
        std::error_code gone;
        if (fs::read_symlink(fd->path(), gone) == file) {
            return true;
        }
    }
    return false;
}

} // namespace

bool firmware_announces_tpm() {
    return exists("/sys/firmware/acpi/tables/TPM2") || device_tree_has_tpm();
}

bool is_tpm_1_2() {
    return first_line("/sys/class/tpm/tpm0/tpm_version_major") == "1";
}

bool kernel_encrypts_tpm_traffic() {
    return exists("/sys/class/tpm/tpm0/null_name");
}

bool wait_for_tpm_nodes(const std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    const UniqueFd watch{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    // Watching begins before the first look, so that a node that comes in between is not missed.
    if (!watch || ::inotify_add_watch(watch.get(), "/dev", IN_CREATE | IN_MOVED_TO | IN_ATTRIB) < 0) {
        return nodes_are_there();
    }
    while (!nodes_are_there()) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        ::pollfd ready = {.fd = watch.get(), .events = POLLIN, .revents = 0};
        if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) == 0) {
            return nodes_are_there();
        }
        std::array<char, 4096> events;
        while (::read(watch.get(), events.data(), events.size()) > 0) {
        }
    }
    return true;
}

std::vector<std::string> holders_of(const std::string& node) {
    std::vector<std::string> holders;
    std::error_code error;
    for (fs::directory_iterator entry{"/proc", error}, end; !error && entry != end; entry.increment(error)) {
        const auto pid = entry->path().filename().string();
        const bool is_process = std::ranges::all_of(pid, [](const char c) { return c >= '0' && c <= '9'; });
        if (is_process && pid != std::to_string(::getpid()) && has_open(entry->path(), node)) {
            holders.push_back(first_line(entry->path() / "comm") + " (pid " + pid + ")");
        }
    }
    return holders;
}

} // namespace sealmount
