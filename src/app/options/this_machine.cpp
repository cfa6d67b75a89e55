// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/this_machine.hpp"

#include "sys/keyring/kernel_keyring.hpp"
#include "sys/prompt/terminal.hpp"
#include "sys/tpm/esys_connection.hpp"

namespace sealmount {

ThisMachine::ThisMachine(const Globals& globals)
    : tpm_(globals.tcti.empty() ? machine_tpm() : tpm_at(globals.tcti)), keyring_(kernel_keyring()),
      prompt_(terminal_prompt()), machine_{.tpm = *tpm_, .keyring = *keyring_, .prompt = *prompt_} {
}

} // namespace sealmount
