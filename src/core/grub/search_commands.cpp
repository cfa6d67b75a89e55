// Which device has a file system, a label or a file.
//
// Source: commands/search.c (hints first, then all devices; what was found once is tried before them),
// commands/search_wrap.c (the options), commands/probe.c. Fedora's GRUB has one option more (root-dev-only).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/command_options.hpp"
#include "core/grub/commands.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

enum class SearchKind { uuid, label, file };

struct DeviceSearch {
    SearchKind kind{};
    std::string key{};
    std::string variable{}; ///< "" when the devices are only shown
    std::vector<std::string> hints{};
    bool is_near_root = false; ///< of several, the one on the disk of $root (Fedora's)
};

bool equals_ignoring_case(const std::string_view a, const std::string_view b) {
    const auto lower = [](const char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return std::ranges::equal(a, b, {}, lower, lower);
}

bool matches(GrubRun& run, const DeviceSearch& search, const GrubDevice& device) {
    switch (search.kind) {
    case SearchKind::uuid:
        return !device.uuid.empty() && equals_ignoring_case(device.uuid, search.key);
    case SearchKind::label:
        return !device.label.empty() && device.label == search.key;
    case SearchKind::file:
        break;
    }
    return run.kind("(" + device.name + ")" + search.key) == GrubFileKind::file;
}

/// The device, under the name that GRUB would have found it by; nothing when there is none.
std::optional<std::string> find_device(GrubRun& run, const DeviceSearch& search) {
    for (const std::string& hint : search.hints) {
        const bool with_partitions = hint.ends_with(',');
        const std::string name = with_partitions ? hint.substr(0, hint.size() - 1) : hint;
        const GrubDevice* const hinted = run.device(name);
        if (hinted != nullptr && matches(run, search, *hinted)) {
            return name;
        }
        if (!with_partitions) {
            continue;
        }
        for (const GrubDevice& device : run.devices()) {
            if (device.name.starts_with(hint) && matches(run, search, device)) {
                return device.name;
            }
        }
    }
    std::vector<std::string> found;
    for (const GrubDevice& device : run.devices()) {
        if (matches(run, search, device)) {
            found.push_back(device.name);
        }
    }
    if (found.size() > 1 && search.is_near_root) {
        const std::string root = run.environment.text("root");
        const std::string disk = root.substr(0, root.find(',')) + ",";
        std::erase_if(found, [&](const std::string& name) { return !name.starts_with(disk); });
    }
    if (found.size() > 1) {
        run.stop("\"" + search.key + "\" is on more than one device");
    }
    return found.empty() ? std::nullopt : std::optional{found.front()};
}

GrubStatus search_device(GrubRun& run, const DeviceSearch& search) {
    constexpr std::array kind_names = {"uuid:", "label:", "file:"};
    const std::string cached_as = kind_names[static_cast<std::size_t>(search.kind)] + search.key;
    std::optional<std::string> found;
    if (const auto cached = run.found_devices.find(cached_as); cached != run.found_devices.end()) {
        found = cached->second;
    } else {
        found = find_device(run, search);
    }
    if (!found) {
        if (run.module_of_command("search") != nullptr) {
            // GRUB then loads the drivers of fs.lst one by one, and looks again.
            run.stop("\"" + search.key + "\" is on no device that GRUB can read");
        }
        return grub_status(GrubError::file_not_found);
    }
    run.found_devices.emplace(cached_as, *found);
    if (search.kind == SearchKind::file) {
        if (search.variable.empty()) {
            run.stop("a file is looked for on all devices");
        }
        (void)run.open("(" + *found + ")" + search.key);
    }
    if (!search.variable.empty()) {
        run.set_variable(search.variable, *found);
    }
    return grub_success;
}

GrubStatus search_plainly(GrubRun& run, const GrubCall& call, const SearchKind kind) {
    if (call.arguments.empty()) {
        return grub_status(GrubError::bad_argument);
    }
    DeviceSearch search{.kind = kind, .key = call.arguments[0]};
    if (call.arguments.size() > 1) {
        search.variable = call.arguments[1];
        search.hints.assign(call.arguments.begin() + 2, call.arguments.end());
    }
    return search_device(run, search);
}

constexpr std::array search_options = {
    CommandOption{.name = "file", .letter = 'f'},
    CommandOption{.name = "label", .letter = 'l'},
    CommandOption{.name = "fs-uuid", .letter = 'u'},
    CommandOption{.name = "set", .letter = 's', .takes_value = true, .is_value_optional = true},
    CommandOption{.name = "no-floppy", .letter = 'n'},
    CommandOption{.name = "efidisk-only"},
    CommandOption{.name = "root-dev-only", .letter = 'r'},
    CommandOption{.name = "hint", .letter = 'h', .takes_value = true},
    CommandOption{.name = "hint-ieee1275", .takes_value = true},
    CommandOption{.name = "hint-bios", .takes_value = true},
    CommandOption{.name = "hint-baremetal", .takes_value = true},
    CommandOption{.name = "hint-efi", .takes_value = true},
    CommandOption{.name = "hint-arc", .takes_value = true},
};

} // namespace

