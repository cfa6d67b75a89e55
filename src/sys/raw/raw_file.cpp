// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/raw/raw_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <utility>

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

std::optional<std::string> read_raw_stream(const std::string& file) {
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
    std::string contents;
    char buffer[16384];
    while (fd) {
        const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return std::nullopt;
        }
        if (got == 0) {
            return contents;
        }
        contents.append(buffer, static_cast<std::size_t>(got));
    }
    return std::nullopt;
}

std::optional<std::string> read_raw_link(const std::string& link) {
    char target[4096];
    const ssize_t size = ::readlink(link.c_str(), target, sizeof target);
    if (size < 0) {
        return std::nullopt;
    }
    return std::string{target, static_cast<std::size_t>(size)};
}

bool write_raw_link(const std::string& directory, const std::string_view name, const std::string& target) {
    const std::string link = directory + "/" + std::string{name};
    if (::symlink(target.c_str(), link.c_str()) == 0) {
        return true;
    }
    if (errno != EEXIST) {
        return false;
    }
    const std::string next = directory + "/.next-" + std::string{name};
    ::unlink(next.c_str());
    return ::symlink(target.c_str(), next.c_str()) == 0 && rename_raw_file(next, link);
}

bool rename_raw_file(const std::string& from, const std::string& to) noexcept {
    return ::rename(from.c_str(), to.c_str()) == 0;
}

bool make_raw_directory(const std::string& directory) noexcept {
    return ::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST;
}

bool remove_raw_file(const std::string& file) noexcept {
    return ::unlink(file.c_str()) == 0 || errno == ENOENT;
}

std::optional<std::vector<std::string>> names_in_raw_directory(const std::string& directory) {
    std::vector<std::string> names;
    ::DIR* const stream = ::opendir(directory.c_str());
    if (stream == nullptr) {
        return errno == ENOENT ? std::optional{std::move(names)} : std::nullopt;
    }
    errno = 0;
    while (const ::dirent* const entry = ::readdir(stream)) {
        const std::string_view name{entry->d_name};
        if (name != "." && name != "..") {
            names.emplace_back(name);
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
