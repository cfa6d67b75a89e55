# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# A user exchanges her mount point while root types the passphrase.
from machine import *


def link_to(machine, target):
    os.rename(machine.path("home/anna/Private"), machine.path("home/anna/old"))
    os.symlink(target, machine.path("home/anna/Private"))


with Machine() as machine:
    lower = machine.home(".Private")
    place = machine.home("Private")
    status, output = machine.enroll_while("vault", lower, place, lambda: link_to(machine, "../../etc/Private"))
    check(status != 0, output)
    check(not os.path.exists(machine.path("etc/Private")), "root made a directory where the user wanted it")
    say("nothing is made where her link leads")

with Machine() as machine:
    lower = machine.home(".Private")
    place = machine.home("Private")
    os.makedirs(machine.path("etc/pam.d"))
    status, output = machine.enroll_while("vault", lower, place, lambda: link_to(machine, "../../etc/pam.d"))
    check(status != 0, output)
    check(not machine.is_immutable("etc/pam.d"), "a directory of root's became immutable")
    say("nor is a directory of root's guarded")

with Machine() as machine:
    lower = machine.home(".Private")
    place = machine.home("Private")
    os.rmdir(machine.path("home/anna/Private"))
    result = machine.enroll("vault", lower, place)
    check(result.returncode == 77 and "is missing" in result.stdout, result.stdout)
    check(not os.path.exists(machine.path("home/anna/Private")), "it was made")
    say("a missing mount point is not made in her home")
