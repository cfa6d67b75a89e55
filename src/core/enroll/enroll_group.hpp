// Volumes that are enrolled together: each is checked and proved for itself, and all are committed at once.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/enroll/enroll_write.hpp"

#include <chrono>
#include <deque>
#include <expected>
#include <vector>

namespace sealmount {

/// Whoever enrolls many begins another group at one of these: then progress is seen, and a kill costs little.
/// A group costs a manifest to be read and written, so one volume in a group costs the same, whether there
/// are ten of them or a thousand.
inline constexpr std::size_t largest_group = 64;
inline constexpr std::chrono::seconds longest_group{2};

/// Holds the store's lock from its beginning to its end. The session must outlive it.
class EnrollGroup {
  public:
    using Outcome = std::expected<Enrolled, Error>;

    /// Waits for the lock, ends removals that were killed, and looks at the store as it is now. Throws Error.
    explicit EnrollGroup(EnrollSession& session);
    EnrollGroup(const EnrollGroup&) = delete;
    EnrollGroup& operator=(const EnrollGroup&) = delete;
    ~EnrollGroup();

    /// Derives the keys, refuses those that did not make this directory, gets the master key, composes and
    /// proves. Nothing is written. Throws Error: the volume is not in the group then.
    void add(EnrollDraft& draft, KeySource& source);

    /// Is it large or old enough to be committed?
    [[nodiscard]] bool is_full() const;

    /// Writes everything (enroll_write.hpp). One outcome for each volume, in the order of add(). Where the
    /// group cannot be written as a whole, each volume is tried alone: then it fails for itself only.
    [[nodiscard]] std::vector<Outcome> commit();

  private:
    struct Member {
        StagedVolume staged;
        std::optional<KeyringKeys> from_keyring;
        std::optional<Error> refusal{};
    };

    [[nodiscard]] std::optional<WriteFailure> write(std::span<Member* const> members);
    [[nodiscard]] Outcome outcome_of(Member& member);

    EnrollSession& session_;
    FileLock lock_;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::deque<Member> members_;
};

} // namespace sealmount
