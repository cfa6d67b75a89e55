// The machine as `sealmount` meets it: its kernel, a person at the terminal, and the TPM that the command
// line chose.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/options/globals.hpp"
#include "sys/host/machine.hpp"

#include <memory>

namespace sealmount {

/// Owns the real forms that machine() refers to. Made once, when the command line was read (app/command.cpp).
/// Opens nothing: each story does so when it has to.
class ThisMachine {
  public:
    explicit ThisMachine(const Globals& globals);

    [[nodiscard]] const Machine& machine() const { return machine_; }

  private:
    std::unique_ptr<TpmOpener> tpm_;
    std::unique_ptr<Keyring> keyring_;
    std::unique_ptr<Prompt> prompt_;
    Machine machine_;
};

} // namespace sealmount
