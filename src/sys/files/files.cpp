// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/files.hpp"

#include "base/error.hpp"
#include "base/format.hpp"

#include <cerrno>
#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

/// Whatever keeps a file from being written, apart from permissions and broken disks, is a place that does
/// not work.
[[noreturn]] void throw_cannot_write(const int error, const fs::path& file) {
    if (error == EACCES || error == EPERM || error == EIO) {
        throw_errno(error, file.string());
    }
    throw Error{Reason::cannot_create, formatted("{}: cannot be written: {}", file.string(),
                                                 std::generic_category().message(error))};
}

fs::path directory_of(const fs::path& file) {
    return file.has_parent_path() ? file.parent_path() : fs::path{"."};
}

void write_all(const int fd, std::string_view contents, const fs::path& file) {
    while (!contents.empty()) {
        const ssize_t written = ::write(fd, contents.data(), contents.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            throw_cannot_write(errno, file);
        }
        contents.remove_prefix(static_cast<std::size_t>(written));
    }
}

UniqueFd open_lock(const fs::path& file) {
    UniqueFd fd{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600)};
    if (!fd) {
        throw_cannot_write(errno, file);
    }
    return fd;
}

constexpr std::string_view temporary_mark = ".sealmount-";
constexpr std::size_t random_end = 6; // mkostemp(3)

bool is_temporary_name(const std::string_view name) {
    return name.starts_with('.') && name.size() > random_end + temporary_mark.size() &&
           name.substr(0, name.size() - random_end).ends_with(temporary_mark);
}

/// A new file next to the one that it is to replace; removed at the end of the scope unless it did.
class TemporaryFile {
  public:
    explicit TemporaryFile(const fs::path& target)
        // The leading dot and the end keep it from being taken for the real thing.
        : path_((directory_of(target) / formatted(".{}{}XXXXXX", target.filename().string(), temporary_mark))
                    .string()),
          fd_(::mkostemp(path_.data(), O_CLOEXEC)) {
        if (!fd_) {
            throw_cannot_write(errno, target);
        }
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        if (!replaced_) {
            ::unlink(path_.c_str());
        }
    }

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    void replace(const fs::path& target) {
        if (::rename(path_.c_str(), target.c_str()) != 0) {
            throw_cannot_write(errno, target);
        }
        replaced_ = true;
    }

  private:
    std::string path_;
    UniqueFd fd_;
    bool replaced_ = false;
};

void check_trust(const int fd, const fs::path& file) {
    struct ::stat status = {};
    if (::fstat(fd, &status) != 0) {
        throw_errno(errno, file.string());
    }
    if (!S_ISREG(status.st_mode)) {
        throw Error{Reason::config, file.string() + ": is not a regular file"};
    }
    if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
        throw Error{Reason::config, file.string() + ": does not belong to root"};
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        throw Error{Reason::config,
                    file.string() + ": is writable by others than its owner",
                    {AdviceKind::forbid_writing, file.string()}};
    }
}

std::string read_whole(const int fd, const fs::path& file, const std::size_t limit) {
    std::string contents;
    char buffer[16384];
    for (;;) {
        const ssize_t got = ::read(fd, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw_errno(errno, file.string());
        }
        if (got == 0) {
            return contents;
        }
        contents.append(buffer, static_cast<std::size_t>(got));
        if (contents.size() > limit) {
            throw Error{Reason::bad_data, formatted("{}: is longer than {} bytes", file.string(), limit)};
        }
    }
}

} // namespace

std::string read_trusted_file(const fs::path& file, const std::size_t limit) {
    // O_NONBLOCK: a pipe in its place must not hold the boot up.
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    if (!fd) {
        throw_errno(errno, file.string());
    }
    check_trust(fd.get(), file);
    return read_whole(fd.get(), file, limit);
}

std::optional<std::string> read_trusted_file_if_exists(const fs::path& file) {
    try {
        return read_trusted_file(file);
    } catch (const Error& error) {
        if (error.reason() == Reason::no_input) {
            return std::nullopt;
        }
        throw;
    }
}

std::optional<std::string> read_users_file(const fs::path& file, const uid_t user, const std::size_t limit) {
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    struct ::stat status = {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        (status.st_uid != user && status.st_uid != 0)) {
        return std::nullopt;
    }
    try {
        return read_whole(fd.get(), file, limit);
    } catch (const Error&) {
        return std::nullopt;
    }
}

void sync_directory(const fs::path& directory) {
    const UniqueFd fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    // A file system that has nothing to synchronize, and one that cannot be written anyway.
    if (!fd || (::fsync(fd.get()) != 0 && errno != EINVAL && errno != EROFS)) {
        throw_cannot_write(errno, directory);
    }
}

void write_file_atomically(const fs::path& file, const std::string_view contents, const mode_t mode) {
    write_files_atomically(std::vector{NewFile{.file = file, .contents = contents}}, mode);
}

