// The boot entries of systemd-boot, as bootctl(1) lists them.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// One entry (UAPI.1 Boot Loader Specification).
struct BootEntry {
    std::string id;
    std::string title;                ///< as menus show it
    std::string root;                 ///< where its partition is mounted; "" when that is not known
    std::string image;                ///< kernel, unified kernel image or EFI program: path on that partition
    std::vector<std::string> initrds; ///< paths, in their order
    std::string options;
    bool is_default = false;  ///< the next boot uses it
    bool is_selected = false; ///< this boot used it

    /// The command line as systemd-boot makes it: `initrd=` for each initrd, with backslashes, then the
    /// options (systemd 252 src/boot/efi/boot.c, initrd_prepare; 257 src/boot/boot.c).
    [[nodiscard]] std::string command_line() const;
};

/// Reads what `bootctl list --json=short` prints: an array, or from version 252 one object on each line.
/// Members that are not needed here are ignored, and so are entries without an image. `text` is what `bootctl
/// list` prints: it marks the default and the selected entry where the JSON does not. Throws Error{bad_data}
/// for what is not of this form.
[[nodiscard]] std::vector<BootEntry> read_boot_entries(std::string_view json, std::string_view text);

} // namespace sealmount
