// Files: trusted reading and power-safe writing. Plain functions; tests give them another root.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/unique_fd.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Reads a file that decides about keys: it must be a regular file (symbolic links are followed), owned by
/// root or by the caller, and not writable by group or others, else Error{config}; Error{no_input} when it
/// does not exist, Error{bad_data} when it is longer than `limit` bytes. Messages name the file.
[[nodiscard]] std::string read_trusted_file(const std::filesystem::path& file, std::size_t limit = 8U << 20U);

/// The same, but nothing when the file does not exist.
[[nodiscard]] std::optional<std::string> read_trusted_file_if_exists(const std::filesystem::path& file);

/// A file in which users keep their own settings: regular, not a symbolic link, owned by `user` or by root;
/// nothing when it is anything else, is longer than `limit` bytes, or cannot be read.
[[nodiscard]] std::optional<std::string> read_users_file(const std::filesystem::path& file, uid_t user,
                                                         std::size_t limit);

/// Replaces `file` so that a power cut at any instant leaves the old or the new contents: temporary file in
/// the same directory, write, fsync, rename, fsync of the directory. On failure the temporary file is
/// removed, the old contents stay, and Error (cannot_create, refused or io) is thrown.
void write_file_atomically(const std::filesystem::path& file, std::string_view contents, mode_t mode);

/// A file that is to be written. Only refers to its contents.
struct NewFile {
    std::filesystem::path file;
    std::string_view contents;
};

/// The same for several files of one directory, with one fsync of it: all are written and fsynced under
/// temporary names, then renamed in their order. A power cut leaves each of them old or new. On failure the
/// temporary files are removed, and those that had been renamed by then are the new ones.
void write_files_atomically(const std::vector<NewFile>& files, mode_t mode);

/// Removes the temporary files that these two left in the directory when their process was killed; no others,
/// and none in directories further down. For whoever holds the lock that all writers of the directory take.
/// With a `name`, only those of the file of that name. What cannot be removed stays.
void remove_leftovers(const std::filesystem::path& directory, std::string_view name = {});

/// Makes the names in a directory survive a power cut, also those that another process has made, renamed or
/// removed. Throws Error.
void sync_directory(const std::filesystem::path& directory);

/// Unlinks a file and fsyncs its directory; no error when it is not there.
void remove_file_durably(const std::filesystem::path& file);

/// rename(2), then fsync of both directories.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

/// Removes a directory with all that is in it and fsyncs its parent; no error when it is not there.
void remove_tree_durably(const std::filesystem::path& directory);

/// Makes the directory (and its parents, mode 0755) with `mode` and fsyncs the parent; no error when it
/// exists.
void make_directory(const std::filesystem::path& directory, mode_t mode);

/// The same without an fsync: the directories that hold a new name are added to `changed`, for
/// sync_directory().
void make_directory(const std::filesystem::path& directory, mode_t mode,
                    std::set<std::filesystem::path>& changed);

/// Throws Error{cannot_create} or {refused} when a file could not be written in `directory`, or, where that
/// does not exist, in the nearest parent that does. Leaves nothing behind, not even for an instant under a
/// name.
void check_writable(const std::filesystem::path& directory);

/// Holds flock(2) LOCK_EX on a file, made when absent, until destruction.
class FileLock {
  public:
    /// Waits without limit.
    explicit FileLock(const std::filesystem::path& file);
    /// Throws Error{try_later} when another process still holds it after `limit`.
    FileLock(const std::filesystem::path& file, std::chrono::milliseconds limit);

  private:
    UniqueFd fd_;
};

} // namespace sealmount
