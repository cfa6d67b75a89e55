// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/pcr_bank.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

struct Bank {
    PcrBank bank;
    std::string_view name;
};

constexpr std::array banks = {
    Bank{PcrBank::sha1, "sha1"},
    Bank{PcrBank::sha256, "sha256"},
    Bank{PcrBank::sha384, "sha384"},
    Bank{PcrBank::sha512, "sha512"},
};

} // namespace

std::optional<PcrBank> bank_named(const std::string_view name) noexcept {
    const auto* const found = std::ranges::find(banks, name, &Bank::name);
    return found == banks.end() ? std::nullopt : std::optional{found->bank};
}

std::string_view to_string(const PcrBank bank) {
    const auto* const found = std::ranges::find(banks, bank, &Bank::bank);
    if (found == banks.end()) {
        throw Error{Reason::internal, "a PCR bank of an unknown hash algorithm"};
    }
    return found->name;
}

} // namespace sealmount
