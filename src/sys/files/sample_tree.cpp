// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/sample_tree.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <sys/xattr.h>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

// Neither a tree of empty directories nor a directory of millions of files may keep us forever.
constexpr std::size_t most_directories = 4096;
constexpr std::size_t most_names = 65536;

struct Name {
    std::string text;
    unsigned char type; ///< DT_*, as readdir(3) has it
};

/// The names in a directory, sorted.
std::vector<Name> names_in(UniqueFd directory, bool& is_complete) {
    std::vector<Name> names;
    ::DIR* const stream = ::fdopendir(directory.get());
    if (stream == nullptr) {
        return names;
    }
    static_cast<void>(directory.release()); // now the stream's
    const std::unique_ptr<::DIR, int (*)(::DIR*)> owner{stream, [](::DIR* open) { return ::closedir(open); }};
    while (const ::dirent* const entry = ::readdir(stream)) {
        const std::string_view name{entry->d_name};
        if (name == "." || name == "..") {
            continue;
        }
        if (names.size() >= most_names) {
            is_complete = false;
            break;
        }
        names.push_back({std::string{name}, entry->d_type});
    }
    std::ranges::sort(names, {}, &Name::text);
    return names;
}

/// Some file systems do not give it with the name.
EntryKind kind_of(const int directory, const Name& name) {
    unsigned type = name.type;
    if (type == DT_UNKNOWN) {
        struct ::stat status = {};
        if (::fstatat(directory, name.text.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
            type = IFTODT(status.st_mode);
        }
    }
    return type == DT_REG ? EntryKind::file : type == DT_DIR ? EntryKind::directory : EntryKind::other;
}

std::optional<std::vector<std::byte>> read_head(const int fd, const std::size_t size) {
    std::vector<std::byte> head(size);
    std::size_t have = 0;
    while (have < size) {
        const ssize_t got = ::read(fd, head.data() + have, size - have);
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

std::vector<std::byte> read_attribute(const int fd, const char* const name, const std::size_t size) {
    std::vector<std::byte> value(size);
    const ssize_t got = name == nullptr ? -1 : ::fgetxattr(fd, name, value.data(), value.size());
    value.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return value;
}

class Sampler {
  public:
    Sampler(const fs::path& top, const SampleRequest& request)
        : request_(request), root_(::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
        struct ::stat status = {};
        if (!root_ || ::fstat(root_.get(), &status) != 0) {
            throw_errno(errno, top.string());
        }
        device_ = status.st_dev;
    }

    TreeSample run() {
        walk();
        read_in_turn();
        return std::move(sample_);
    }

  private:
    /// The files of a directory that have not been read yet, the last one first.
    using Files = std::vector<fs::path>;

    void walk() {
        enter(".");
        std::size_t entered = 1;
        for (; !waiting_.empty() && entered < most_directories; ++entered) {
            const std::size_t next = waiting_.front();
            waiting_.pop_front();
            const fs::path name = sample_.entries[next].name; // the list grows meanwhile
            sample_.entries[next].is_readable = enter(name);
        }
        sample_.is_complete &= waiting_.empty();
    }

    /// False when it cannot be read.
    bool enter(const fs::path& current) {
        struct ::stat status = {};
        if (::fstatat(root_.get(), current.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            status.st_dev != device_) {
            return true;
        }
        const UniqueFd directory{
            ::openat(root_.get(), current.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
        if (!directory) {
            return false;
        }
        const int fd = directory.get();
        Files files;
        for (const Name& name : names_in(UniqueFd{::fcntl(fd, F_DUPFD_CLOEXEC, 0)}, sample_.is_complete)) {
            const fs::path relative = (current / name.text).lexically_normal();
            const EntryKind kind = kind_of(fd, name);
            if (kind == EntryKind::file) {
                files.push_back(relative);
            } else {
                add(relative, kind);
            }
        }
        std::ranges::reverse(files);
        if (!files.empty()) {
            unread_.push_back(std::move(files));
        }
        return true;
    }

    void add(const fs::path& name, const EntryKind kind) {
        if (sample_.entries.size() >= most_names) {
            sample_.is_complete = false;
            return;
        }
        FileSample entry;
        entry.name = name;
        entry.kind = kind;
        if (kind == EntryKind::directory) {
            waiting_.push_back(sample_.entries.size());
        }
        sample_.entries.push_back(std::move(entry));
    }

    void read_in_turn() {
        std::size_t count = 0;
        while (!unread_.empty()) {
            for (Files& files : unread_) {
                if (count >= request_.files) {
                    sample_.is_complete = false;
                    return;
                }
                read(files.back());
                files.pop_back();
                ++count;
            }
            std::erase_if(unread_, [](const Files& files) { return files.empty(); });
        }
    }

    void read(const fs::path& name) {
        FileSample sample;
        sample.name = name;
        const UniqueFd fd{
            ::openat(root_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
        if (!fd && errno == ENOENT) {
            return; // gone by now
        }
        struct ::stat status = {};
        auto head = fd && ::fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode)
                        ? read_head(fd.get(), request_.head_size)
                        : std::nullopt;
        sample.is_readable = head.has_value();
        if (head) {
            sample.is_empty = status.st_size == 0;
            sample.head = std::move(*head);
            sample.attribute = read_attribute(fd.get(), request_.attribute, request_.head_size);
        }
        sample_.entries.push_back(std::move(sample));
    }

    SampleRequest request_;
    UniqueFd root_;
    ::dev_t device_ = 0;
    TreeSample sample_;
    std::deque<std::size_t> waiting_; ///< places in sample_.entries
    std::vector<Files> unread_;
};

} // namespace

TreeSample sample_tree(const fs::path& top, const SampleRequest& request) {
    return Sampler{top, request}.run();
}

} // namespace sealmount
