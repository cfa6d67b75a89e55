// Unit files as text: names, escaping and the units of a volume (systemd.unit(5), systemd.mount(5)). Which
// unit does what, and why nothing binds a mount to its unlock, is in DESIGN.md, "The boot story".
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/manifest.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// "srv-vault.mount" for "/srv/vault": what systemd-escape --path --suffix=mount prints. `path` is absolute
/// and clean. Throws Error{config} when the name would be longer than systemd's 255 bytes.
[[nodiscard]] std::string mount_unit_name(std::string_view path);

/// "sealmount-unlock@default.service": of all volumes of a master key. Of a single one are
/// "sealmount-load@vault.service", which loads what that has not loaded, and "sealmount-keys@vault.service",
/// which unloads, and "sealmount-look@vault.service", which only looks whether it may be mounted.
[[nodiscard]] std::string unlock_unit_name(std::string_view master);
[[nodiscard]] std::string load_unit_name(std::string_view volume);
[[nodiscard]] std::string keys_unit_name(std::string_view volume);
[[nodiscard]] std::string look_unit_name(std::string_view volume);
[[nodiscard]] std::string unlock_unit_name(const Volume& volume);
[[nodiscard]] std::string load_unit_name(const Volume& volume);
[[nodiscard]] std::string keys_unit_name(const Volume& volume);

/// The services that bring and take the keys, which the mount unit (or the automount unit) pulls in.
[[nodiscard]] std::vector<std::string> key_units(const Volume& volume);

/// What a mount unit depends on beside its volume.
struct MountPlace {
    bool with_helper = false; ///< mount.ecryptfs is installed
    bool is_home = false;     ///< somebody's home, which has to be there before anybody logs in
    bool is_inside = false;   ///< the mount point is in another volume, where it may still have to be made

    bool operator==(const MountPlace&) const = default;
};

/// All that there are, for whoever compares without knowing.
[[nodiscard]] std::vector<MountPlace> all_mount_places();

/// The mount options of a volume, joined by commas. `with_helper`: mount.ecryptfs is installed, and must be
/// kept from asking questions with an option that kernels from 6.13 on would refuse.
[[nodiscard]] std::string mount_options(const Volume& volume, bool with_helper);

/// The text of the volume's mount unit. No string of the manifest can start a new line, a directive or a
/// specifier in it: what a unit file cannot express (read_manifest() refuses it already) throws
/// Error{config}, here and below.
[[nodiscard]] std::string mount_unit(const Volume& volume, const MountPlace& place);

/// "srv-vault.automount", and its text; only for a volume with "automount".
[[nodiscard]] std::string automount_unit_name(std::string_view path);
[[nodiscard]] std::string automount_unit(const Volume& volume, const MountPlace& place);

/// The text of the drop-in for the volume's instance of sealmount-load@.service; nothing for a volume for
/// which the template is enough. `disk` is the mount unit that the lower directory comes with, or "". `outer`
/// is that of the volume in which the mount point is, or "".
[[nodiscard]] std::optional<std::string> load_drop_in(const Volume& volume, std::string_view disk,
                                                      std::string_view outer = {});

/// The text of the drop-in for sealmount-modules.service: what these ciphers require, in the variable that it
/// gives to modprobe(8). At least one, and each is one that eCryptfs has.
[[nodiscard]] std::string modules_drop_in(const std::vector<std::string>& ciphers);

/// The text of the drop-in for all instances of sealmount-load@.service: they come after the unlocks of these
/// master keys.
[[nodiscard]] std::string masters_drop_in(const std::vector<std::string>& masters);

/// Units, by what somebody else has to do with them.
struct Needed {
    std::vector<std::string> wanted;   ///< starts, and may fail
    std::vector<std::string> required; ///< has to start
    std::vector<std::string> awaited;  ///< starts after them, if something else starts them
};

/// The text of the drop-in for a unit that starts volumes. `after`: it waits for those that it requires, too.
[[nodiscard]] std::string needed_drop_in(const Needed& units, bool after);

} // namespace sealmount
