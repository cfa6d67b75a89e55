// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/prediction_options.hpp"

#include "base/error.hpp"
#include "base/hex.hpp"
#include "core/events/log_files.hpp"
#include "core/master/measured_events.hpp"
#include "core/prediction/next_boot_facts.hpp"
#include "core/prediction/prediction_command_line.hpp"
#include "core/prediction/prediction_files.hpp"
#include "core/prediction/prediction_secure_boot.hpp"
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
        throw Error{Reason::usage, std::string{option} + " " + text + ": write " + form};
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
std::vector<std::string> present_command_lines(const PredictionOptions& words, const Paths& paths,
                                               const Forecast& forecast) {
    if (words.old_command_line) {
        return {*words.old_command_line};
    }
    std::vector<std::string> lines = logged_command_lines(forecast.log(), forecast.bank());
    if (lines.size() > 1) {
        throw Error{Reason::usage,
                    "--command-line: this boot measured several command lines: say which one goes "
                    "with --old-command-line"};
    }
    const fs::path file = paths.below_root("/proc/cmdline");
    std::error_code ignored;
    if (words.log.empty() && fs::exists(file, ignored)) {
        std::string line = read_trusted_file(file);
        line.erase(std::min(line.find_last_not_of('\n') + 1, line.size()));
        lines.push_back(line);
    }
    return lines;
}

SecureBootChange secure_boot_change(const PredictionOptions& words) {
    SecureBootChange change;
    for (const std::string& text : words.variables) {
        const auto [name, file] = halves(text, "--variable", text.find('='), "NAME=FILE");
        if (!change.variables.emplace(name, read_named(file)).second) {
            throw Error{Reason::usage, "--variable " + text + ": " + name + " was given before"};
        }
    }
    for (const std::string& file : words.authorities) {
        change.authorities.push_back(read_named(file));
    }
    return change;
}

void apply_all(Forecast& forecast, const PredictionOptions& words, const Paths& paths) {
    for (const std::string& text : words.digests) {
        apply(forecast, parse_digest_change(text, forecast.bank()));
    }
    for (const std::string& text : words.replacements) {
        const auto [before, after] =
            halves(text, "--replace", equals_behind_file(text), "OLD=NEW, two files");
        replace_file(forecast, read_named(before), read_named(after));
    }
    apply(forecast, secure_boot_change(words));
    if (words.command_line) {
        replace_command_line(forecast, present_command_lines(words, paths, forecast), *words.command_line);
    } else if (words.old_command_line) {
        throw Error{Reason::usage, "--old-command-line goes with --command-line"};
    }
    if (words.next_boot && !words.log.empty()) {
        throw Error{Reason::usage, "--next-boot is about this machine, and --log is another one's"};
    }
    if (words.next_boot) {
        apply_next_boot(forecast, boot_facts(paths));
    }
}

std::optional<std::vector<std::string>> phases_of(const PredictionOptions& words) {
    if (!words.phases) {
        return std::nullopt;
    }
    std::vector<std::string> phases;
    std::istringstream words_between_colons{*words.phases};
    for (std::string phase; std::getline(words_between_colons, phase, ':');) {
        if (!phase.empty()) {
            phases.push_back(phase);
        }
    }
    return phases;
}

std::optional<MeasureLog> systemd_log(const PredictionOptions& words, const Paths& paths) {
    // Another boot's log goes with that boot's log of systemd, or none.
    return words.log.empty() || !words.systemd_log.empty() ? read_measure_log(words.systemd_log, paths)
                                                           : std::nullopt;
}

Prediction predicted_with(const PredictionOptions& words, const Paths& paths, const PcrSelection selection,
                          const PcrValues* const present) {
    const EventLog firmware = read_event_log(words.log, paths);
    const auto systemd = systemd_log(words, paths);
    Forecast forecast{firmware, selection.bank};
    apply_all(forecast, words, paths);
    return predict(forecast, {firmware, systemd ? &*systemd : nullptr, selection.bank, present},
                   selection.mask, phases_of(words));
}

} // namespace

void add_prediction_options(CLI::App& verb, PredictionOptions& words) {
    verb.add_flag("--next-boot", words.next_boot,
                  "find out what the next boot will measure from what lies on the boot partitions now");
    verb.add_option("--replace-digest", words.digests,
                    "PCR:OLDHEX=NEWHEX: this event will have another digest");
    verb.add_option("--command-line", words.command_line, "the kernel's command line will be this");
    verb.add_option("--old-command-line", words.old_command_line, "the present one, if it cannot be found");
    verb.add_option("--variable", words.variables,
                    "NAME=FILE: this Secure Boot variable will have these contents");
    verb.add_option("--authority", words.authorities,
                    "this certificate of db will verify the boot images; may be repeated, in their order");
    verb.add_option("--phases", words.phases,
                    "the boot phases in PCR 11 when volumes are unlocked, such as enter-initrd:leave-initrd");
    verb.add_option("--log", words.log, "read the firmware's log from this file, instead of this boot's");
    verb.add_option("--userspace-log", words.systemd_log, "read systemd's log from this file");
}

bool asked_for(const PredictionOptions& words) {
    return !words.replacements.empty() || !words.digests.empty() || !words.variables.empty() ||
           !words.authorities.empty() || words.command_line || words.old_command_line || words.phases ||
           words.next_boot;
}

Prediction predicted(const PredictionOptions& words, const Paths& paths, Tpm& tpm,
                     const PcrSelection selection) {
    const PcrValues present = tpm.read_pcrs(selection).values;
    return predicted_with(words, paths, selection, &present);
}

Prediction predicted_by_log(const PredictionOptions& words, const Paths& paths,
                            const PcrSelection selection) {
    return predicted_with(words, paths, selection, nullptr);
}

std::map<unsigned, std::vector<std::string>>
predicted_marks(const PredictionOptions& words, const Paths& paths, const PcrSelection selection) {
    const EventLog firmware = read_event_log(words.log, paths);
    Forecast forecast{firmware, selection.bank};
    apply_all(forecast, words, paths);
    std::map<unsigned, std::vector<std::string>> marks;
    for (const ForecastEvent& event : forecast.events()) {
        if ((selection.mask >> event.pcr & 1U) != 0) {
            marks[event.pcr].push_back(to_hex(event.digest).substr(0, event_mark_digits));
        }
    }
    return marks;
}

PcrMask logged_pcrs(const PredictionOptions& words, const Paths& paths) {
    PcrMask mask = 0;
    for (const LogEvent& event : read_event_log(words.log, paths).events) {
        mask |= event.is_measured() ? PcrMask{1} << event.pcr : 0;
    }
    if (const auto systemd = systemd_log(words, paths)) {
        for (const MeasureEvent& event : systemd->events) {
            mask |= PcrMask{1} << event.pcr;
        }
    }
    return mask;
}

} // namespace sealmount
