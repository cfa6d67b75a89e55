# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# An interposer that is after the PIN. It gives any number of true answers before it lies.
from harness import *

with Machine() as machine:
    machine.make_srk()
    store = machine.store("root")
    pin = store.file("pin", PIN)
    with_pin = ("--pin", "--pin-file", pin, "--no-recovery-key")
    store.enroll("vault", *with_pin)
    taken = victim(machine, "victim", *with_pin)
    held(store, "another volume with a PIN", lambda: store.try_enroll("more", "--pin-file", pin))
    lost(taken, "another volume with a PIN", lambda: taken.try_enroll("more", "--pin-file", pin), pin=True)
    for verb in (("reseal", "--pcrs", "4+7"), ("reseal", "--pcrs", "4+7", "--pin"), ("rotate",), ("suspend",),
                 ("recovery-key",)):
        arguments = (*verb, "--pin-file", pin)
        held(store, " ".join(verb), lambda arguments=arguments: store.run(*arguments))
        lost(taken, " ".join(verb), lambda arguments=arguments: taken.run(*arguments), pin=True)
    store.must("rotate", "--pin-file", pin)
