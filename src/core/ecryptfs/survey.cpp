// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/survey.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace sealmount {

namespace {

void note_header(Survey& result, const HeaderFacts& header, const FileSample& sample,
                 const bool has_encrypted_name) {
    for (const std::string& signature : header.signatures) {
        result.signatures[signature].add(sample.name);
    }
    for (const std::string& signature : header.public_keys) {
        result.public_keys[signature].add(sample.name);
    }
    if (!header.cipher.cipher.empty()) {
        result.ciphers[header.cipher].add(sample.name);
    }
    result.versions[header.version].add(sample.name);
    if (!has_encrypted_name) {
        result.plain_names.add(sample.name);
    }
}

/// As the kernel does, the file's head first, then the attribute (crypto.c, ecryptfs_read_metadata).
void note_file(Survey& result, const FileSample& sample, const bool has_encrypted_name) {
    ++result.files;
    if (!sample.is_readable) {
        return;
    }
    if (const auto header = read_lower_header(sample.head)) {
        result.in_header.add(sample.name);
        note_header(result, *header, sample, has_encrypted_name);
    } else if (const auto attribute = read_lower_header(sample.attribute)) {
        result.in_attribute.add(sample.name);
        note_header(result, *attribute, sample, has_encrypted_name);
    } else if (has_lower_marker(sample.head) || !sample.attribute.empty()) {
        result.damaged.add(sample.name);
    } else if (sample.is_empty) {
        result.empty.add(sample.name);
    } else if (has_encrypted_name) {
        result.headless.add(sample.name);
    } else {
        result.foreign.add(sample.name);
    }
}

void note_entry(Survey& result, const FileSample& entry) {
    const auto name = read_lower_name(entry.name.filename().native());
    if (name) {
        result.filename_signatures[name->signature].add(entry.name);
        result.filename_ciphers[name->cipher].add(entry.name);
    }
    if (!entry.is_readable) {
        result.unreadable.add(entry.name);
    }
    if (entry.kind == EntryKind::file) {
        note_file(result, entry, name.has_value());
    }
}

} // namespace

void Tally::add(const std::filesystem::path& name) {
    if (count++ == 0) {
        example = printable(name.native());
    }
}

std::set<std::string> Survey::openers() const {
    std::set<std::string> result;
    for (const auto& [signature, tally] : signatures) {
        if (tally.count == encrypted_files()) {
            result.insert(signature);
        }
    }
    return result;
}

std::optional<CipherFacts> Survey::main_cipher() const {
    const auto most =
        std::ranges::max_element(ciphers, {}, [](const auto& entry) { return entry.second.count; });
    return most == ciphers.end() ? std::nullopt : std::optional{most->first};
}

Survey survey(const TreeSample& sample) {
    Survey result;
    result.is_complete = sample.is_complete;
    for (const FileSample& entry : sample.entries) {
        note_entry(result, entry);
    }
    return result;
}

Survey survey_of(const std::filesystem::path& lower, const std::size_t files) {
    Survey result;
    result.is_complete =
        visit_sample(lower, {.files = files, .head_size = lower_header_size, .attribute = lower_attribute},
                     [&](const FileSample& entry) { note_entry(result, entry); });
    return result;
}

} // namespace sealmount
