// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/reproduction/booted_grub.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/events/efi_variable.hpp"
#include "core/grub/grub_image.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

constexpr std::size_t largest_grub = std::size_t{64} << 20U;

/// An image of the log, and where its file is.
struct PlacedImage {
    const LogEvent* event = nullptr;
    const Partition* partition = nullptr; ///< null when no file system is known to be there
    std::string path;                     ///< with slashes
};

std::string lower_case(std::string text) {
    std::ranges::transform(text, text.begin(), [](const char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

/// What shim starts comes from its own partition.
std::vector<PlacedImage> placed_images(const EventLog& log, const Disks& disks) {
    std::vector<PlacedImage> placed;
    std::string partition;
    for (const BootImage& image : boot_images(log)) {
        partition = image.partition.empty() ? partition : lower_case(image.partition);
        std::string path = image.path.empty() ? image.path_alone : image.path;
        std::ranges::replace(path, '\\', '/');
        const auto found = std::ranges::find_if(disks.partitions, [&](const Partition& one) {
            return !partition.empty() && lower_case(one.guid) == partition;
        });
        placed.push_back({.event = image.event,
                          .partition = found == disks.partitions.end() ? nullptr : &*found,
                          .path = std::move(path)});
    }
    return placed;
}

bool is_secure_boot_on(const EventLog& log) {
    return std::ranges::any_of(log.events, [](const LogEvent& event) {
        const auto variable = event.pcr == secure_boot_pcr && event.type == EventType::variable_driver_config
                                  ? variable_data_of(event.data)
                                  : std::nullopt;
        return variable && variable->name_text() == "SecureBoot" && variable->contents == Bytes{std::byte{1}};
    });
}

/// GRUB's drivers for what udev calls the type of a file system; those without one here are not looked at.
bool can_read(const std::set<std::string>& modules, const std::string& type) {
    struct Driver {
        std::string_view type;
        const char* module;
    };
    constexpr std::array drivers = {
        Driver{"ext2", "ext2"},       Driver{"ext3", "ext2"},        Driver{"ext4", "ext2"},
        Driver{"vfat", "fat"},        Driver{"xfs", "xfs"},          Driver{"btrfs", "btrfs"},
        Driver{"exfat", "exfat"},     Driver{"f2fs", "f2fs"},        Driver{"ntfs", "ntfs"},
        Driver{"iso9660", "iso9660"}, Driver{"squashfs", "squash4"},
    };
    return std::ranges::any_of(drivers, [&](const Driver& driver) {
        return driver.type == type && modules.contains(driver.module);
    });
}

bool can_write(const std::string& type) {
    return type == "ext2" || type == "ext3" || type == "ext4" || type == "vfat" || type == "xfs";
}

class GrubFinder {
  public:
    GrubFinder(const EventLog& log, const PcrBank bank, const Disks& disks)
        : log_(log), bank_(bank), disks_(disks), images_(placed_images(log, disks)) {}

    BootedGrub find(const GrubDisks& names) {
        const PlacedImage& placed = find_image();
        BootedGrub grub;
        grub.image = placed.event;
        for (const PlacedImage& image : images_) {
            if (image.event->number > placed.event->number) {
                grub.started.push_back(image.event);
            }
        }
        const std::string directory = placed.path.substr(0, placed.path.rfind('/'));
        grub.disks = names.empty()
                         ? disks_in_log(log_, bank_, disks_, *placed.partition, {directory, image_.prefix})
                         : names;
        grub.machine = std::make_unique<MountedMachine>();
        std::string own_device;
        std::map<std::string, std::string> names_of_disks = reversed(grub.disks);
        for (const Partition& partition : disks_.partitions) {
            const std::string device = device_name(partition, names_of_disks);
            if (can_read(image_.modules, partition.type)) {
                grub.machine->add({.name = device,
                                   .uuid = partition.uuid,
                                   .label = partition.label,
                                   .writable = can_write(partition.type)},
                                  MountedFiles{device, partition.mounts});
            }
            own_device = &partition == placed.partition ? device : own_device;
        }
        if (own_device.starts_with(unnamed_disk)) {
            throw Error{Reason::unavailable, "how GRUB names the disk that it comes from is not in the log"};
        }
        grub.start = start_of(image_, own_device, directory, is_secure_boot_on(log_));
        if (names_of_disks.size() > grub.disks.size() || disks_.has_more) {
            grub.known_names = disks_named_in(log_);
        }
        return grub;
    }

  private:
    /// The last image that is a GRUB, as it was started; image_ is what is in it.
    const PlacedImage& find_image() {
        std::string why = "the log has no image of a GRUB that is on a mounted partition";
        for (auto placed = images_.rbegin(); placed != images_.rend(); ++placed) {
            if (placed->path.empty() || placed->partition == nullptr) {
                continue;
            }
            const MountedFiles files{placed->partition->guid, placed->partition->mounts};
            if (files.kind(placed->path) != MountedFiles::Kind::file) {
                why = formatted("{}, which this boot started, is gone", printable(placed->path));
                continue;
            }
            const std::string contents = files.read(placed->path, largest_grub);
            auto image = read_grub_image(as_bytes(contents));
            if (!image) {
                continue;
            }
            const auto pe = PeImage::parse(as_bytes(contents));
            if (!pe || pe->authenticode(bank_) != placed->event->digests.at(bank_)) {
                throw Error{Reason::unavailable,
                            formatted("{} is not the GRUB that started this boot, and what another one "
                                      "measures is known only after it has started one",
                                      printable(placed->path))};
            }
            image_ = std::move(*image);
            return *placed;
        }
        throw Error{Reason::unavailable, why};
    }

    static std::map<std::string, std::string> reversed(const GrubDisks& disks) {
        std::map<std::string, std::string> names;
        for (const auto& [name, disk] : disks) {
            names[disk] = name;
        }
        return names;
    }

    static std::string device_name(const Partition& partition, std::map<std::string, std::string>& names) {
        const auto& [disk, name] =
            *names.try_emplace(partition.disk, formatted("{}{}", unnamed_disk, names.size())).first;
        return name + "," + grub_name(partition);
    }

    const EventLog& log_;
    PcrBank bank_;
    const Disks& disks_;
    std::vector<PlacedImage> images_;
    GrubImage image_{};
};

} // namespace

std::expected<BootedGrub, Problem> booted_grub(const EventLog& log, const PcrBank bank, const Disks& disks,
                                               const GrubDisks& names) {
    try {
        return GrubFinder{log, bank, disks}.find(names);
    } catch (const Error& error) {
        return std::unexpected{Problem{.message = error.what(), .advice = error.advice()}};
    }
}

} // namespace sealmount
