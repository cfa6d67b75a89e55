// The volume that dracut's modules masterkey and ecryptfs mount in the initrd, as an enrollment.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/enroll/enroll.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// What those modules would do (dracut, modules.d/97masterkey/masterkey.sh and 98ecryptfs/ecryptfs-mount.sh).
struct DracutSetup {
    std::string master_type;          ///< "trusted" or "user"
    std::string master_file;          ///< with the master key's blob
    std::string key_file;             ///< with the text of the encrypted key
    EnrollRequest request;            ///< with the paths; the name is still to be chosen
    std::vector<std::string> dropped; ///< mount options that no longer have a meaning
};

/// Where dracut gets its settings from, later ones before earlier ones.
struct DracutSettings {
    std::map<std::string, std::string> masterkey; ///< variables of /etc/sysconfig/masterkey
    std::map<std::string, std::string> ecryptfs;  ///< of /etc/sysconfig/ecryptfs
    std::string command_line;                     ///< the kernel's: masterkey=, masterkeytype=, ecryptfskey=
    std::string kernel_release;                   ///< of the kernel that boots, for MULTIKERNELMODE
};

/// The setup with dracut's defaults for what is not set. Throws Error{config} when no volume can have its
/// paths, or the master key's type is unknown.
[[nodiscard]] DracutSetup dracut_setup(const DracutSettings& settings);

/// The variables that a file of settings gives, read and not run: lines NAME=VALUE with '' or "" around the
/// value, in which $NAME and ${NAME} of an earlier line may appear. Throws Error{config} with the line that
/// is more of a shell script than that.
[[nodiscard]] std::map<std::string, std::string> shell_variables(std::string_view text);

} // namespace sealmount
