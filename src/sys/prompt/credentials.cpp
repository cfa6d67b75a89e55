// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/prompt/credentials.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/prompt/secret_input.hpp"

#include <cstdlib>
#include <filesystem>

namespace sealmount {

bool has_credential(const std::string& id) {
    const char* const directory = ::secure_getenv("CREDENTIALS_DIRECTORY");
    std::error_code ignored;
    return directory != nullptr && std::filesystem::exists(std::filesystem::path{directory} / id, ignored);
}

SecretBytes read_credential(const std::string& id, const std::size_t limit) {
    if (id.empty() || id == "." || id == ".." || id.find('/') != std::string::npos) {
        throw Error{
            Reason::usage,
            formatted("\"{}\" is not the name of a credential: that is the ID that LoadCredential= gave it",
                      id)};
    }
    const char* const directory = ::secure_getenv("CREDENTIALS_DIRECTORY");
    if (directory == nullptr || *directory == '\0') {
        throw Error{Reason::usage,
                    "no credentials were passed ($CREDENTIALS_DIRECTORY is not set)",
                    {AdviceKind::pass_credential, id}};
    }
    const std::filesystem::path file = std::filesystem::path{directory} / id;
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) {
        throw Error{Reason::no_input,
                    formatted("no credential is called \"{}\": there is no {}", id, file.string())};
    }
    return read_secret(file.string(), limit);
}

} // namespace sealmount
