// Fuzz target: any bytes as a file of signed policies. What must hold: no crash, only Error is thrown, what
// is written is read again as the same, and what is added stays in it and takes nothing away.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/pcr_signatures.hpp"
#include "base/error.hpp"
#include "base/hex.hpp"

#include <algorithm>
#include <cstdlib>

using namespace sealmount;

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

/// An ECC key and its signature over 32 zero bytes, made by the openssl program.
AuthorizeStep step() {
    return {.public_key =
                from_hex("3059301306072a8648ce3d020106082a8648ce3d03010703420004baa09ce91fa6d17ee49fb221b2"
                         "abc1a11202e3e563c1357875ada8351cbc26e8d0c5cea8ca4ff622850a8d544ea3e6a87565be05ed"
                         "22993895ebc0ae74080881")
                    .value(),
            .approved = {},
            .signature =
                from_hex("3046022100b591eddebd22724e837c5b33bfb7646f6fa83433612372c73b527cfabcd69321022100"
                         "ab1db62199967c468e8eaafdc8ad3a368b926d5a92fc293ad5da35ea5f949727")
                    .value()};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    static const AuthorizeStep good = step();
    constexpr PcrSelection pcrs = {.bank = PcrBank::sha256, .mask = 1U << 11};
    try {
        PcrSignatures signatures{{reinterpret_cast<const char*>(data), size}};
        const std::string text = signatures.text();
        require(PcrSignatures{text}.text() == text);
        const auto found = signatures.find(pcrs, good.public_key, good.approved);
        require(found || !found.error().problem.message.empty());
        require(signatures.add(pcrs, good) == !found.has_value());
        require(!signatures.add(pcrs, good));
        const PcrSignatures again{signatures.text()};
        require(again.find(pcrs, good.public_key, good.approved).has_value());
        require(signatures.text().size() + 200 >= text.size()); // a damaged signature may be longer than ours
    } catch (const Error& error) {
        require(error.reason() == Reason::config);
    }
    return 0;
}
