// The real Keyring: the kernel's, through libkeyutils.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/keyring/keyring.hpp"

#include <memory>

namespace sealmount {

[[nodiscard]] std::unique_ptr<Keyring> kernel_keyring();

} // namespace sealmount
