// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/command.hpp"
#include "base/standard_descriptors.hpp"

int main(const int argc, const char* const* const argv) {
    sealmount::open_standard_descriptors();
    return sealmount::command(argc, argv);
}
