// The images of tests/vectors/pe, and the bank of most tests of predictions.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/prediction/prediction_files.hpp"
#include "sys/tpm/pcr_bank.hpp"
#include "unit/vectors.hpp"

namespace sealmount::test {

inline constexpr PcrBank sha256_bank = PcrBank::sha256;

inline std::string pe_file(const std::string& name) {
    return read_file(std::string{SEALMOUNT_TEST_VECTORS} + "/pe/" + name);
}

inline NamedFile named_pe_file(const std::string& name) {
    return {.name = name, .contents = pe_file(name)};
}

} // namespace sealmount::test
