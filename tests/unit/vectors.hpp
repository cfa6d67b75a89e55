// The vectors of tests/vectors, and small helpers for every unit test.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/error.hpp"
#include "base/hex.hpp"
#include "base/secret_bytes.hpp"
#include "base/strict_json.hpp"
#include "sys/crypto/crypto.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>

namespace sealmount::test {

inline std::string read_file(const std::string& file) {
    std::ifstream stream{file, std::ios::binary};
    std::string text(std::filesystem::file_size(file), '\0');
    if (!stream.read(text.data(), static_cast<std::streamsize>(text.size()))) {
        throw std::runtime_error{"cannot read " + file};
    }
    return text;
}

/// `name` is a file of tests/vectors.
inline Json vectors(const std::string& name) {
    return parse_json(read_file(std::string{SEALMOUNT_TEST_VECTORS} + "/" + name));
}

/// One list of that file. A value, not a reference: a range-for over `vectors(...).at(...)` would dangle.
inline Json vectors(const std::string& name, const std::string& list) {
    return vectors(name).at(list);
}

/// A string of a vector, by name.
inline std::string text_of(const Json& vector, const std::string& member) {
    return vector.at(member).get<std::string>();
}

inline Bytes unhex(const std::string& hex) {
    return from_hex(hex).value(); // NOLINT(bugprone-unchecked-optional-access): a bad vector throws
}

inline SecretBytes secret(const std::string& text) {
    return SecretBytes{as_bytes(text)};
}

inline SecretBytes secret_unhex(const std::string& hex) {
    return SecretBytes{unhex(hex)};
}

/// What a call throws; the test fails when it throws nothing.
inline Error error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error;
    }
    throw std::logic_error{"nothing was thrown"};
}

inline std::string message_of(const std::function<void()>& call) {
    return error_of(call).what();
}

inline Reason reason_of(const std::function<void()>& call) {
    return error_of(call).reason();
}

} // namespace sealmount::test
