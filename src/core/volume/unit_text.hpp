// Unit files as text: names, escaping and the mount unit of a volume (systemd.unit(5), systemd.mount(5)).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/volume/manifest.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

/// "srv-vault.mount" for "/srv/vault": what systemd-escape --path --suffix=mount prints. `path` is absolute
/// and clean. Throws Error{config} when the name would be longer than systemd's 255 bytes.
[[nodiscard]] std::string mount_unit_name(std::string_view path);

/// "sealmount-unlock@vault.service".
[[nodiscard]] std::string unlock_unit_name(const Volume& volume);

/// The mount options of a volume, joined by commas. `with_helper`: mount.ecryptfs is installed, and must be
/// kept from asking questions with an option that kernels from 6.13 on would refuse.
[[nodiscard]] std::string mount_options(const Volume& volume, bool with_helper);

/// The text of the volume's mount unit. No string of the manifest can start a new line, a directive or a
/// specifier in it: what a unit file cannot express (read_manifest() refuses it already) throws
/// Error{config}, here and below.
[[nodiscard]] std::string mount_unit(const Volume& volume, bool with_helper);

/// The text of the drop-in for the volume's instance of sealmount-unlock@.service; nothing for a volume with
/// the default timeout, for which the template is enough.
[[nodiscard]] std::optional<std::string> unlock_drop_in(const Volume& volume);

/// The text of the drop-in for all instances of sealmount-unlock@.service on a machine with so many volumes;
/// nothing where the template is enough. To give a service a mount namespace systemd reads the table of all
/// mounts again and again (bind_remount_recursive_with_mountinfo() in systemd's src/shared/mount-util.c), so
/// a namespace for each volume takes time by the square of their number: many do without. Newer versions of
/// systemd make one for PrivateNetwork= too; there RestrictAddressFamilies= and IPAddressDeny= are left.
[[nodiscard]] std::optional<std::string> many_volumes_drop_in(std::size_t volumes);

} // namespace sealmount
