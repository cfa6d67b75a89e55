# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# Copies of /etc/sealmount: stolen, kept, and put back.
from harness import *


def opens(store):
    """Both: the TPM releases the master key, and that opens the key of the volume. (The unlock would also ask for the
    very directory that was enrolled, which a thief's tools do not.)"""
    said = store.run("check").stdout
    return "the TPM releases it now" in said and "opens under the master key" in said


def by_recovery_key(store, key):
    return store.run("reseal", "--recover", "--new-tpm", "--recovery-key-file", key)


with Machine() as machine:
    store = machine.store("root")
    first = f"{machine.work}/recovery-key"
    store.enroll("vault", "--save-recovery-key", first)
    store.save()  # the copy: of the first key, and of a slot for this state
    check(opens(store), "it should open here")

    with Machine() as other:
        stolen = other.store("stolen")
        shutil.rmtree(f"{stolen.root}/etc")
        shutil.copytree(f"{store.root}/etc", f"{stolen.root}/etc")
        check(not opens(stolen), "another TPM opens it")
        other.make_srk()
        check(not opens(stolen), "another TPM with a key of its own opens it")
        say("a copy on another machine opens nothing: held")
        result = by_recovery_key(stolen, first)
        check(result.returncode == 0 and opens(stolen), f"the recovery key should open the copy:\n{result.stdout}")
        say("with the recovery key it opens, by design")

    store.must("recovery-key", "--revoke")
    check(by_recovery_key(store, first).returncode != 0, "a revoked recovery key opens the present file")
    say("a revoked recovery key does not open the present file: held")
    store.restore()
    check(by_recovery_key(store, first).returncode == 0, "the copy should open with the key of its time")
    say("but the copy, by design: that is what --revoke says")
    store.restore()
    check("still open" in store.must("recovery-key", "--revoke").stdout, "--revoke does not say what it leaves")

    store.restore()
    store.must("rotate", "--no-recovery-key")
    check(opens(store), "it should open under the new master key")
    new = store.master()
    store.write_master({**new, "slots": json.loads(open(f"{store.root}.saved/sealmount/masters/default.json",
                                                        encoding="utf-8").read())["slots"]})
    check(not opens(store), "an old slot opens the present keys")
    say("an old slot in the present file opens nothing after a rotation: held")
    store.restore()
    check(opens(store), "the copy as a whole should open in the state of its time")
    say("the copy as a whole opens, by design")
    machine.extend(7)
    check(not opens(store), "in another state it opens as well")
    say("but not in another state: held")
