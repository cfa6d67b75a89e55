# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# A program that was started without its standard descriptors writes a secret into the first file that it opens.
from machine import *

with Machine() as machine:
    os.mkdir(machine.path("srv/.vault"))
    result = machine.enroll("vault", "/srv/.vault", "/srv/vault")
    check(result.returncode == 0, result.stdout)
    with open(machine.path("etc/sealmount/masters/default.json"), encoding="utf-8") as file:
        before = file.read()
    for closed in (">&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/null"):
        status = subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", *machine.command("recovery-key")],
                                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode
        check(status == 64, f"recovery-key {closed}: {status}")
        lock = machine.path("run/sealmount/store.lock")
        check(not os.path.exists(lock) or os.path.getsize(lock) == 0, f"{closed}: the key is in the lock file")
        with open(machine.path("etc/sealmount/masters/default.json"), encoding="utf-8") as file:
            check(file.read() == before, f"{closed}: the master key's file was changed")
        say(f"recovery-key {closed} changes nothing and writes nothing")
