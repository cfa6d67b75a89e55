// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/survey.hpp"

namespace sealmount {

namespace {

/// Keeps the first; another one makes the directory a mixed one.
void note(std::optional<CipherFacts>& known, const CipherFacts& found, bool& mixed) {
    if (!known) {
        known = found;
    } else if (*known != found) {
        mixed = true;
    }
}

} // namespace

Survey survey(const std::span<const FileSample> samples) {
    Survey result;
    for (const FileSample& sample : samples) {
        // The directories above have names of the same kind, and there may be more of them than files.
        for (const std::filesystem::path& component : sample.name) {
            if (const auto name = read_lower_name(component.native())) {
                result.filename_signatures.insert(name->signature);
                note(result.filename_cipher, name->cipher, result.mixed_ciphers);
            }
        }
        const bool has_encrypted_name = read_lower_name(sample.name.filename().native()).has_value();
        const auto header = read_lower_header(sample.head);
        if (header) {
            ++result.encrypted_files;
            result.signatures.insert(header->signatures.begin(), header->signatures.end());
            note(result.cipher, header->cipher, result.mixed_ciphers);
            if (!has_encrypted_name) {
                ++result.plain_names;
            }
        } else if (!has_encrypted_name) {
            ++result.foreign_files;
        }
    }
    return result;
}

} // namespace sealmount
