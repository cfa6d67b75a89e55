// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/prediction_options.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "core/events/log_files.hpp"
#include "core/master/measured_events.hpp"
#include "core/prediction/boot_images.hpp"
#include "core/prediction/named_changes.hpp"
#include "core/prediction/next_boot_facts.hpp"
#include "core/prediction/prediction_command_line.hpp"
#include "core/prediction/prediction_files.hpp"
#include "core/prediction/prediction_secure_boot.hpp"
#include "core/reproduction/grub_outlook.hpp"
#include "sys/files/files.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

/// Unified kernel images have whole initrds in them.
constexpr std::size_t file_limit = 1U << 30U;

NamedFile read_named(const std::string& name) {
    return {.name = name, .contents = read_trusted_file(name, file_limit)};
}

std::pair<std::string, std::string> halves(const std::string& text, const char* const option,
                                           const std::size_t equals, const char* const form) {
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
        throw Error{Reason::usage, formatted("{} {}: write {}", option, text, form)};
    }
    return {text.substr(0, equals), text.substr(equals + 1)};
}

/// File names may have an equals sign: the first one behind a file that exists counts.
std::size_t equals_behind_file(const std::string& text) {
    const std::size_t first = text.find('=');
    for (std::size_t at = first; at != std::string::npos; at = text.find('=', at + 1)) {
        std::error_code ignored;
        if (fs::exists(text.substr(0, at), ignored)) {
            return at;
        }
    }
    return first;
}

/// The command lines that may be the present one, the given one or all that can be found.
std::vector<std::string> present_command_lines(const PredictionOptions& options, const Paths& paths,
                                               const Forecast& forecast) {
    if (options.old_command_line) {
        return {*options.old_command_line};
    }
    std::vector<std::string> lines = logged_command_lines(forecast.log(), forecast.bank());
    if (lines.size() > 1) {
        throw Error{Reason::usage,
                    "--command-line: this boot measured several command lines: say which one goes "
                    "with --old-command-line"};
    }
    const fs::path file = paths.below_root("/proc/cmdline");
    std::error_code ignored;
    if (options.log.empty() && fs::exists(file, ignored)) {
        std::string line = read_trusted_file(file);
        line.erase(std::min(line.find_last_not_of('\n') + 1, line.size()));
        lines.push_back(line);
    }
    return lines;
}

SecureBootChange secure_boot_change(const PredictionOptions& options) {
    SecureBootChange change;
    for (const std::string& text : options.variables) {
        const auto [name, file] = halves(text, "--variable", text.find('='), "NAME=FILE");
        if (!change.variables.emplace(name, read_named(file)).second) {
            throw Error{Reason::usage, formatted("--variable {}: {} was given before", text, name)};
        }
    }
    for (const std::string& file : options.authorities) {
        change.authorities.push_back(read_named(file));
    }
    return change;
}

void apply_all(Forecast& forecast, const PredictionOptions& options, const Paths& paths) {
    for (const std::string& text : options.digests) {
        apply(forecast, parse_digest_change(text, forecast.bank()));
    }
    for (const std::string& text : options.replacements) {
        const auto [before, after] =
            halves(text, "--replace", equals_behind_file(text), "OLD=NEW, two files");
        const NamedFile old_file = read_named(before);
        const NamedFile new_file = read_named(after);
        replace_file(forecast, old_file, new_file);
        doubt_after_file(forecast, old_file, new_file);
    }
    apply(forecast, secure_boot_change(options));
    if (options.command_line) {
        doubt_after_command_line(forecast);
        replace_command_line(forecast, present_command_lines(options, paths, forecast),
                             *options.command_line);
    } else if (options.old_command_line) {
        throw Error{Reason::usage, "--old-command-line goes with --command-line"};
    }
    if (options.next_boot && !options.log.empty()) {
        throw Error{Reason::usage, "--next-boot is about this machine, and --log is another one's"};
    }
}

/// The states that the next boot may find: each with its forecast.
std::vector<std::pair<std::string, Forecast>>
forecasts_of(const Forecast& named, const PredictionOptions& options, const Paths& paths) {
    std::vector<std::pair<std::string, Forecast>> forecasts;
    if (!options.next_boot) {
        forecasts.emplace_back("", named);
        return forecasts;
    }
    BootFacts facts = boot_facts(paths);
    if (!is_behind_grub(named.log())) {
        apply_next_boot(forecasts.emplace_back("", named).second, facts);
        return forecasts;
    }
    for (GrubOutlook& outlook : grub_outlooks(paths, named.log(), named.bank(), true)) {
        facts.grub = std::move(outlook.forecast);
        apply_next_boot(forecasts.emplace_back(std::move(outlook.origin), named).second, facts);
    }
    return forecasts;
}

