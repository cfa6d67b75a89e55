// Which algorithms that eCryptfs requires the running kernel lacks, asked of its crypto API for userspace
// (AF_ALG; Documentation/crypto/userspace-if.rst).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <set>
#include <string>

namespace sealmount {

/// By name, such as "ecb(aes)": those for keys and file names (ecb), contents (cbc) and initialization
/// vectors (MD5; fs/ecryptfs/crypto.c and main.c). The kernel has tried to load their modules. With fips=1
/// there is no MD5. What the kernel does not say, without AF_ALG or in a sandbox, is not in the list.
[[nodiscard]] std::set<std::string> absent_for_ecryptfs(const std::string& cipher);

/// Does the kernel say that it does not have this algorithm? `type` is "skcipher" or "hash".
[[nodiscard]] bool is_algorithm_absent(const std::string& type, const std::string& name);

} // namespace sealmount
