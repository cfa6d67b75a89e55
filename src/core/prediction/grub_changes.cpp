// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/grub_changes.hpp"

#include "base/format.hpp"
#include "base/text.hpp"
#include "core/prediction/boot_images.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>
#include <filesystem>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

/// The name of a file that GRUB opened, as it logged it; "" for any other event.
std::string opened_file(const LogEvent& event) {
    if (event.pcr != linux_pcr || event.type != EventType::ipl) {
        return {};
    }
    std::string name{reinterpret_cast<const char*>(event.data.data()), event.data.size()};
    name.resize(std::min(name.find('\0'), name.size()));
    return name;
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

bool has_another_name_beside(const NamedFile& before, const NamedFile& after) {
    const fs::path old_file{before.name};
    const fs::path new_file{after.name};
    return old_file.parent_path() == new_file.parent_path() && old_file.filename() != new_file.filename();
}

} // namespace

void doubt_after_file(Forecast& forecast, const NamedFile& before, const NamedFile& after) {
    if (!is_behind_grub(forecast.log())) {
        return;
    }
    const auto image = PeImage::parse(as_bytes(before.contents));
    if (image && image->has_section("mods")) {
        const std::string why = "GRUB is replaced, and what another one measures is known only after it has "
                                "started a boot";
        forecast.spoil(image_pcr, why);
        doubt_script(forecast, why);
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
        } else if (has_another_name_beside(before, after)) {
            doubt_script(forecast,
                         formatted("GRUB measures the name of {}, and its script, which has to have "
                                   "another name then",
                                   printable(name)));
        }
    }
}

void doubt_after_command_line(Forecast& forecast) {
    const bool has_script = std::ranges::any_of(
        forecast.log().events, [](const LogEvent& event) { return is_of_script(opened_file(event)); });
    if (has_script && is_behind_grub(forecast.log())) {
        doubt_script(forecast, "the command line is in GRUB's script, which is measured");
    }
}

} // namespace sealmount
