// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/prediction_command_line.hpp"

#include "base/byte_reader.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/events/event_text.hpp"
#include "core/prediction/command_line_forms.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

constexpr std::string_view grub_line = "kernel_cmdline: ";
constexpr std::string_view grub_command = "grub_cmd: ";
constexpr std::string_view boot_image = "BOOT_IMAGE=";

bool is_linux_options(const ForecastEvent& event) {
    return event.past != nullptr && event.type == EventType::event_tag &&
           ByteReader{event.past->data}.u32() == linux_options_tag;
}

/// GRUB puts the kernel's path in front, and for the kernel itself "BOOT_IMAGE=" before that.
bool is_grub_line(const std::string_view text) {
    return text.starts_with(boot_image) || text.starts_with('/') || text.starts_with('(');
}

std::string without_boot_image(const std::string& text) {
    return text.starts_with(boot_image) ? text.substr(boot_image.size()) : text;
}

/// What follows the kernel's path.
std::string arguments_of(const std::string& text) {
    const std::size_t space = text.find(' ');
    return !is_grub_line(text) ? text : space == std::string::npos ? std::string{} : text.substr(space + 1);
}

/// Old and new text at the same place.
struct Pair {
    std::string before;
    std::string after;
};

std::vector<Pair> pairs_of(const std::string& before, const std::string& after) {
    if (!is_grub_line(before)) {
        return {{before, after}};
    }
    const std::string old_line = without_boot_image(before);
    const std::string new_line = without_boot_image(after);
    std::vector<Pair> pairs;
    for (const std::string_view in_front :
         {std::string_view{}, boot_image, std::string_view{"linux "}, std::string_view{"linuxefi "}}) {
        pairs.push_back({std::string{in_front} + old_line, std::string{in_front} + new_line});
    }
    return pairs;
}

bool replace_one(Forecast& forecast, ForecastEvent& event, const std::vector<std::string>& before,
                 const std::string& after) {
    for (const std::string& old_line : before) {
        for (const Pair& pair : pairs_of(old_line, after)) {
            if (const auto form = form_of(forecast.bank(), event.digest, pair.before)) {
                event.digest = digest(forecast.bank(), {in_form(pair.after, *form)});
                event.is_changed = true;
                return true;
            }
        }
    }
    return false;
}

/// Does the event's text contain the command line, so that it changes in an unknown way?
bool mentions(const ForecastEvent& event, const std::vector<std::string>& before) {
    if (event.past == nullptr || (event.pcr != grub_pcr && event.pcr != parameters_pcr)) {
        return false;
    }
    const std::string text = text_in(event.past->data);
    return std::ranges::any_of(before, [&](const std::string& line) {
        const std::string arguments = arguments_of(line);
        return !arguments.empty() && text.find(arguments) != std::string::npos;
    });
}

} // namespace

std::vector<std::string> logged_command_lines(const EventLog& log, const PcrBank bank) {
    std::vector<std::string> lines;
    for (const LogEvent& event : log.events) {
        if (event.type != EventType::ipl || (event.pcr != grub_pcr && event.pcr != parameters_pcr)) {
            continue;
        }
        std::string text = text_in(event.data);
        if (event.pcr == grub_pcr && text.starts_with(grub_line)) {
            text.erase(0, grub_line.size());
        } else if (event.pcr == grub_pcr && text.starts_with(grub_command)) {
            continue;
        }
        const bool is_it = form_of(bank, event.digests.at(bank), text).has_value();
        if (is_it && std::ranges::find(lines, text) == lines.end()) {
            lines.push_back(text);
        }
    }
    return lines;
}

void replace_command_line(Forecast& forecast, const std::vector<std::string>& before,
                          const std::string& after) {
    const auto is_grub = [](const std::string& line) { return is_grub_line(line); };
    if (std::ranges::any_of(before, is_grub) && !is_grub_line(after)) {
        throw Error{
            Reason::usage,
            formatted("the new command line {}: GRUB's begins with BOOT_IMAGE= and the kernel's path, as "
                      "/proc/cmdline does",
                      printable(after))};
    }
    unsigned count = 0;
    for (ForecastEvent& event : forecast.events()) {
        if (event.is_changed) {
            continue;
        }
        if (replace_one(forecast, event, before, after)) {
            ++count;
        } else if (is_linux_options(event)) {
            forecast.spoil(
                event.pcr,
                formatted("the command line that Linux measured (event {}) is not the one to be replaced",
                          event.past->number),
                {AdviceKind::give_old_command_line});
        } else if (mentions(event, before)) {
            forecast.spoil(event.pcr,
                           formatted("the command line is part of event {} ({}), whose new text is not known",
                                     event.past->number, describe(*event.past).substr(0, 60)),
                           {AdviceKind::give_new_digest});
        }
    }
    if (count == 0) {
        throw Error{Reason::no_input,
                    formatted("the present command line is not measured anywhere in {}", forecast.log().file),
                    {AdviceKind::give_old_command_line}};
    }
}

} // namespace sealmount
