// EFI device paths in their usual text form.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "sys/crypto/crypto.hpp"

#include <string>

namespace sealmount {

/// The text of a binary device path (UEFI 2.10, 10.3 for the nodes, 10.6 for their text), such as
/// "PciRoot(0x0)/Pci(0x1F,0x2)/Sata(0,65535,0)/HD(1,GPT,...)/\EFI\BOOT\BOOTX64.EFI". Nodes without a name
/// here become "Path(TYPE,SUBTYPE,HEX)", as the specification has it; what is cut short ends with "...". No
/// crash, whatever the bytes.
[[nodiscard]] std::string device_path_text(BytesView path);

} // namespace sealmount
