// Fuzz target: any bytes as the head of a lower file, as its attribute, as a file name, and as a whole lower
// directory of made-up samples. What must hold: no crash; what is read is what a manifest could hold, or is
// refused with a reason; each file is counted once; sentences and JSON are printable.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/survey_report.hpp"
#include "base/byte_reader.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "base/text.hpp"
#include "core/ecryptfs/ciphers.hpp"
#include "core/enroll/enroll_survey.hpp"
#include "core/volume/manifest_rules.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>

using namespace sealmount;

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void require_printable(const std::vector<std::string>& sentences) {
    for (const std::string& sentence : sentences) {
        require(std::ranges::none_of(
            sentence, [](const char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }));
        require(!Json(sentence).dump().empty()); // throws when it is not UTF-8
    }
}

void require_printable(const std::vector<Problem>& problems) {
    for (const Problem& problem : problems) {
        require_printable(std::vector{problem.message});
    }
}

void look_at_header(std::span<const std::byte> bytes) {
    const auto facts = read_lower_header(bytes);
    if (!facts) {
        return;
    }
    require(has_lower_marker(bytes) && facts->version <= 3);
    require(facts->signatures.size() + facts->public_keys.size() > 0);
    require(facts->signatures.empty() == facts->cipher.cipher.empty());
    require(facts->signatures.empty() || is_cipher(facts->cipher.cipher));
    require(facts->cipher.key_bytes <= 64);
    for (const std::string& signature : facts->signatures) {
        require(!problem_with_signature(signature));
        require(std::ranges::count(facts->signatures, signature) == 1);
    }
    // Nothing after the first 4096 bytes is looked at.
    const auto again = read_lower_header(bytes.first(std::min(bytes.size(), lower_header_size)));
    require(again && again->signatures == facts->signatures && again->cipher == facts->cipher);
}

void look_at_name(std::string_view name) {
    if (const auto facts = read_lower_name(name)) {
        require(!problem_with_signature(facts->signature) && is_cipher(facts->cipher.cipher));
    }
}

std::vector<std::byte> some(ByteReader& reader, std::size_t count) {
    const auto bytes = reader.take(std::min(count, reader.left()));
    return {bytes->begin(), bytes->end()};
}

/// For each entry: flags, the name and its length, the head and its length in halves, the attribute alike.
TreeSample made_up(std::span<const std::byte> bytes) {
    ByteReader reader{bytes};
    TreeSample tree;
    while (const auto flags = reader.u8()) {
        FileSample sample;
        sample.kind = static_cast<EntryKind>(*flags % 3);
        sample.is_readable = (*flags & 0x10) == 0;
        tree.is_complete &= (*flags & 0x20) == 0;
        std::string name = (*flags & 0x40) == 0 ? "" : "ECRYPTFS_FNEK_ENCRYPTED.";
        for (const std::byte byte : some(reader, reader.u8().value_or(0))) {
            name += static_cast<char>(byte);
        }
        sample.name = name;
        sample.head = some(reader, std::size_t{reader.u8().value_or(0)} * 2);
        sample.attribute = some(reader, std::size_t{reader.u8().value_or(0)} * 2);
        sample.is_empty = sample.head.empty();
        tree.entries.push_back(std::move(sample));
    }
    return tree;
}

void enroll(const Survey& survey, EnrollRequest request, const bool is_refused) {
    try {
        require_printable(complete_from_survey(request, survey));
        require(!is_refused);
        const Volume& volume = request.volume;
        require(!problem_with_cipher(volume.cipher, volume.key_bytes));
        require(!problem_with_cipher(volume.filename_cipher, volume.filename_key_bytes));
        require(survey.ciphers.empty() || survey.ciphers.contains({volume.cipher, volume.key_bytes}));
        require(survey.filename_signatures.empty() || request.filename_encryption);
        require(volume.options.size() == (survey.in_attribute.count > 0 ? 1U : 0U));
    } catch (const Error& error) {
        require(error.reason() == Reason::refused || error.reason() == Reason::usage);
        require_printable(std::vector<std::string>{error.what()});
    }
}

void look_at_tree(const TreeSample& tree) {
    const Survey found = survey(tree);
    std::size_t unreadable_files = 0;
    for (const FileSample& sample : tree.entries) {
        unreadable_files += sample.kind == EntryKind::file && !sample.is_readable ? 1 : 0;
    }
    require(found.encrypted_files() + found.empty.count + found.headless.count + found.damaged.count +
                found.foreign.count + unreadable_files ==
            found.files);
    for (const std::string& opener : found.openers()) {
        require(found.signatures.at(opener).count == found.encrypted_files());
    }
    const SurveyProblems judged = judge("/srv/.x", found);
    require_printable(judged.problems);
    require_printable(judged.warnings);
    require_printable(survey_lines("/srv/.x", found, judged));
    require(!survey_json("/srv/.x", found, judged).dump().empty());
    EnrollRequest plain;
    plain.volume.lower = "/srv/.x";
    enroll(found, plain, !judged.problems.empty());
    EnrollRequest asked = plain;
    asked.cipher = "aes";
    asked.key_bytes = 16;
    asked.filename_encryption = true;
    enroll(found, asked, !judged.problems.empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span{data, size});
    look_at_header(bytes);
    look_at_name({reinterpret_cast<const char*>(data), size});
    look_at_tree(made_up(bytes));
    return 0;
}
