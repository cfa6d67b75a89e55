// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/events/log_files.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/files/files.hpp"

#include <filesystem>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

constexpr const char* kernel_log = "/sys/kernel/security/tpm0/binary_bios_measurements";
constexpr const char* systemd_log = "/run/log/systemd/tpm2-measure.log";

} // namespace

EventLog read_event_log(const std::string& file, const Paths& paths) {
    const fs::path path = file.empty() ? paths.below_root(kernel_log) : fs::path{file};
    const auto contents =
        file.empty() ? read_trusted_file_if_exists(path) : std::optional{read_trusted_file(path)};
    if (!contents) {
        throw Error{Reason::unavailable,
                    formatted("{}: there is no event log: the firmware did not provide one", path.string())};
    }
    return parse_event_log(as_bytes(*contents), path.string());
}

std::optional<MeasureLog> read_measure_log(const std::string& file, const Paths& paths) {
    const fs::path path = file.empty() ? paths.below_root(systemd_log) : fs::path{file};
    const auto contents =
        file.empty() ? read_trusted_file_if_exists(path) : std::optional{read_trusted_file(path)};
    if (!contents) {
        return std::nullopt;
    }
    if (file.empty() && (fs::status(path).permissions() & fs::perms::sticky_bit) != fs::perms::none) {
        throw Error{
            Reason::try_later,
            formatted("{}: systemd has not finished its last entry: wait a moment; if that does not help, "
                      "the log cannot be used until the next boot",
                      path.string())};
    }
    return parse_measure_log(*contents, path.string());
}

} // namespace sealmount
