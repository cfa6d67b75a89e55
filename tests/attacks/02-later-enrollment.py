# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# An interposer at an enrollment on a machine that has one already.
from harness import *

with Machine() as machine:
    machine.make_srk()
    store = machine.store("root")
    store.enroll("vault", "--no-recovery-key")
    taken = victim(machine)
    held(store, "another volume", lambda: store.try_enroll("more"))
    lost(taken, "another volume", lambda: taken.try_enroll("more"))
    held(store, "another volume under a new master key",
         lambda: store.try_enroll("more", "--master", "second", "--no-recovery-key"))
    lost(taken, "another volume under a new master key",
         lambda: taken.try_enroll("more", "--master", "second", "--no-recovery-key"))