GrubStatus search_command(GrubRun& run, const GrubCall& call) {
    const auto parsed = parse_options(search_options, call.arguments, true);
    if (!parsed) {
        return grub_failure(GrubError::bad_argument);
    }
    DeviceSearch search;
    for (const std::string_view hint : {"hint", "hint-efi", "hint-baremetal"}) {
        for (std::string& value : parsed->values(hint)) {
            if (!value.empty()) {
                search.hints.push_back(std::move(value));
            }
        }
    }
    search.is_near_root = parsed->has("root-dev-only");
    const auto set = parsed->value("set");
    if (parsed->has("set")) {
        search.variable = set.value_or("root");
    }
    const auto key = std::ranges::find_if_not(parsed->arguments, [](const std::string& argument) {
        return argument.starts_with(std::string{"--"} + "hint-");
    });
    if (key != parsed->arguments.end()) {
        search.key = *key;
    } else if (set) {
        search.key = *set;
        search.variable = "root";
    } else {
        return grub_status(GrubError::bad_argument);
    }
    if (parsed->has("label")) {
        search.kind = SearchKind::label;
    } else if (parsed->has("fs-uuid")) {
        search.kind = SearchKind::uuid;
    } else if (parsed->has("file")) {
        search.kind = SearchKind::file;
    } else {
        return grub_failure(GrubError::bad_argument);
    }
    return search_device(run, search);
}

GrubStatus search_by_uuid(GrubRun& run, const GrubCall& call) {
    return search_plainly(run, call, SearchKind::uuid);
}

GrubStatus search_by_label(GrubRun& run, const GrubCall& call) {
    return search_plainly(run, call, SearchKind::label);
}

GrubStatus search_by_file(GrubRun& run, const GrubCall& call) {
    return search_plainly(run, call, SearchKind::file);
}

GrubStatus probe_command(GrubRun& run, const GrubCall& call) {
    constexpr std::array options = {
        CommandOption{.name = "set", .letter = 's', .takes_value = true},
        CommandOption{.name = "fs-uuid", .letter = 'u'},
        CommandOption{.name = "label", .letter = 'l'},
    };
    const auto parsed = parse_options(options, call.arguments, false);
    if (!parsed || parsed->arguments.size() != 1 || parsed->has("fs-uuid") == parsed->has("label")) {
        run.stop("a device is probed for what is not followed here");
    }
    std::string name = parsed->arguments.front();
    if (name.starts_with('(') && name.ends_with(')')) {
        name = name.substr(1, name.size() - 2);
    }
    const GrubDevice* const device = run.device(name);
    const std::string value = device == nullptr ? "" : parsed->has("fs-uuid") ? device->uuid : device->label;
    if (value.empty()) {
        return grub_failure(GrubError::unknown_device);
    }
    if (const auto variable = parsed->value("set")) {
        run.set_variable(*variable, value);
    }
    return grub_success;
}

} // namespace sealmount
