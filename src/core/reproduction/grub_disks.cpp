// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/reproduction/grub_disks.hpp"

#include "base/error.hpp"
#include "core/grub/grub_boot.hpp"
#include "core/prediction/boot_images.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace sealmount {

namespace {

/// "(hd0,gpt2)/boot/grub/grub.cfg"
struct LoggedFile {
    std::string disk;
    std::string partition;
    std::string path;
    Bytes digest;
};

std::string text_of(const LogEvent& event) {
    std::string text{reinterpret_cast<const char*>(event.data.data()), event.data.size()};
    text.resize(std::min(text.find('\0'), text.size()));
    return text;
}

std::optional<LoggedFile> logged_file(const LogEvent& event, const PcrBank bank) {
    const std::string text = text_of(event);
    const std::size_t comma = text.find(',');
    const std::size_t end = text.find(')');
    if (event.pcr != grub_file_pcr || event.type != EventType::ipl || !text.starts_with("(hd") ||
        end == std::string::npos || comma >= end) {
        return std::nullopt;
    }
    return LoggedFile{.disk = text.substr(1, comma - 1),
                      .partition = text.substr(comma + 1, end - comma - 1),
                      .path = text.substr(end + 1),
                      .digest = event.digests.at(bank)};
}

bool has_that_content(const Partition& partition, const LoggedFile& file, const PcrBank bank) {
    try {
        RunningDigest running{bank};
        MountedFiles{file.disk, partition.mounts}.read(file.path,
                                                       [&](const BytesView piece) { running.add(piece); });
        return running.finish() == file.digest;
    } catch (const Error&) {
        return false;
    }
}

class DiskNames {
  public:
    DiskNames(const Disks& disks, const PcrBank bank) : disks_(disks), bank_(bank) {}

    GrubDisks names;

    void add(const std::vector<LoggedFile>& files) {
        for (const LoggedFile& file : files) {
            if (const auto found = names.contains(file.disk) ? std::set<std::string>{} : with_content(file);
                found.size() == 1) {
                names[file.disk] = *found.begin();
            }
        }
        for (const LoggedFile& file : files) {
            if (const auto left = left_disks(); !names.contains(file.disk) && left.size() == 1) {
                names[file.disk] = *left.begin();
            }
        }
    }

  private:
    [[nodiscard]] bool is_named(const std::string& disk) const {
        return std::ranges::any_of(names, [&](const auto& entry) { return entry.second == disk; });
    }

    [[nodiscard]] std::set<std::string> with_content(const LoggedFile& file) const {
        std::set<std::string> found;
        for (const Partition& partition : disks_.partitions) {
            if (!is_named(partition.disk) && grub_name(partition) == file.partition &&
                has_that_content(partition, file, bank_)) {
                found.insert(partition.disk);
            }
        }
        return found;
    }

    [[nodiscard]] std::set<std::string> left_disks() const {
        std::set<std::string> left;
        for (const Partition& partition : disks_.partitions) {
            if (!is_named(partition.disk)) {
                left.insert(partition.disk);
            }
        }
        return left;
    }

    const Disks& disks_;
    PcrBank bank_;
};

} // namespace

GrubDisks disks_in_log(const EventLog& log, const PcrBank bank, const Disks& disks,
                       const Partition& loaded_from, const std::vector<std::string>& directories) {
    std::vector<LoggedFile> files;
    for (const LogEvent& event : log.events) {
        if (auto file = logged_file(event, bank)) {
            files.push_back(std::move(*file));
        }
    }
    DiskNames disk_names{disks, bank};
    const auto is_of_grub = [&](const std::string_view path) {
        return std::ranges::any_of(directories, [&](const std::string& directory) {
            return !directory.empty() && is_same_path(path.substr(0, directory.size() + 1), directory + "/");
        });
    };
    for (const LoggedFile& file : files) {
        if (disk_names.names.empty() && file.partition == grub_name(loaded_from) && is_of_grub(file.path)) {
            disk_names.names[file.disk] = loaded_from.disk;
        }
    }
    disk_names.add(files);
    return disk_names.names;
}

std::string grub_name(const Partition& partition) {
    return (partition.scheme == "gpt" ? "gpt" : "msdos") + std::to_string(partition.number);
}

std::set<std::string> disks_named_in(const std::string_view text) {
    std::set<std::string> found;
    for (std::size_t at = text.find("hd"); at != std::string_view::npos; at = text.find("hd", at + 1)) {
        const std::size_t end = std::min(text.find_first_not_of("0123456789?", at + 2), text.size());
        const bool begins =
            at == 0 || std::string_view{" (='\","}.find(text[at - 1]) != std::string_view::npos;
        const bool ends = end == text.size() || text[end] == ',' || text[end] == ')' || text[end] == ' ';
        if (end > at + 2 && begins && ends) {
            found.emplace(text.substr(at, end - at));
        }
    }
    return found;
}

std::set<std::string> disks_named_in(const EventLog& log) {
    std::set<std::string> found;
    for (const LogEvent& event : log.events) {
        if ((event.pcr == grub_command_pcr || event.pcr == grub_file_pcr) && event.type == EventType::ipl) {
            found.merge(disks_named_in(text_of(event)));
        }
    }
    return found;
}

} // namespace sealmount
