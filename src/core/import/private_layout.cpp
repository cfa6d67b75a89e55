// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/import/private_layout.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "core/volume/manifest_rules.hpp"

namespace sealmount {

namespace {

/// Takes the first line off.
std::string_view next_line(std::string_view& text) {
    const std::size_t size = text.find('\n');
    const std::string_view line = text.substr(0, size);
    text = size == std::string_view::npos ? std::string_view{} : text.substr(size + 1);
    return line;
}

std::string signature_in(const std::string_view line, const char* const place) {
    std::string signature{line.substr(0, line.find_first_of(" \t\r\v\f"))};
    if (problem_with_signature(signature)) {
        throw Error{Reason::bad_data,
                    formatted("{} is not a signature, which has 16 lower-case hex digits", place)};
    }
    return signature;
}

} // namespace

PrivateSignatures private_signatures(std::string_view text) {
    PrivateSignatures signatures{.content = signature_in(next_line(text), "line 1"), .filename = {}};
    if (const std::string_view second = next_line(text); !second.empty()) {
        signatures.filename = signature_in(second, "line 2");
    }
    return signatures;
}

std::filesystem::path private_mountpoint(std::string_view text, const std::filesystem::path& home) {
    std::string_view line;
    while (line.empty() && !text.empty()) {
        line = next_line(text);
    }
    while (line.size() > 1 && line.ends_with('/')) {
        line.remove_suffix(1);
    }
    if (line.empty()) {
        return home / "Private";
    }
    if (const auto problem = problem_with_path(line)) {
        throw Error{Reason::bad_data, *problem};
    }
    return line;
}

std::optional<std::filesystem::path> private_store(const std::string_view user) {
    if (user.empty() || user == "." || user == ".." || user.find('/') != std::string_view::npos) {
        return std::nullopt;
    }
    return std::filesystem::path{"/home/.ecryptfs"} / user;
}

} // namespace sealmount
