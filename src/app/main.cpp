// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/command.hpp"

int main(const int argc, const char* const* const argv) {
    return sealmount::command(argc, argv);
}
