// What the command line says to every verb.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/paths.hpp"

#include <string>

namespace sealmount {

struct Globals {
    std::string root = "/";
    std::string tcti; ///< "" for the machine's TPM
    bool json = false;

    [[nodiscard]] Paths paths() const { return Paths{root}; }
};

} // namespace sealmount