std::map<unsigned, std::vector<std::string>> marks_of(Forecast& forecast, const PcrMask mask) {
    std::map<unsigned, std::vector<std::string>> marks;
    for (const ForecastEvent& event : forecast.events()) {
        if ((mask >> event.pcr & 1U) != 0) {
            marks[event.pcr].push_back(to_hex(event.digest).substr(0, event_mark_digits));
        }
    }
    return marks;
}

std::optional<std::vector<std::string>> phases_of(const PredictionOptions& options) {
    if (!options.phases) {
        return std::nullopt;
    }
    std::vector<std::string> phases;
    std::istringstream text{*options.phases};
    for (std::string phase; std::getline(text, phase, ':');) {
        if (!phase.empty()) {
            phases.push_back(phase);
        }
    }
    return phases;
}

std::optional<MeasureLog> systemd_log(const PredictionOptions& options, const Paths& paths) {
    // Another boot's log goes with that boot's log of systemd, or none.
    return options.log.empty() || !options.systemd_log.empty() ? read_measure_log(options.systemd_log, paths)
                                                               : std::nullopt;
}

std::vector<PredictedBoot> predicted_with(const PredictionOptions& options, const Paths& paths,
                                          const PcrSelection selection, const PcrValues* const present) {
    const EventLog firmware = read_event_log(options.log, paths);
    const auto systemd = systemd_log(options, paths);
    Forecast named{firmware, selection.bank};
    apply_all(named, options, paths);
    std::vector<PredictedBoot> boots;
    for (auto& [origin, forecast] : forecasts_of(named, options, paths)) {
        boots.push_back(
            {.origin = origin,
             .values = predict(forecast, {firmware, systemd ? &*systemd : nullptr, selection.bank, present},
                               selection.mask, phases_of(options)),
             .marks = marks_of(forecast, selection.mask)});
    }
    return boots;
}

} // namespace

void add_prediction_options(Arguments& verb, PredictionOptions& options) {
    verb.flag("--next-boot", options.next_boot,
              "find out what the next boot will measure from what is on the boot partitions now");
    verb.option("--replace-digest", "PCR:OLD=NEW", options.digests,
                "in this PCR, the event with the digest OLD will have the digest NEW (in hex)");
    verb.option("--command-line", "LINE", options.command_line, "the next kernel command line");
    verb.option("--old-command-line", "LINE", options.old_command_line,
                "the present kernel command line, if it cannot be found");
    verb.option("--variable", "NAME=FILE", options.variables,
                "the Secure Boot variable NAME will have the contents of FILE");
    verb.option("--authority", "FILE", options.authorities,
                "this certificate of db will verify the boot images; in their order");
    verb.option("--phases", "LIST", options.phases,
                "the boot phases in PCR 11 when volumes are unlocked, such as enter-initrd:leave-initrd");
    verb.option("--log", "FILE", options.log, "read the firmware's log from FILE instead of this boot's");
    verb.option("--userspace-log", "FILE", options.systemd_log, "read systemd's log from FILE");
}

bool asked_for(const PredictionOptions& options) {
    return !options.replacements.empty() || !options.digests.empty() || !options.variables.empty() ||
           !options.authorities.empty() || options.command_line || options.old_command_line ||
           options.phases || options.next_boot;
}

std::vector<PredictedBoot> predicted(const PredictionOptions& options, const Paths& paths, Tpm& tpm,
                                     const PcrSelection selection) {
    const PcrValues present = tpm.read_pcrs(selection).values;
    return predicted_with(options, paths, selection, &present);
}

std::vector<PredictedBoot> predicted_by_log(const PredictionOptions& options, const Paths& paths,
                                            const PcrSelection selection) {
    return predicted_with(options, paths, selection, nullptr);
}

PcrMask logged_pcrs(const PredictionOptions& options, const Paths& paths) {
    PcrMask mask = 0;
    for (const LogEvent& event : read_event_log(options.log, paths).events) {
        mask |= event.is_measured() ? PcrMask{1} << event.pcr : 0;
    }
    if (const auto systemd = systemd_log(options, paths)) {
        for (const MeasureEvent& event : systemd->events) {
            mask |= PcrMask{1} << event.pcr;
        }
    }
    return mask;
}

} // namespace sealmount
