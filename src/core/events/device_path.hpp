// EFI device paths in their usual text form.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"

#include <string>

namespace sealmount {

/// The text of a binary device path (UEFI 2.10, 10.3 for the nodes, 10.6 for their text), such as
/// "PciRoot(0x0)/Pci(0x1F,0x2)/Sata(0,65535,0)/HD(1,GPT,...)/\EFI\BOOT\BOOTX64.EFI". Nodes without a name
/// here become "Path(TYPE,SUBTYPE,HEX)", as the specification has it; what is cut short ends with "...". Any
/// bytes are accepted.
[[nodiscard]] std::string device_path_text(BytesView path);

/// A file that firmware loads from a partition.
struct FileOnPartition {
    std::string partition; ///< the unique GUID in the GPT; "" when the device path has none
    std::string path;      ///< with backslashes, from the root on; "" when it leads to no file there
    /// The same where the device path says nothing of a partition before it, as shim writes it of what it
    /// starts from its own.
    std::string path_alone;
    bool is_in_firmware = false; ///< it is part of the firmware itself (PI 1.7, volume 3, 8.2)
};

/// The file that a binary device path leads to (UEFI 2.10, 10.3.5.1 and 10.3.5.4).
[[nodiscard]] FileOnPartition file_in(BytesView path);

} // namespace sealmount
