# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# An interposer at boot, where the master key is unsealed by us: kernels without trusted keys.
from harness import *

with Machine() as machine:
    machine.make_srk()
    store = machine.store("root")
    store.enroll("vault", "--no-recovery-key")
    taken = victim(machine)
    held(store, "unlock", store.unlock)
    lost(taken, "unlock", taken.unlock)
    held(store, "lean unlock", store.lean_unlock)
    lost(taken, "lean unlock", taken.lean_unlock)
    for unlock in (store.unlock, store.lean_unlock):
        result = unlock()
        check("tpm" in result.stdout.split(), result.stdout)

    pinned = machine.store("with-pin")
    with_pin = ("--pin", "--pin-file", pinned.file("pin", PIN), "--no-recovery-key")
    pinned.enroll("vault", *with_pin)
    taken = victim(machine, "victim with a PIN", *with_pin)
    held(pinned, "unlock with a PIN", lambda: pinned.unlock(pin=PIN))
    lost(taken, "unlock with a PIN", lambda: taken.unlock(pin=PIN), pin=True)
    result = pinned.unlock(pin=PIN)
    check("tpm" in result.stdout.split(), result.stdout)
