// Descriptors 0 to 2 of a program that was started without them: the first file that it opens would get one
// of their numbers, and what is meant for the terminal would be written into that file.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

namespace sealmount {

/// Opens those of them on /dev/null that are closed: the first thing that each program does. Ends the program
/// (EX_OSERR of sysexits.h) when that is impossible.
void open_standard_descriptors() noexcept;

/// Does standard output lead nowhere, since it was closed or is /dev/null?
[[nodiscard]] bool is_output_lost() noexcept;

} // namespace sealmount
