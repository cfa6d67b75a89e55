// The files in which ecryptfs-setup-private(1) keeps a user's setup, below ~/.ecryptfs, as
// mount.ecryptfs_private(1) and pam_ecryptfs(8) read them (ecryptfs-utils,
// src/utils/mount.ecryptfs_private.c, fetch_sig(); src/libecryptfs/main.c, ecryptfs_fetch_private_mnt()).
// Text only; core/import/private_setup.hpp reads them from where users can write.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

namespace private_file {
inline constexpr const char* signatures = "Private.sig";
inline constexpr const char* mountpoint = "Private.mnt";
inline constexpr const char* wrapped_passphrase = "wrapped-passphrase";
inline constexpr const char* own_wrapping = "wrapping-independent"; ///< wrapped with another than the login's
inline constexpr const char* auto_mount = "auto-mount";             ///< at login, by pam_ecryptfs
inline constexpr const char* auto_umount = "auto-umount";           ///< at logout
inline constexpr const char* alias_end = ".conf";                   ///< of `mount.ecryptfs_private ALIAS`
} // namespace private_file

struct PrivateSignatures {
    std::string content;
    std::optional<std::string> filename; ///< nothing: file names are not encrypted

    bool operator==(const PrivateSignatures&) const = default;
};

/// Private.sig: the signature of the contents' key, and on a second line that of the names'. Each ends at the
/// first white space. Throws Error{bad_data}, which repeats nothing of the text, when one is not a signature.
[[nodiscard]] PrivateSignatures private_signatures(std::string_view text);

/// Private.mnt: the mount point, up to the end of the first line that is not empty; HOME/Private when there
/// is none. Throws Error{bad_data} when no volume can have it.
[[nodiscard]] std::filesystem::path private_mountpoint(std::string_view text,
                                                       const std::filesystem::path& home);

/// Where the setup of an encrypted home lies: /home/.ecryptfs/USER, whatever the home is called
/// (ecryptfs-setup-private --bootstrap). Nothing for a user whose name would lead elsewhere.
[[nodiscard]] std::optional<std::filesystem::path> private_store(std::string_view user);

} // namespace sealmount
