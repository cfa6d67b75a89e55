// Which algorithms the running kernel has, asked of its crypto API for userspace (AF_ALG;
// Documentation/crypto/userspace-if.rst).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace sealmount {

enum class Presence {
    present,
    absent,  ///< and not in a module that the kernel could load: it has tried
    unknown, ///< the kernel, or a sandbox, does not let us ask
};

/// Is the algorithm there, such as "ecb(aes)" of the type "skcipher", or "md5" of "hash"? With fips=1 the
/// kernel refuses what it does not allow (crypto/testmgr.c), as it does eCryptfs.
[[nodiscard]] Presence kernel_algorithm(std::string_view type, const std::string& name);

/// What eCryptfs requires of the kernel for a cipher (fs/ecryptfs/crypto.c and main.c: keys and file names
/// with ecb, contents with cbc, initialization vectors with md5) and is absent, by name. What is unknown is
/// not in the list.
[[nodiscard]] std::set<std::string> absent_for_ecryptfs(const std::string& cipher);

} // namespace sealmount
