// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/raw/raw_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>

namespace sealmount {

namespace {

constexpr std::size_t longest_raw_file = 8U << 20U;
constexpr mode_t raw_file_mode = 0600;

bool is_trusted(const struct ::stat& status) noexcept {
    return S_ISREG(status.st_mode) && (status.st_uid == 0 || status.st_uid == ::geteuid()) &&
           (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

UniqueFd open_for_reading(const std::string& file) noexcept {
    // O_NONBLOCK: a pipe in its place must not hold the boot up.
    return UniqueFd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
}

/// Nothing when it is not a file that decides about keys.
std::optional<std::string> read_open_file(const int fd) {
    struct ::stat status = {};
    if (::fstat(fd, &status) != 0 || !is_trusted(status) || status.st_size < 0 ||
        static_cast<std::size_t>(status.st_size) > longest_raw_file) {
        return std::nullopt;
    }
    std::string contents(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t size = 0;
    while (size < contents.size()) {
        const ssize_t got = ::read(fd, contents.data() + size, contents.size() - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) { // shorter than it was a moment ago: whoever writes there now does not do it as we do
            return std::nullopt;
        }
        size += static_cast<std::size_t>(got);
    }
    return contents;
}

bool write_whole(const int fd, std::string_view contents) noexcept {
    while (!contents.empty()) {
        const ssize_t written = ::write(fd, contents.data(), contents.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        contents.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

} // namespace

std::optional<std::string> read_raw_file(const std::string& file) {
    const UniqueFd fd = open_for_reading(file);
    return fd ? read_open_file(fd.get()) : std::nullopt;
}

std::optional<std::string> read_raw_file_if_exists(const std::string& file) {
    const UniqueFd fd = open_for_reading(file);
    if (!fd && errno == ENOENT) {
        return std::string{};
    }
    return fd ? read_open_file(fd.get()) : std::nullopt;
}

bool may_exist(const std::string& file) noexcept {
    return ::access(file.c_str(), F_OK) == 0 || errno != ENOENT;
}

bool replace_raw_file(const std::string& directory, const std::string_view name,
                      const std::string_view contents) {
    const std::string file = directory + "/" + std::string{name};
    // The form of the temporary names of sys/files/files.cpp.
    const std::string temporary = directory + "/." + std::string{name} + ".sealmount-000000";
    {
        const UniqueFd fd{::open(temporary.c_str(),
                                 O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
                                 raw_file_mode)};
        if (!fd) {
            return false;
        }
        if (!write_whole(fd.get(), contents)) {
            ::unlink(temporary.c_str());
            return false;
        }
    }
    if (::rename(temporary.c_str(), file.c_str()) != 0) {
        ::unlink(temporary.c_str());
        return false;
    }
    return true;
}

bool remove_raw_file(const std::string& file) noexcept {
    return ::unlink(file.c_str()) == 0 || errno == ENOENT;
}

std::optional<std::vector<std::string>> names_ending_in(const std::string& directory,
                                                        const std::string_view ending) {
    ::DIR* const stream = ::opendir(directory.c_str());
    if (stream == nullptr) {
        return std::nullopt;
    }
    std::vector<std::string> names;
    errno = 0;
    while (const ::dirent* const entry = ::readdir(stream)) {
        const std::string_view name{entry->d_name};
        if (name.size() > ending.size() && name.ends_with(ending)) {
            names.emplace_back(name.substr(0, name.size() - ending.size()));
        }
        errno = 0;
    }
    const bool complete = errno == 0;
    ::closedir(stream);
    return complete ? std::optional{std::move(names)} : std::nullopt;
}

RawLock::RawLock(const std::string& file) noexcept
    : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, raw_file_mode)),
      held_(fd_ && ::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) {
}

bool RawLock::wait() noexcept {
    while (fd_ && !held_) {
        if (::flock(fd_.get(), LOCK_EX) == 0) {
            held_ = true;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return held_;
}

RawSignalsHeld::RawSignalsHeld() noexcept {
    ::sigset_t signals = {};
    ::sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        ::sigaddset(&signals, signal);
    }
    ::sigprocmask(SIG_BLOCK, &signals, &before_);
}

RawSignalsHeld::~RawSignalsHeld() {
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

} // namespace sealmount
