// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sys/files.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

// A tree of empty directories must not keep us for ever.
constexpr std::size_t most_directories = 4096;

/// Opens a directory below `top` without following a symbolic link in its last part.
UniqueFd open_directory(const int top, const fs::path& name) {
    return UniqueFd{::openat(top, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
}

/// The names in a directory, sorted; nothing of what cannot be read.
std::vector<std::string> names_in(UniqueFd directory) {
    std::vector<std::string> names;
    ::DIR* const stream = ::fdopendir(directory.get());
    if (stream == nullptr) {
        return names;
    }
    static_cast<void>(directory.release()); // now the stream's
    const std::unique_ptr<::DIR, int (*)(::DIR*)> owner{stream, [](::DIR* open) { return ::closedir(open); }};
    while (const ::dirent* const entry = ::readdir(stream)) {
        const std::string name{entry->d_name};
        if (name != "." && name != "..") {
            names.push_back(name);
        }
    }
    std::ranges::sort(names);
    return names;
}

std::optional<std::vector<std::byte>> read_head(const int directory, const std::string& name,
                                                const std::size_t size) {
    const UniqueFd fd{
        ::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (!fd) {
        return std::nullopt;
    }
    std::vector<std::byte> head(size);
    std::size_t have = 0;
    while (have < size) {
        const ssize_t got = ::read(fd.get(), head.data() + have, size - have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return std::nullopt;
        }
        if (got == 0) {
            break;
        }
        have += static_cast<std::size_t>(got);
    }
    head.resize(have);
    return head;
}

} // namespace

std::vector<FileSample> sample_tree(const fs::path& top, const std::size_t limit,
                                    const std::size_t head_size) {
    const UniqueFd root{::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    struct ::stat root_status = {};
    if (!root || ::fstat(root.get(), &root_status) != 0) {
        throw_errno(errno, top.string());
    }
    std::vector<FileSample> samples;
    std::deque<fs::path> waiting{fs::path{"."}};
    for (std::size_t entered = 0; !waiting.empty() && entered < most_directories; ++entered) {
        const auto current = waiting.front();
        waiting.pop_front();
        const auto directory = open_directory(root.get(), current);
        if (!directory) {
            continue;
        }
        for (const auto& name : names_in(UniqueFd{::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0)})) {
            if (samples.size() >= limit) {
                return samples;
            }
            struct ::stat status = {};
            if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
                status.st_dev != root_status.st_dev) {
                continue;
            }
            const auto relative = (current / name).lexically_normal();
            if (S_ISDIR(status.st_mode)) {
                waiting.push_back(relative);
            } else if (S_ISREG(status.st_mode)) {
                if (auto head = read_head(directory.get(), name, head_size)) {
                    samples.push_back({.name = relative, .head = std::move(*head)});
                }
            }
        }
    }
    return samples;
}

} // namespace sealmount
