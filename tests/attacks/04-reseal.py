# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# An interposer while slots are made.
from harness import *

with Machine() as machine:
    machine.make_srk()
    store = machine.store("root")
    store.enroll("vault", "--no-recovery-key")
    taken = victim(machine)
    held(store, "reseal", lambda: store.run("reseal", "--pcrs", "4+7"))
    lost(taken, "reseal", lambda: taken.run("reseal", "--pcrs", "4+7"))
    held(store, "suspend", lambda: store.run("suspend"))
    lost(taken, "suspend", lambda: taken.run("suspend"))
    store.must("suspend")
    machine.extend(7)
    held(store, "resume", lambda: store.run("resume"))
