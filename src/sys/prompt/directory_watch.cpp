// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/prompt/directory_watch.hpp"

#include <array>
#include <sys/inotify.h>
#include <unistd.h>

namespace sealmount {

DirectoryWatch::DirectoryWatch(const std::filesystem::path& directory)
    : fd_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    if (fd_ &&
        ::inotify_add_watch(fd_.get(), directory.c_str(), IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE) < 0) {
        fd_.reset();
    }
}

void DirectoryWatch::drain() const noexcept {
    alignas(::inotify_event) std::array<char, 4096> events;
    while (fd_ && ::read(fd_.get(), events.data(), events.size()) > 0) {
    }
}

} // namespace sealmount
