// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/next_boot_facts.hpp"

#include "base/format.hpp"
#include "base/text.hpp"
#include "core/events/efi_variable.hpp"
#include "sys/files/boot_files.hpp"
#include "sys/files/files.hpp"
#include "sys/files/partitions.hpp"
#include "sys/host/bootctl.hpp"

#include <algorithm>
#include <array>
#include <fstream>

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

/// Linux' boot protocol on x86; arm64 as it is, and compressed (Linux, arch/*/boot, zboot-header.S).
bool is_kernel(const fs::path& file) {
    struct Mark {
        std::size_t offset;
        std::string_view text;
    };
    constexpr std::array marks = {Mark{0x202, "HdrS"}, Mark{0x38, "ARMd"}, Mark{4, "zimg"}};
    std::string head(0x206, '\0');
    std::ifstream stream{file, std::ios::binary};
    stream.read(head.data(), static_cast<std::streamsize>(head.size()));
    return head.starts_with("MZ") && std::ranges::any_of(marks, [&](const Mark& mark) {
               return head.compare(mark.offset, mark.text.size(), mark.text) == 0;
           });
}

std::vector<NamedFile> kernels_in_boot(const Paths& paths) {
    constexpr int deepest = 4;
    std::vector<NamedFile> kernels;
    std::error_code error;
    for (fs::recursive_directory_iterator entry{paths.below_root("/boot"), error};
         !error && entry != fs::recursive_directory_iterator{}; entry.increment(error)) {
        if (entry->is_regular_file() && !entry->is_symlink() && is_kernel(entry->path())) {
            kernels.push_back(
                {.name = entry->path(), .contents = read_trusted_file(entry->path(), file_limit)});
        }
        if (entry.depth() >= deepest) {
            entry.disable_recursion_pending();
        }
    }
    return kernels;
}

/// As efivarfs shows it.
std::optional<Bytes> variable_now(const fs::path& directory, const std::string& name,
                                  const std::string& vendor) {
    constexpr std::size_t attributes_size = 4;
    const auto text = read_trusted_file_if_exists(directory / formatted("{}-{}", name, vendor));
    if (!text || text->size() < attributes_size) {
        return std::nullopt;
    }
    const BytesView contents = as_bytes(*text).subspan(attributes_size);
    return Bytes{contents.begin(), contents.end()};
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
    if (paths.is_running_system()) {
        facts.partition_tables = partition_tables;
    }
    facts.kernels = [paths] { return kernels_in_boot(paths); };
    const fs::path variables = paths.below_root("/sys/firmware/efi/efivars");
    if (variable_now(variables, "BootCurrent", "8be4df61-93ca-11d2-aa0d-00e098032b8c")) {
        facts.variable = [variables](const std::string& name, const std::string& vendor) {
            return variable_now(variables, name, vendor);
        };
    }
    return facts;
}

} // namespace sealmount
