# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# A user puts a link, or somebody else's directory, in the place of her lower directory.
from machine import *

with Machine() as machine:
    lower = machine.home(".Private")
    result = machine.enroll("vault", lower, machine.home("Private"))
    check(result.returncode == 0, result.stdout)
    say("her private directory is enrolled")
    os.makedirs(machine.path("srv/hidden"))
    os.rename(machine.path("home/anna/.Private"), machine.path("home/anna/kept"))
    os.symlink("/srv/hidden", machine.path("home/anna/.Private"))
    result = machine.run("check")
    check("bad      volume vault: /home/anna/.Private, in the path of the lower directory" in result.stdout, result.stdout)
    say("check says that a link is there")
    os.unlink(machine.path("home/anna/.Private"))
    os.mkdir(machine.path("home/anna/.Private"))
    result = machine.run("check")
    check("belongs to root" in result.stdout, result.stdout)
    say("and that another's directory is")
    result = machine.run("ground", "vault", "--renew", "--yes")
    check(result.returncode == 77, result.stdout)
    say("which is not recorded, either")
