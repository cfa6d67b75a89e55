// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sys/prompt/credentials.hpp"

#include "base/error.hpp"
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
        throw Error{Reason::usage,
                    "\"" + id +
                        "\" is not the name of a credential: it is the ID that LoadCredential= "
                        "gave it"};
    }
    const char* const directory = ::secure_getenv("CREDENTIALS_DIRECTORY");
    if (directory == nullptr || *directory == '\0') {
        throw Error{Reason::usage,
                    "no credentials were passed ($CREDENTIALS_DIRECTORY is not set): run this as "
                    "'systemd-run --pipe --wait -p LoadCredential=" +
                        id + ":FILE sealmount ...'"};
    }
    const std::filesystem::path file = std::filesystem::path{directory} / id;
    if (!std::filesystem::exists(file)) {
        throw Error{Reason::no_input, "no credential is called \"" + id + "\": there is no " + file.string()};
    }
    return read_secret(file.string(), limit);
}

} // namespace sealmount
