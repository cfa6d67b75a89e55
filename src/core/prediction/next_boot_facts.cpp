// SPDX-License-Identifier: LGPL-2.1-or-later
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
/// Unified kernel images have whole initrds in them.
constexpr std::size_t file_limit = 1U << 30U;

std::string loader_of(const Paths& paths) {
    constexpr std::size_t attributes_size = 4; // efivarfs puts them in front
    const auto contents = read_trusted_file_if_exists(paths.below_root(loader_info));
    return contents && contents->size() > attributes_size ? utf8(as_bytes(*contents).subspan(attributes_size))
                                                          : std::string{};
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
    facts.loader = loader_of(paths);
    if (!facts.loader.starts_with("systemd-boot ")) {
        facts.loader.clear();
    } else if (paths.is_running_system()) {
        if (const auto lists = bootctl_lists()) {
            facts.entries = read_boot_entries(lists->json, lists->text);
        }
    }
    facts.read = [paths](const BootPlace& place) { return read_boot_file(paths, place); };
    return facts;
}

} // namespace sealmount
