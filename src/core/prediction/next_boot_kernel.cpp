// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/next_boot_kernel.hpp"

#include "base/byte_reader.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/events/event_text.hpp"
#include "core/prediction/command_line_forms.hpp"
#include "core/prediction/image_authority.hpp"
#include "core/prediction/prediction_command_line.hpp"
#include "core/prediction/uki.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>

namespace sealmount {

namespace {

Bytes joined(const std::vector<NamedFile>& files, const bool is_padded) {
    constexpr std::size_t unit = 4;
    Bytes out;
    for (const NamedFile& file : files) {
        const BytesView bytes = as_bytes(file.contents);
        out.insert(out.end(), bytes.begin(), bytes.end());
        if (is_padded) {
            out.resize((out.size() + unit - 1) / unit * unit);
        }
    }
    return out;
}

/// All initrds of an entry; nothing when one does not exist.
std::optional<std::vector<NamedFile>> initrds_of(const BootEntry& entry, const BootFileReader& read) {
    std::vector<NamedFile> files;
    for (const std::string& path : entry.initrds) {
        auto file = read({.root = entry.root, .partition = {}, .path = path});
        if (!file) {
            return std::nullopt;
        }
        files.push_back(std::move(*file));
    }
    return files;
}

/// Up to version 257, systemd-boot passes initrds one after the other, without padding.
bool joins_plainly(const std::string& loader_version) {
    constexpr unsigned last_known = 257;
    const std::string major = major_version(loader_version);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(major.data(), major.data() + major.size(), number);
    return error == std::errc{} && end == major.data() + major.size() && number <= last_known;
}

void change_initrds(Forecast& forecast, const KernelChange& change, const BootFileReader& read) {
    ForecastEvent* const event = tagged_event(forecast, linux_initrd_tag);
    if (event == nullptr) {
        if (change.before.initrds.empty() != change.after.initrds.empty()) {
            forecast.spoil(linux_pcr,
                           "whether the kernel measures an initrd is not known: this boot did not");
        }
        return;
    }
    const auto after = initrds_of(change.after, read);
    if (!after || after->empty()) {
        forecast.spoil(linux_pcr, formatted("the boot entry {} {}", printable(change.after.id),
                                            after ? "has no initrd" : "names an initrd that does not exist"));
        return;
    }
    const PcrBank bank = forecast.bank();
    const Bytes plain = digest(bank, {joined(*after, false)});
    const Bytes padded = digest(bank, {joined(*after, true)});
    if (event->digest == plain || event->digest == padded) {
        return;
    }
    const auto before = initrds_of(change.before, read);
    const bool was_plain = before && event->digest == digest(bank, {joined(*before, false)});
    if (!was_plain && before && event->digest == digest(bank, {joined(*before, true)})) {
        event->digest = padded;
    } else if (was_plain || plain == padded || joins_plainly(change.loader_version)) {
        event->digest = plain;
    } else {
        forecast.spoil(event->pcr,
                       "the initrd was overwritten, and in which form this boot loader passes it is "
                       "not known");
        return;
    }
    event->is_changed = true;
}

void apply_kernel(Forecast& forecast, const KernelChange& change, const PeImage& after,
                  const BootFileReader& read) {
    const bool is_other_kernel =
        forecast_of(forecast, *change.started.event)->digest != after.authenticode(forecast.bank());
    const bool measures = tagged_event(forecast, linux_initrd_tag) != nullptr ||
                          tagged_event(forecast, linux_options_tag) != nullptr;
    if (is_other_kernel && !measures) {
        forecast.spoil(linux_pcr, "the present kernel measures neither initrd nor command line, and whether "
                                  "the next one does is not known");
    }
    replace_image(forecast, *change.started.event, after);
    if (change.loader_version.empty()) {
        for (const unsigned pcr : {linux_pcr, parameters_pcr}) {
            forecast.spoil(pcr, "which initrd and command line the kernel will get is not known: it is not "
                                "systemd-boot that starts it");
        }
        return;
    }
    change_initrds(forecast, change, read);
    change_command_line(forecast, change.before.command_line(), change.after.command_line(),
                        change.before.initrds.size());
}

std::size_t leading_initrds(const std::string& line) {
    std::istringstream options{line};
    std::size_t count = 0;
    for (std::string option; options >> option && option.starts_with("initrd=");) {
        ++count;
    }
    return count;
}

} // namespace

bool has_unified_events(Forecast& forecast) {
    return std::ranges::any_of(forecast.events(), [](const ForecastEvent& event) {
        return event.pcr == uki_pcr && event.type == EventType::ipl && !event.is_changed;
    });
}

ForecastEvent* tagged_event(Forecast& forecast, const std::uint32_t tag) {
    const auto found = std::ranges::find_if(forecast.events(), [&](const ForecastEvent& event) {
        return event.past != nullptr && !event.is_changed && event.type == EventType::event_tag &&
               ByteReader{event.past->data}.u32() == tag;
    });
    return found == forecast.events().end() ? nullptr : &*found;
}

void spoil_kernel(Forecast& forecast, const std::string& why, const Advice& advice) {
    for (const unsigned pcr : {image_pcr, linux_pcr, uki_pcr, parameters_pcr}) {
        forecast.spoil(pcr, why, advice);
    }
    if (is_verified(forecast.log())) { // by whom, if it is another one?
        forecast.spoil(secure_boot_pcr, why, advice);
    }
}

void change_command_line(Forecast& forecast, const std::string& before, const std::string& after,
                         const std::size_t initrds_before) {
    std::vector<std::string> lines = logged_command_lines(forecast.log(), forecast.bank());
    const bool is_logged = std::ranges::find(lines, before) != lines.end();
    const bool is_same = std::ranges::all_of(lines, [&](const std::string& line) { return line == after; });
    if (is_same && (!lines.empty() || before == after)) {
        return;
    }
    // Somebody may have typed another one into the menu, or edited the entry since.
    const bool is_alike = std::ranges::all_of(
        lines, [&](const std::string& line) { return leading_initrds(line) == initrds_before; });
    if (!is_logged && !is_alike) {
        for (const unsigned pcr : {linux_pcr, parameters_pcr}) {
            forecast.spoil(
                pcr, "the command line that was measured is not the one that systemd-boot makes from the "
                     "boot entry");
        }
        return;
    }
    if (!is_logged) {
        lines.push_back(before);
    }
    try {
        replace_command_line(forecast, lines, after);
    } catch (const Error& error) {
        if (error.reason() != Reason::no_input) {
            throw;
        } // It is not measured anywhere: then another one changes nothing.
    }
}

void apply(Forecast& forecast, const KernelChange& change, const BootFileReader& read) {
    const BootPlace place{.root = change.after.root, .partition = {}, .path = change.after.image};
    const auto after = read(place);
    if (!after) {
        spoil_kernel(forecast, formatted("the boot entry {} names {}, which does not exist",
                                         printable(change.after.id), printable(change.after.image)));
        return;
    }
    const auto image = PeImage::parse(as_bytes(after->contents));
    if (!image) {
        spoil_kernel(forecast, formatted("{} is not an EFI program", printable(after->name)));
        return;
    }
    if (is_uki(*image) != has_unified_events(forecast)) {
        spoil_kernel(forecast,
                     is_uki(*image) ? "a unified kernel image takes the place of a kernel with an initrd"
                                    : "a kernel with an initrd takes the place of a unified image",
                     {AdviceKind::reseal_after_boot});
        return;
    }
    if (!is_uki(*image)) {
        apply_kernel(forecast, change, *image, read);
        return;
    }
    const auto before = read({.root = change.before.root, .partition = {}, .path = change.before.image});
    const auto old_image = before ? PeImage::parse(as_bytes(before->contents)) : std::nullopt;
    const ForecastEvent* const event = forecast_of(forecast, *change.started.event);
    const bool is_there =
        old_image && event != nullptr && old_image->authenticode(forecast.bank()) == event->digest;
    apply_unified(forecast, change, is_there ? &*before : nullptr, *after);
}

} // namespace sealmount
