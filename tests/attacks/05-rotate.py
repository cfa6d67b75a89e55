# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# An interposer while the master key is replaced.
from harness import *

with Machine() as machine:
    machine.make_srk()
    store = machine.store("root")
    store.enroll("vault", "--no-recovery-key")
    taken = victim(machine)
    held(store, "rotate", lambda: store.run("rotate"))
    lost(taken, "rotate", lambda: taken.run("rotate"))
    held(store, "recovery-key", lambda: store.run("recovery-key"))
    lost(taken, "recovery-key", lambda: taken.run("recovery-key"))
