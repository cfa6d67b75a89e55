// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/reproduction/mounted_machine.hpp"

#include "base/error.hpp"
#include "sys/tpm/digest.hpp"

namespace sealmount {

namespace {

constexpr std::size_t largest_text = std::size_t{8} << 20U;
constexpr std::size_t largest_image = std::size_t{256} << 20U;

} // namespace

void MountedMachine::add(GrubDevice device, MountedFiles files) {
    files_.emplace(device.name, std::move(files));
    devices_.push_back(std::move(device));
}

const MountedFiles& MountedMachine::files_of(const GrubFile& file) const {
    const auto found = files_.find(file.device);
    if (found == files_.end()) {
        throw Error{Reason::internal, file.device + " is not a device of GRUB here"};
    }
    return found->second;
}

GrubFileKind MountedMachine::kind(const GrubFile& file) const {
    switch (files_of(file).kind(file.path)) {
    case MountedFiles::Kind::missing:
        return GrubFileKind::missing;
    case MountedFiles::Kind::file:
        return GrubFileKind::file;
    case MountedFiles::Kind::directory:
        return GrubFileKind::directory;
    }
    return GrubFileKind::missing;
}

std::string MountedMachine::read(const GrubFile& file) const {
    return files_of(file).read(file.path, largest_text);
}

std::string MountedMachine::read_image(const GrubFile& file) const {
    return files_of(file).read(file.path, largest_image);
}

GrubNames MountedMachine::names(const GrubFile& directory) const {
    return {.names = files_of(directory).names(directory.path), .in_disk_order = false};
}

Bytes MountedMachine::digest(const std::vector<GrubFile>& files, const PcrBank bank) const {
    const auto known = digests_.find({files, bank});
    if (known != digests_.end()) {
        return known->second;
    }
    constexpr std::size_t unit = 4;
    RunningDigest running{bank};
    std::size_t size = 0;
    for (const GrubFile& file : files) {
        const Bytes padding((unit - size % unit) % unit);
        running.add(padding);
        size += padding.size();
        files_of(file).read(file.path, [&](const BytesView piece) {
            running.add(piece);
            size += piece.size();
        });
    }
    return digests_.emplace(std::pair{files, bank}, running.finish()).first->second;
}

} // namespace sealmount
