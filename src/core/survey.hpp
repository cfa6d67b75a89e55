// What a lower directory says about the volume that made it, from a bounded sample of its files.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/lower_format.hpp"
#include "sys/files.hpp"

#include <optional>
#include <set>
#include <span>
#include <string>

namespace sealmount {

/// Everything that the sample names; more than one signature or cipher means a directory of mixed origin.
struct Survey {
    std::set<std::string> signatures;          ///< that open file contents
    std::set<std::string> filename_signatures; ///< that open file names
    std::optional<CipherFacts> cipher;
    std::optional<CipherFacts> filename_cipher;
    bool mixed_ciphers = false;
    std::size_t encrypted_files = 0;
    std::size_t plain_names = 0;   ///< encrypted files whose name is not encrypted
    std::size_t foreign_files = 0; ///< neither header nor name of eCryptfs: plaintext, or metadata in xattrs

    [[nodiscard]] bool empty() const { return encrypted_files == 0 && filename_signatures.empty(); }
};

[[nodiscard]] Survey survey(std::span<const FileSample> samples);

} // namespace sealmount
