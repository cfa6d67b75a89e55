# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# An interposer while the machine is only looked at.
from harness import *

with Machine() as machine:
    machine.make_srk()
    store = machine.store("root")
    store.enroll("vault", "--no-recovery-key")
    taken = victim(machine)
    held(store, "check", lambda: store.run("check"))
    lost(taken, "check", lambda: taken.run("check"))
    held(store, "status", lambda: store.run("status"))
    machine.tap.lie()
    result = store.run("check")
    machine.tap.behave()
    check(result.returncode != 0 and "expected the key" in result.stdout, result.stdout)
    say("check says that something is wrong")
