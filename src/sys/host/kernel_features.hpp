// What the running kernel can do, apart from keys (keyring.hpp): its file systems and its ciphers, and
// whether it can still load what it lacks.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

namespace sealmount {

/// Something that the kernel has, would load as a module when it is asked for, or has not.
enum class Presence {
    present,
    loadable, ///< a file of a module that modprobe(8) would find
    absent,
    unknown, ///< there is no way to ask
};

/// Is eCryptfs there: registered (proc(5), /proc/filesystems), or as a module of this kernel? Loadable only
/// where modules can be loaded at all and the module's file is there. Never unknown.
[[nodiscard]] Presence ecryptfs_presence(const std::filesystem::path& root = "/");

/// Is eCryptfs there, or can it be loaded?
[[nodiscard]] bool kernel_has_ecryptfs();

/// The running kernel's release, as `uname -r` prints it.
[[nodiscard]] std::string kernel_release();

/// Asks the kernel for an algorithm as its users do, by AF_ALG (Linux'
/// Documentation/crypto/userspace-if.rst): bind(2) looks for it and loads the modules that it is made from,
/// if the kernel may still do so. `type` is "skcipher" or "hash", `name` such as "cbc(aes)". Absent is also
/// what FIPS mode does not allow. Where the kernel has no AF_ALG for this type, and may not load it any more:
/// present if somebody uses it, as a mount does, and so it is in /proc/crypto; else unknown.
[[nodiscard]] Presence crypto_presence(std::string_view type, std::string_view name);

/// Is the algorithm in this text of /proc/crypto (proc(5))?
[[nodiscard]] bool lists_algorithm(std::string_view proc_crypto, std::string_view name);

/// False only when the kernel says that it does not have the algorithm: where it cannot be asked, the mount
/// will show.
[[nodiscard]] bool has_crypto(std::string_view type, std::string_view name);

/// Does eCryptfs of this kernel ask the crypto API for MD5? From 6.19 on it computes it by itself, and looks
/// for FIPS mode by itself ("ecryptfs: Use MD5 library instead of crypto_shash").
[[nodiscard]] bool ecryptfs_asks_for_md5(std::string_view release);

/// What eCryptfs requires of the kernel for a cipher (fs/ecryptfs/crypto.c and main.c: keys and file names
/// with ecb, contents with cbc, initialization vectors with md5) and is absent, by name. What is unknown is
/// not in the list.
[[nodiscard]] std::set<std::string> absent_for_ecryptfs(const std::string& cipher);

/// What stands against loading modules, and the mode that forbids algorithms. The paths are those of proc(5),
/// below `root`.
struct ModuleState {
    bool loading_is_disabled = false; ///< /proc/sys/kernel/modules_disabled is 1
    bool has_files = true;            ///< /lib/modules/RELEASE is there: not after its package was removed
    bool is_fips = false;             ///< /proc/sys/crypto/fips_enabled is 1
};
[[nodiscard]] ModuleState module_state(const std::filesystem::path& root = "/");

} // namespace sealmount
