// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/partitions.hpp"

#include "base/hex.hpp"
#include "base/unique_fd.hpp"
#include "sys/files/mount_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <map>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

using Properties = std::map<std::string, std::string>;

std::string first_line(const fs::path& file) {
    std::string text = read_proc_file(file).value_or("");
    text.resize(std::min(text.find('\n'), text.size()));
    return text;
}

/// The lines "E:NAME=VALUE" of udev's database; nothing when it does not know the device.
std::optional<Properties> udev_properties(const fs::path& root, const std::string& device) {
    const auto text = read_proc_file(root / "run/udev/data" / ("b" + device));
    if (!text) {
        return std::nullopt;
    }
    Properties properties;
    for (std::string_view rest{*text}; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        const std::size_t equals = line.find('=');
        if (line.starts_with("E:") && equals != std::string_view::npos) {
            properties[std::string{line.substr(2, equals - 2)}] = line.substr(equals + 1);
        }
    }
    return properties;
}

std::string property(const Properties& properties, const char* const name) {
    const auto found = properties.find(name);
    return found == properties.end() ? "" : found->second;
}

/// What udev writes as "\x20" (blkid_encode_string(3)).
std::string without_udev_escapes(const std::string& text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = text.compare(at, 2, "\\x") == 0 ? from_hex(text.substr(at + 2, 2)) : std::nullopt;
        if (byte && byte->size() == 1) {
            plain += static_cast<char>(byte->front());
            at += 3;
        } else {
            plain += text[at];
        }
    }
    return plain;
}

unsigned number_in(const std::string& text) {
    unsigned number = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

/// Block devices that a disk's firmware knows nothing of: loops, device mapper, RAID, memory; and those of
/// removable media, which GRUB names otherwise.
bool is_disk(const fs::path& device) {
    return device.string().find("/virtual/") == std::string::npos &&
           !device.filename().string().starts_with("sr") && !device.filename().string().starts_with("fd");
}

class DiskSurvey {
  public:
    explicit DiskSurvey(fs::path root)
        : root_(std::move(root)),
          table_(MountTable::parsed(read_proc_file(root_ / "proc/self/mountinfo").value_or(""))) {}

    Disks look() {
        std::vector<fs::path> devices;
        std::error_code error;
        for (fs::directory_iterator entry{root_ / "sys/class/block", error};
             !error && entry != fs::directory_iterator{}; entry.increment(error)) {
            devices.push_back(entry->path());
        }
        std::ranges::sort(devices);
        for (const fs::path& device : devices) {
            const fs::path real = fs::canonical(device, error);
            if (!error && is_disk(real)) {
                add(real);
            }
        }
        return std::move(disks_);
    }

  private:
    void add(const fs::path& device) {
        const std::string number = first_line(device / "partition");
        const std::string device_number = first_line(device / "dev");
        const auto properties = udev_properties(root_, device_number);
        if (number.empty()) {
            // A whole disk: of interest only where it has no partitions.
            disks_.has_more = disks_.has_more || (properties && !property(*properties, "ID_FS_TYPE").empty());
            return;
        }
        const std::string usage = properties ? property(*properties, "ID_FS_USAGE") : "";
        disks_.has_more = disks_.has_more || !properties || usage == "raid" || usage == "crypto";
        if (usage != "filesystem") {
            return;
        }
        Partition partition;
        partition.disk = device.parent_path().filename().string();
        partition.number = number_in(number);
        partition.scheme = property(*properties, "ID_PART_ENTRY_SCHEME");
        partition.guid = property(*properties, "ID_PART_ENTRY_UUID");
        partition.type = property(*properties, "ID_FS_TYPE");
        partition.uuid = without_udev_escapes(property(*properties, "ID_FS_UUID_ENC"));
        partition.label = without_udev_escapes(property(*properties, "ID_FS_LABEL_ENC"));
        partition.mounts = mounts_of(device_number, device.filename().string());
        disks_.partitions.push_back(std::move(partition));
    }

    [[nodiscard]] std::vector<MountedRoot> mounts_of(const std::string& number,
                                                     const std::string& name) const {
        std::vector<MountedRoot> mounts;
        for (const MountLine& line : table_.lines()) {
            // btrfs has device numbers of its own.
            const bool is_source = line.type == "btrfs" && source_name(line.source) == name;
            if (line.device == number || is_source) {
                mounts.push_back({.root = line.root,
                                  .mountpoint = root_ / fs::path{line.mountpoint}.relative_path(),
                                  .id = root_ == "/" ? line.id : 0});
            }
        }
        return mounts;
    }

    [[nodiscard]] std::string source_name(const std::string& source) const {
        std::error_code error;
        const fs::path real = fs::canonical(root_ / fs::path{source}.relative_path(), error);
        return error ? fs::path{source}.filename().string() : real.filename().string();
    }

    fs::path root_;
    MountTable table_;
    Disks disks_;
};

} // namespace

Disks disks_of(const fs::path& root) {
    for (const char* const directory : {"efi", "boot", "boot/efi"}) {
        struct ::stat ignored = {};
        (void)::stat((root / directory / ".").c_str(), &ignored);
    }
    return DiskSurvey{root}.look();
}

std::vector<Bytes> partition_tables() {
    constexpr std::size_t header_size = 92;
    constexpr std::string_view signature = "EFI PART";
    std::vector<Bytes> tables;
    std::error_code error;
    for (fs::directory_iterator entry{"/sys/class/block", error}; !error && entry != fs::directory_iterator{};
         entry.increment(error)) {
        const fs::path real = fs::canonical(entry->path(), error);
        if (error || !is_disk(real) || fs::exists(real / "partition", error)) {
            continue;
        }
        const UniqueFd disk{::open(("/dev" / real.filename()).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
        for (const ::off_t second_block : {512, 4096}) {
            Bytes header(header_size);
            const bool is_whole = disk && ::pread(disk.get(), header.data(), header.size(), second_block) ==
                                              static_cast<::ssize_t>(header.size());
            if (is_whole &&
                std::ranges::equal(BytesView{header}.first(signature.size()), as_bytes(signature))) {
                tables.push_back(std::move(header));
            }
        }
    }
    return tables;
}

} // namespace sealmount