void write_files_atomically(const std::vector<NewFile>& files, const mode_t mode) {
    std::deque<TemporaryFile> temporaries; // they cannot be moved
    std::set<fs::path> directories;
    for (const auto& [file, contents] : files) {
        const TemporaryFile& temporary = temporaries.emplace_back(file);
        write_all(temporary.fd(), contents, file);
        if (::fchmod(temporary.fd(), mode) != 0) {
            throw_cannot_write(errno, file);
        }
        if (files.size() > 1) {
            // Only begins to write, for all before the first fsync waits: a file system commits its journal
            // once for them then. Where that cannot be done, each fsync does it.
            static_cast<void>(::sync_file_range(temporary.fd(), 0, 0, SYNC_FILE_RANGE_WRITE));
        }
        directories.insert(directory_of(file));
    }
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (::fsync(temporaries[i].fd()) != 0) {
            throw_cannot_write(errno, files[i].file);
        }
    }
    for (std::size_t i = 0; i < files.size(); ++i) {
        temporaries[i].replace(files[i].file);
    }
    for (const fs::path& directory : directories) {
        sync_directory(directory);
    }
}

void remove_leftovers(const fs::path& directory, const std::string_view name) {
    const std::string begin = name.empty() ? "." : formatted(".{}{}", name, temporary_mark);
    std::error_code ignored;
    std::vector<fs::path> leftovers;
    for (fs::directory_iterator entry{directory, ignored}, end; entry != end; entry.increment(ignored)) {
        const std::string found = entry->path().filename().string();
        const bool is_meant =
            found.starts_with(begin) && (name.empty() || found.size() == begin.size() + random_end);
        if (is_meant && is_temporary_name(found) &&
            entry->symlink_status(ignored).type() == fs::file_type::regular) {
            leftovers.push_back(entry->path());
        }
    }
    for (const fs::path& file : leftovers) {
        ::unlink(file.c_str());
    }
}

void remove_file_durably(const fs::path& file) {
    if (::unlink(file.c_str()) != 0) {
        if (errno == ENOENT) {
            return;
        }
        throw_cannot_write(errno, file);
    }
    sync_directory(directory_of(file));
}

void rename_durably(const fs::path& from, const fs::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) {
        throw_cannot_write(errno, to);
    }
    sync_directory(directory_of(to));
    if (directory_of(from) != directory_of(to)) {
        sync_directory(directory_of(from));
    }
}

void remove_tree_durably(const fs::path& directory) {
    std::error_code error;
    if (fs::remove_all(directory, error) > 0 && !error) {
        sync_directory(directory_of(directory));
    }
    if (error) {
        throw_cannot_write(error.value(), directory);
    }
}

void make_directory(const fs::path& directory, const mode_t mode) {
    std::set<fs::path> changed;
    make_directory(directory, mode, changed);
    for (const fs::path& parent : changed) {
        sync_directory(parent);
    }
}

void make_directory(const fs::path& directory, const mode_t mode, std::set<fs::path>& changed) {
    const auto path = directory.has_filename() ? directory : directory.parent_path();
    if (fs::is_directory(path)) {
        return;
    }
    const auto parent = directory_of(path);
    if (parent != path) {
        make_directory(parent, 0755, changed);
    }
    // mkdir(2) heeds the umask, but the caller has said which mode it is to be. A chmod(2) afterwards would
    // come too late for a process that is killed in between.
    const mode_t umask_before = ::umask(0);
    const bool made = ::mkdir(path.c_str(), mode) == 0;
    const int error = errno;
    ::umask(umask_before);
    if (made) {
        changed.insert(parent);
    } else if (error != EEXIST || !fs::is_directory(path)) { // unless another process was faster
        throw_cannot_write(error, path);
    }
}

void check_writable(const fs::path& directory) {
    auto place = directory.empty() ? fs::path{"."} : directory;
    UniqueFd fd;
    for (;;) {
        // A file without a name. It also finds read-only and full file systems, which access(2) does not.
        fd = UniqueFd{::open(place.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600)};
        if (fd) {
            return;
        }
        if (errno != ENOENT || !place.has_relative_path()) {
            break;
        }
        place = directory_of(place.has_filename() ? place : place.parent_path());
    }
    const int error = errno;
    if ((error == EOPNOTSUPP || error == EISDIR) && ::access(place.c_str(), W_OK | X_OK) == 0) {
        return; // a file system without such files
    }
    throw_cannot_write(error == EOPNOTSUPP || error == EISDIR ? errno : error, place);
}

FileLock::FileLock(const fs::path& file) : fd_(open_lock(file)) {
    while (::flock(fd_.get(), LOCK_EX) != 0) {
        if (errno != EINTR) {
            throw_errno(errno, file.string());
        }
    }
}

/// flock(2) has no time limit of its own.
FileLock::FileLock(const fs::path& file, const std::chrono::milliseconds limit) : fd_(open_lock(file)) {
    constexpr std::chrono::milliseconds pause{100};
    auto left = limit;
    while (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            throw_errno(errno, file.string());
        }
        if (left <= std::chrono::milliseconds{0}) {
            throw Error{Reason::try_later, formatted("{}: another process has held the lock for {} s",
                                                     file.string(), limit.count() / 1000)};
        }
        std::this_thread::sleep_for(pause);
        left -= pause;
    }
}

} // namespace sealmount
