// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sys/crypto/openssl.hpp"

#include "base/error.hpp"

#include <openssl/err.h>

#include <array>

namespace sealmount {

std::string take_openssl_errors() {
    std::string words;
    for (unsigned long code = ::ERR_get_error(); code != 0; code = ::ERR_get_error()) {
        std::array<char, 256> entry{};
        ::ERR_error_string_n(code, entry.data(), entry.size());
        words += std::string{": "} + entry.data();
    }
    return words;
}

void require_openssl(const bool done, const std::string_view call) {
    if (!done) {
        throw Error{Reason::internal, std::string{call} + " failed" + take_openssl_errors()};
    }
}

} // namespace sealmount
