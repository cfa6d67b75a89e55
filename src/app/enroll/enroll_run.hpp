// One run of a program that enrolls: what its volumes share, and the groups in which they are committed. One
// volume alone is a group as well.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/enroll/enroll_command.hpp"
#include "core/enroll/enroll_group.hpp"

#include <chrono>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sealmount {

/// PIN, policy and recovery key are those of the first volume's options: a command line has them for all.
class EnrollRun {
  public:
    /// Called for each volume, in the order of add(), once it is known how it ended.
    using Report = std::function<void(const EnrollOptions&, std::expected<EnrollOutcome, Error>)>;

    /// What is referred to must outlive it.
    EnrollRun(const Globals& globals, const Machine& machine, Report report);
    EnrollRun(const EnrollRun&) = delete;
    EnrollRun& operator=(const EnrollRun&) = delete;
    ~EnrollRun() = default;

    /// Asks what has to be asked, and looks at the volume; it is enrolled with the next ones, at the latest
    /// by finish(). Where a person is asked, what was added before is enrolled first: nobody holds a lock, or
    /// keys in memory, while somebody thinks. Warnings go to standard error unless --json has them in its
    /// document.
    void add(EnrollOptions options);

    /// Enrolls and reports all that were added.
    void finish();

  private:
    /// A volume between add() and its report.
    struct Waiting {
        EnrollOptions options;
        std::optional<EnrollDraft> draft{};
        std::unique_ptr<KeysInHand> keys{};
        std::vector<std::string> warnings{};
        std::size_t printed = 0; ///< of the warnings
        std::optional<Error> refusal{};
    };

    void prepare(Waiting& one);
    [[nodiscard]] EnrollSession& session_for(const PolicyOptions& options);
    void provide_recovery_key(const EnrollOptions& options);
    [[nodiscard]] const SecretBytes* recovery_key_of(const std::string& master) const;
    /// Enrolls the first of them as a group; returns how many, with those that were refused before.
    std::size_t enroll_group(std::span<Waiting> waiting);
    void stage(EnrollGroup& group, Waiting& one);
    void report(Waiting& one, std::optional<EnrollGroup::Outcome> outcome);
    void print_new_warnings(Waiting& one) const;

    const Globals& globals_;
    const Machine& machine_;
    Report report_;
    Store store_;
    std::optional<SecretBytes> pin_;
    std::optional<EnrollContext> context_;
    std::optional<EnrollSession> session_;
    /// Of master keys that are new; not handed over yet.
    std::map<std::string, std::unique_ptr<NewRecoveryKey>> recovery_;
    std::vector<Waiting> waiting_;
    std::chrono::steady_clock::time_point began_; ///< when the first of those was added
};

} // namespace sealmount
