// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/crypto/openssl.hpp"

#include "base/error.hpp"
#include "base/format.hpp"

#include <openssl/err.h>

#include <array>

namespace sealmount {

std::string take_openssl_errors() {
    std::string errors;
    for (unsigned long code = ::ERR_get_error(); code != 0; code = ::ERR_get_error()) {
        std::array<char, 256> entry{};
        ::ERR_error_string_n(code, entry.data(), entry.size());
        errors.append(": ").append(entry.data());
    }
    return errors;
}

void require_openssl(const bool is_done, const std::string_view call) {
    if (!is_done) {
        throw Error{Reason::internal, formatted("{} failed{}", call, take_openssl_errors())};
    }
}

} // namespace sealmount
