// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/named_changes.hpp"

#include "base/byte_reader.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/events/event_text.hpp"
#include "core/prediction/boot_images.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>
#include <filesystem>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

/// What GRUB says of an event, up to the NUL.
std::string text_of_grub(const LogEvent& event) {
    std::string text{reinterpret_cast<const char*>(event.data.data()), event.data.size()};
    text.resize(std::min(text.find('\0'), text.size()));
    return text;
}

/// The name of a file that GRUB opened, as it logged it; "" for any other event.
std::string opened_file(const LogEvent& event) {
    return event.pcr == linux_pcr && event.type == EventType::ipl ? text_of_grub(event) : std::string{};
}

/// Is the file one that a command loads as an initrd? Where no command is known to, it may be.
bool may_be_initrd(const EventLog& log, const std::string& name) {
    bool has_command = false;
    for (const LogEvent& event : log.events) {
        const std::string text = event.pcr == grub_pcr ? text_of_grub(event) : std::string{};
        const bool is_command = text.starts_with("grub_cmd: initrd");
        if (is_command && text.find(name) != std::string::npos) {
            return true;
        }
        has_command = has_command || is_command;
    }
    return !has_command;
}

/// The kernel, and what is behind it, are the only files that do not decide what GRUB does.
bool is_of_script(const std::string& name) {
    return name.ends_with(".cfg") || name.ends_with("/grubenv") || name.ends_with(".lst") ||
           name.ends_with(".mod") || name.ends_with(".conf");
}

void doubt_script(Forecast& forecast, const std::string& why) {
    forecast.spoil(grub_pcr, why, {AdviceKind::change_and_look});
    forecast.spoil(linux_pcr, why, {AdviceKind::change_and_look});
}

/// GRUB measures names, in its script and with each file. They stay only for a file that is overwritten.
bool stays_in_place(const std::string& name, const NamedFile& before, const NamedFile& after) {
    const fs::path logged = fs::path{name}.filename();
    return fs::path{before.name}.filename() == logged && fs::path{after.name}.filename() == logged;
}

void doubt_after_program(Forecast& forecast, const PeImage& before, const PeImage& after) {
    if (before.has_section("mods") && is_behind_grub(forecast.log())) {
        const std::string why = "GRUB is replaced, and what another one measures is known only after it has "
                                "started a boot";
        forecast.spoil(image_pcr, why);
        doubt_script(forecast, why);
    }
    const LogEvent* const shim = shim_in(forecast.log());
    const bool was_shim =
        shim != nullptr && shim->digests.at(forecast.bank()) == before.authenticode(forecast.bank());
    if (was_shim || is_shim(before) || is_shim(after)) {
        spoil_for_shim(forecast);
    }
    const std::string old_loader = boot_loader_version(before);
    const std::string new_loader = boot_loader_version(after);
    if (!old_loader.empty() && major_version(old_loader) != major_version(new_loader)) {
        for (const unsigned pcr : {loader_pcr, linux_pcr, parameters_pcr}) {
            forecast.spoil(pcr,
                           formatted("systemd-boot is replaced by another {}, which may measure differently",
                                     new_loader.empty() ? "program" : "version"));
        }
    }
}

/// The kernel measures all its initrds as one.
void doubt_after_initrd(Forecast& forecast) {
    const bool is_measured_whole = std::ranges::any_of(forecast.events(), [](const ForecastEvent& event) {
        return event.past != nullptr && !event.is_changed && event.type == EventType::event_tag &&
               ByteReader{event.past->data}.u32() == linux_initrd_tag;
    });
    if (is_measured_whole) {
        forecast.spoil(linux_pcr, "the kernel has measured several initrds as one, of which one is replaced",
                       {AdviceKind::change_and_look});
    }
}

bool is_unified(const EventLog& log) {
    return std::ranges::any_of(log.events, [](const LogEvent& event) {
        return event.is_measured() && event.pcr == uki_pcr && event.type == EventType::ipl &&
               text_in(event.data).starts_with(".cmdline");
    });
}

} // namespace

void doubt_after_file(Forecast& forecast, const NamedFile& before, const NamedFile& after) {
    const auto old_image = PeImage::parse(as_bytes(before.contents));
    const auto new_image = PeImage::parse(as_bytes(after.contents));
    if (old_image && new_image) {
        doubt_after_program(forecast, *old_image, *new_image);
    }
    if (!is_behind_grub(forecast.log())) {
        return;
    }
    const Bytes old_digest = digest(forecast.bank(), {as_bytes(before.contents)});
    for (const LogEvent& event : forecast.log().events) {
        const std::string name = opened_file(event);
        if (name.empty() || event.digests.at(forecast.bank()) != old_digest) {
            continue;
        }
        if (is_of_script(name)) {
            doubt_script(forecast,
                         formatted("what GRUB does with another {} is not computed of a change that "
                                   "is only named",
                                   printable(name)));
        } else if (!stays_in_place(name, before, after)) {
            doubt_script(forecast,
                         formatted("GRUB measures the name of {}, and its script, which has to have "
                                   "another name then",
                                   printable(name)));
        } else if (!old_image && may_be_initrd(forecast.log(), name)) {
            doubt_after_initrd(forecast);
        }
    }
}

void doubt_after_command_line(Forecast& forecast) {
    if (is_behind_grub(forecast.log())) {
        doubt_script(forecast, "the command line is in GRUB's script, which is measured");
    }
    if (is_unified(forecast.log())) {
        for (const unsigned pcr : {image_pcr, uki_pcr}) {
            forecast.spoil(pcr, "the command line is part of the unified image, which is measured");
        }
    }
}

} // namespace sealmount
