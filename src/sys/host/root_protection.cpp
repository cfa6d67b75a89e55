// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/root_protection.hpp"

#include "sys/files/mount_table.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <vector>

namespace sealmount {

namespace fs = std::filesystem;

namespace {

constexpr unsigned deepest_stack = 16; ///< of devices on devices: no more than a loop in a false /sys has

std::vector<fs::path> entries_of(const fs::path& directory) {
    std::vector<fs::path> entries;
    std::error_code failed;
    for (const fs::directory_entry& entry : fs::directory_iterator{directory, failed}) {
        entries.push_back(entry.path());
    }
    return entries;
}

DiskProtection protection_of(const fs::path& device, unsigned depth);

/// Of all of them together: what protects a part only protects nothing.
DiskProtection protection_of_all(const std::vector<fs::path>& devices, const unsigned depth) {
    bool is_verified = true;
    bool is_known = !devices.empty();
    for (const fs::path& device : devices) {
        switch (protection_of(device, depth)) {
        case DiskProtection::open:
            return DiskProtection::open;
        case DiskProtection::encrypted:
            is_verified = false;
            break;
        case DiskProtection::verified:
            break;
        case DiskProtection::unknown:
            is_known = false;
            break;
        }
    }
    if (!is_known) {
        return DiskProtection::unknown;
    }
    return is_verified ? DiskProtection::verified : DiskProtection::encrypted;
}

/// Of a directory of /sys/block, or of a partition in one.
DiskProtection protection_of(const fs::path& device, const unsigned depth) {
    std::error_code failed;
    const fs::path place = fs::canonical(device, failed);
    if (failed || depth > deepest_stack || fs::exists(place / "loop")) {
        return DiskProtection::unknown;
    }
    std::string uuid;
    std::getline(std::ifstream{place / "dm/uuid"}, uuid);
    if (uuid.starts_with("CRYPT-VERITY-")) {
        return DiskProtection::verified;
    }
    if (uuid.starts_with("CRYPT-") && !uuid.starts_with("CRYPT-INTEGRITY-")) {
        return DiskProtection::encrypted;
    }
    if (const auto parts = entries_of(place / "slaves"); !parts.empty()) {
        return protection_of_all(parts, depth + 1);
    }
    if (fs::exists(place / "partition")) {
        return protection_of(place.parent_path(), depth + 1);
    }
    return fs::exists(place / "device") ? DiskProtection::open : DiskProtection::unknown;
}

/// The devices of the btrfs that one of this name belongs to: it may have several.
std::vector<fs::path> devices_of_btrfs(const fs::path& root, const std::string& name) {
    for (const fs::path& file_system : entries_of(root / "sys/fs/btrfs")) {
        if (fs::exists(file_system / "devices" / name)) {
            return entries_of(file_system / "devices");
        }
    }
    return {};
}

} // namespace

DiskProtection root_protection(const std::string_view mountinfo, const fs::path& root) {
    const MountTable table = MountTable::parsed(mountinfo);
    // The last one is on top.
    const auto found =
        std::ranges::find(table.lines().rbegin(), table.lines().rend(), "/", &MountLine::mountpoint);
    if (found == table.lines().rend()) {
        return DiskProtection::unknown;
    }
    if (found->type != "btrfs") {
        return protection_of(root / "sys/dev/block" / found->device, 0);
    }
    std::error_code failed;
    const fs::path source = fs::canonical(root / fs::path{found->source}.relative_path(), failed);
    return failed ? DiskProtection::unknown
                  : protection_of_all(devices_of_btrfs(root, source.filename().string()), 0);
}

std::optional<bool> secure_boot_is_on(const fs::path& root) {
    if (!fs::exists(root / "sys/firmware/efi")) {
        return false;
    }
    std::ifstream variable{root / "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
                           std::ios::binary};
    std::array<char, 5> bytes = {}; // four of attributes, and the value
    variable.read(bytes.data(), bytes.size());
    return variable ? std::optional{bytes.back() == 1} : std::nullopt;
}

bool kernel_encrypts_tpm_bus(const fs::path& root) {
    return fs::exists(root / "sys/class/tpm/tpm0/null_name");
}

} // namespace sealmount
