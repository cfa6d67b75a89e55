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
    Sampler(const fs::path& top, const SampleRequest& request, const SampleVisitor& visit)
        : request_(request), visit_(visit), root_(::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
        struct ::stat status = {};
        if (!root_ || ::fstat(root_.get(), &status) != 0) {
            throw_errno(errno, top.string());
        }
        device_ = status.st_dev;
    }

    /// Is there no more in the tree?
    bool run() {
        walk();
        read_in_turn();
        return is_complete_;
    }

  private:
    /// The files of a directory that have not been read yet.
    struct Files {
        std::string directory;
        std::vector<std::string> names;
        std::size_t next = 0;
    };

    void walk() {
        enter("");
        std::size_t entered = 1;
        for (; !waiting_.empty() && entered < most_directories; ++entered) {
            FileSample directory;
            directory.name = waiting_.front();
            directory.kind = EntryKind::directory;
            directory.is_readable = enter(waiting_.front());
            waiting_.pop_front();
            visit_(std::move(directory));
        }
        is_complete_ &= waiting_.empty();
        for (const std::string& name : waiting_) {
            FileSample directory;
            directory.name = name;
            directory.kind = EntryKind::directory;
            visit_(std::move(directory));
        }
    }

    /// False when it cannot be read.
    bool enter(const std::string& current) {
        const std::string path = current.empty() ? "." : current;
        struct ::stat status = {};
        if (::fstatat(root_.get(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            status.st_dev != device_) {
            return true;
        }
        const UniqueFd directory{
            ::openat(root_.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
        if (!directory) {
            return false;
        }
        const int fd = directory.get();
        Files files{.directory = current.empty() ? "" : current + "/", .names = {}};
        for (const Name& name : names_in(UniqueFd{::fcntl(fd, F_DUPFD_CLOEXEC, 0)}, is_complete_)) {
            const EntryKind kind = kind_of(fd, name);
            if (kind != EntryKind::file) {
                add(files.directory + name.text, kind);
            } else if (files.names.size() < request_.files) {
                files.names.push_back(name.text);
            } else {
                is_complete_ = false;
            }
        }
        if (!files.names.empty()) {
            kept_ += files.names.size();
            unread_.push_back(std::move(files));
            drop_names();
        }
        return true;
    }

    void add(std::string name, const EntryKind kind) {
        if (entries_ >= most_names) {
            is_complete_ = false;
            return;
        }
        ++entries_;
        if (kind == EntryKind::directory) {
            waiting_.push_back(std::move(name));
            return;
        }
        FileSample entry;
        entry.name = std::move(name);
        entry.kind = kind;
        visit_(std::move(entry));
    }

    /// A tree of millions of files must not be kept in memory for the few that are read. Files are read in
    /// turn, so with each directory that has some, fewer of each are needed: as many as make one more than is
    /// asked for, together.
    void drop_names() {
        if (kept_ / 2 <= request_.files + unread_.size()) {
            return;
        }
        const auto would_keep = [&](const std::size_t most) {
            std::size_t count = 0;
            for (const Files& files : unread_) {
                count += std::min(files.names.size(), most);
            }
            return count;
        };
        std::size_t enough = 1;
        while (would_keep(enough) <= request_.files) {
            enough *= 2;
        }
        for (std::size_t step = enough / 2; step > 0; step /= 2) {
            enough -= enough > step && would_keep(enough - step) > request_.files ? step : 0;
        }
        for (Files& files : unread_) {
            if (files.names.size() > enough) {
                files.names.resize(enough);
                files.names.shrink_to_fit();
            }
        }
        kept_ = would_keep(enough);
        is_complete_ = false;
    }

    void read_in_turn() {
        std::size_t count = 0;
        while (!unread_.empty()) {
            for (Files& files : unread_) {
                if (count >= request_.files) {
                    is_complete_ = false;
                    return;
                }
                read(files.directory + files.names[files.next++]);
                ++count;
            }
            std::erase_if(unread_, [](const Files& files) { return files.next == files.names.size(); });
        }
    }

    void read(const std::string& name) {
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
        visit_(std::move(sample));
    }

    SampleRequest request_;
    const SampleVisitor& visit_;
    UniqueFd root_;
    ::dev_t device_ = 0;
    bool is_complete_ = true;
    std::size_t entries_ = 0;         ///< other than files
    std::deque<std::string> waiting_; ///< directories to enter
    std::vector<Files> unread_;
    std::size_t kept_ = 0; ///< names in unread_, before any was read
};

} // namespace

bool visit_sample(const fs::path& top, const SampleRequest& request, const SampleVisitor& visit) {
    return Sampler{top, request, visit}.run();
}

TreeSample sample_tree(const fs::path& top, const SampleRequest& request) {
    TreeSample sample;
    sample.is_complete =
        visit_sample(top, request, [&](FileSample&& entry) { sample.entries.push_back(std::move(entry)); });
    return sample;
}

} // namespace sealmount
