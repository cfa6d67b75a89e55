// The running service manager: what systemd has loaded of units, and from where
// (org.freedesktop.systemd1(5)).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sealmount {

/// A Condition...= or Assert...= of a unit.
struct UnitCondition {
    std::string type; ///< "ConditionPathExists", "AssertPathExists"
    bool is_trigger = false;
    bool is_negated = false;
    std::string parameter;

    bool operator==(const UnitCondition&) const = default;
};

/// A program that a unit runs.
struct UnitCommand {
    std::string program;
    std::vector<std::string> arguments; ///< the first is its own name
    bool is_start = false;              ///< ExecStart=, not one that ends it

    bool operator==(const UnitCommand&) const = default;
};

/// What systemd has of a unit. The strings are systemd's own words.
struct UnitState {
    std::string name;
    std::string load_state;   ///< "loaded", "masked", "not-found", "bad-setting", "error"
    std::string load_error{}; ///< what it says about the last two
    std::string active_state{};
    std::string result{};        ///< of a service or a mount: "success", "exit-code", "start-limit-hit"
    std::string fragment_path{}; ///< the unit file
    std::string source_path{};   ///< what a generator made that from
    std::vector<std::string> drop_ins{};     ///< paths
    std::vector<std::string> pulled_in_by{}; ///< units whose start starts this one
    std::vector<std::string> pulls_in{};     ///< the other way round
    std::vector<std::string> starts_after{};
    bool needs_reload = false;   ///< files have changed since systemd read them
    std::string job{};           ///< "start (waiting)"; "" where none is queued
    bool was_checked = false;    ///< conditions or assertions were looked at when it was last to be started
    bool conditions_held = true; ///< and that start went on
    std::uint64_t active_since = 0;             ///< microseconds of the monotonic clock; 0 for never
    std::vector<UnitCondition> conditions{};    ///< assertions as well
    std::vector<UnitCommand> commands{};        ///< to start and to stop it
    std::map<std::string, std::string> mount{}; ///< of a mount unit: "What", "Where", "Type"
};

/// What systemd has of these units, and the directories that it takes units from, the first one first.
struct ServiceManagerReport {
    std::vector<UnitState> units; ///< in the order asked for
    std::vector<std::string> unit_path;
};

/// Asks systemd, over its own socket if that is there (root's, as of early boot), else over the system bus. A
/// unit that is not loaded yet is loaded for that. Nothing is changed. Throws Error{unavailable} when systemd
/// cannot be asked or does not answer in time.
[[nodiscard]] ServiceManagerReport ask_service_manager(const std::vector<std::string>& units);

/// Would a unit with these conditions and assertions be started at this moment? Answered by
/// systemd-analyze(1), as systemd itself would. Throws Error{unavailable} when that is not there or does not
/// answer.
[[nodiscard]] bool conditions_hold(const std::vector<UnitCondition>& conditions);

/// One of them as a unit file has it: "ConditionPathExists=!/etc/off".
[[nodiscard]] std::string to_string(const UnitCondition& condition);

} // namespace sealmount
