# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# A mount point below a directory that a user, a group or everybody can exchange.
from machine import *

with Machine() as machine:
    lower = machine.home(".lower")
    machine.home("a/x")
    result = machine.enroll("vault", lower, "/home/anna/a/x")
    check(result.returncode == 77, result.stdout)
    check(f"/home/anna/a can be replaced by user {ANNA}, whose directory /home/anna is" in result.stdout, result.stdout)
    say("a directory of a user's is refused, and named")
    os.makedirs(machine.path("pub/x"))
    os.chmod(machine.path("pub"), 0o777)
    result = machine.enroll("vault", lower, "/pub/x/y")
    check(result.returncode == 77 and "/pub/x can be replaced by everybody" in result.stdout, result.stdout)
    say("so is what everybody can exchange")
    os.chmod(machine.path("pub"), 0o775)
    os.chown(machine.path("pub"), 0, ANNA)
    result = machine.enroll("vault", lower, "/pub/x/y")
    check(result.returncode == 77 and f"the members of group {ANNA}" in result.stdout, result.stdout)
    say("and what a group can exchange")
    os.chown(machine.path("pub"), 0, 0)
    os.chmod(machine.path("pub"), 0o755)
    acl = subprocess.run(["setfacl", "-m", f"u:{ANNA}:rwx", machine.path("pub")], check=False) if shutil.which("setfacl") \
        else None
    if acl is not None and acl.returncode == 0:
        result = machine.enroll("vault", lower, "/pub/x/y")
        check(result.returncode == 77 and "access list of /pub" in result.stdout, result.stdout)
        say("and whom an access list names")
    check(not os.path.exists(machine.path("etc/sealmount/manifest.json")), "something was written")
