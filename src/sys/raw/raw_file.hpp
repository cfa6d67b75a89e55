// Files and signals for programs that have nothing but the kernel: what cannot be done is a false or an empty
// value, and the caller leaves the work to a program that can explain it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/unique_fd.hpp"

#include <csignal>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// A file that decides about keys, under the rules of read_trusted_file() (sys/files/files.hpp): regular,
/// owned by root or by the caller, writable by nobody else, 8 MiB at the most. Nothing when it is anything
/// else, or not there.
[[nodiscard]] std::optional<std::string> read_raw_file(const std::string& file);

/// The same of a file that may be absent: empty then.
[[nodiscard]] std::optional<std::string> read_raw_file_if_exists(const std::string& file);

/// Is there anything of this name? Also true when that cannot be found out.
[[nodiscard]] bool may_exist(const std::string& file) noexcept;

/// The whole of a file that has no size, as those of /proc. Nothing when it cannot be read.
[[nodiscard]] std::optional<std::string> read_raw_stream(const std::string& file);

/// Where a symbolic link leads; nothing when there is none.
[[nodiscard]] std::optional<std::string> read_raw_link(const std::string& link);

/// Makes or replaces a symbolic link at once. For whoever holds the lock under which all writers of that
/// directory work. False when that could not be done; what was there is there then.
[[nodiscard]] bool write_raw_link(const std::string& directory, std::string_view name,
                                  const std::string& target);

/// rename(2).
[[nodiscard]] bool rename_raw_file(const std::string& from, const std::string& to) noexcept;

/// Makes a directory for its owner alone. Also true when it is there.
[[nodiscard]] bool make_raw_directory(const std::string& directory) noexcept;

/// False when it is still there.
[[nodiscard]] bool remove_raw_file(const std::string& file) noexcept;

/// The names in a directory. Nothing when it cannot be read; none when it is not there.
[[nodiscard]] std::optional<std::vector<std::string>> names_in_raw_directory(const std::string& directory);

/// flock(2) LOCK_EX on a file, made when absent, as FileLock has it (sys/files/files.hpp), until destruction.
class RawLock {
  public:
    /// Tries once; `is_held()` says whether that was enough.
    explicit RawLock(const std::string& file) noexcept;

    [[nodiscard]] bool is_held() const noexcept { return held_; }
    /// Waits for whoever holds it, without limit. False when there is nothing to wait for.
    [[nodiscard]] bool wait() noexcept;

  private:
    UniqueFd fd_;
    bool held_ = false;
};

/// SIGTERM, SIGINT and SIGHUP wait until destruction, as with SignalsHeld (sys/host/process.hpp).
class RawSignalsHeld {
  public:
    RawSignalsHeld() noexcept;
    RawSignalsHeld(const RawSignalsHeld&) = delete;
    RawSignalsHeld& operator=(const RawSignalsHeld&) = delete;
    ~RawSignalsHeld();

  private:
    ::sigset_t before_ = {};
};

} // namespace sealmount
