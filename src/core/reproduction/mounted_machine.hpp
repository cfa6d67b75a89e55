// This machine's file systems as GRUB's interpreter looks at them: through their mounts.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/grub/grub_machine.hpp"
#include "sys/files/mounted_files.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sealmount {

class MountedMachine final : public GrubMachine {
  public:
    void add(GrubDevice device, MountedFiles files);

    [[nodiscard]] std::vector<GrubDevice> devices() const override { return devices_; }
    [[nodiscard]] GrubFileKind kind(const GrubFile& file) const override;
    [[nodiscard]] std::string read(const GrubFile& file) const override;
    [[nodiscard]] GrubNames names(const GrubFile& directory) const override;
    [[nodiscard]] Bytes digest(const std::vector<GrubFile>& files, PcrBank bank) const override;

    /// A file that is larger than configurations are: a kernel.
    [[nodiscard]] std::string read_image(const GrubFile& file) const;

  private:
    [[nodiscard]] const MountedFiles& files_of(const GrubFile& file) const;

    std::vector<GrubDevice> devices_;
    std::map<std::string, MountedFiles> files_;
    /// Kernels and initrds are asked for again in each state of grubenv.
    mutable std::map<std::pair<std::vector<GrubFile>, PcrBank>, Bytes> digests_;
};

} // namespace sealmount
