// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/next_boot_facts.hpp"

#include "base/text.hpp"
#include "core/events/efi_variable.hpp"
#include "sys/files/boot_files.hpp"
#include "sys/files/files.hpp"
#include "sys/host/bootctl.hpp"

#include <array>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

constexpr const char* loader_info =
    "/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
constexpr std::array boot_partitions = {"/efi", "/boot/efi", "/boot"};
/// Unified kernel images contain whole initrds.
constexpr std::size_t file_limit = 1U << 30U;

/// The version of systemd-boot, if that is what started the system.
std::optional<std::string> systemd_boot_version(const Paths& paths) {
    constexpr std::size_t attributes_size = 4; // efivarfs puts them in front
    constexpr std::string_view prefix = "systemd-boot ";
    const auto contents = read_trusted_file_if_exists(paths.below_root(loader_info));
    if (!contents || contents->size() <= attributes_size) {
        return std::nullopt;
    }
    const std::string loader = utf8(as_bytes(*contents).subspan(attributes_size));
    return loader.starts_with(prefix) ? std::optional{loader.substr(prefix.size())} : std::nullopt;
}

std::optional<NamedFile> read_boot_file(const Paths& paths, const BootPlace& place) {
    std::vector<fs::path> tops;
    if (place.root.empty()) {
        tops.assign(boot_partitions.begin(), boot_partitions.end());
    } else {
        tops.emplace_back(place.root);
    }
    for (const fs::path& top : tops) {
        const fs::path below = paths.below_root(top);
        if (!may_be_partition(below, place.partition)) {
            continue;
        }
        if (const auto file = find_without_case(below, place.path)) {
            return NamedFile{.name = file->string(), .contents = read_trusted_file(*file, file_limit)};
        }
    }
    return std::nullopt;
}

} // namespace

BootFacts boot_facts(const Paths& paths) {
    BootFacts facts;
    facts.systemd_boot = systemd_boot_version(paths);
    if (facts.systemd_boot && paths.is_running_system()) {
        if (const auto lists = bootctl_lists()) {
            facts.entries = read_boot_entries(lists->json, lists->text);
        }
    }
    facts.read = [paths](const BootPlace& place) { return read_boot_file(paths, place); };
    return facts;
}

} // namespace sealmount
