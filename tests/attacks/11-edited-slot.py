# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# The file says of a slot what its object is not sealed to, so that the next slots are made like it.
from harness import *

with Machine() as machine:
    store = machine.store("root")
    key = f"{machine.work}/recovery-key"
    store.enroll("vault", "--save-recovery-key", key)
    edited = store.master()
    edited["slots"][0]["policy"] = {"pcrs": [{"bank": "sha256", "values": {"16": "00" * 32}}]}
    store.write_master(edited)
    for verb in (("reseal",), ("rotate", "--no-recovery-key"), ("resume",), ("recovery-key",)):
        result = store.run(*verb)
        check(store.master() == edited or verb == ("resume",), f"{verb}: something was sealed:\n{result.stdout}")
    for verb in ("check", "slots"):
        result = store.run(verb)
        check("another policy than the file says" in result.stdout, f"{verb}:\n{result.stdout}")
    check("tpm" not in store.unlock().stdout.split(), "the slot was believed")
    say("an edited slot is not believed, by any verb")

    # Beside one that opens: what is made from now on must not be made like it.
    store = machine.store("beside")
    store.enroll("vault", "--save-recovery-key", f"{key}.2")
    store.must("reseal", "--pcrs", "4+7")
    edited = store.master()
    edited["slots"][1]["policy"] = {"pcrs": [{"bank": "sha256", "values": {"16": "00" * 32}}]}
    store.write_master(edited)
    store.save()
    for verb in (("reseal",), ("reseal", "--recover", "--recovery-key-file", f"{key}.2"),
                 ("rotate", "--no-recovery-key"), ("suspend",), ("prune",)):
        store.restore()
        result = store.run(*verb)
        check(result.returncode != 0 and store.master() == edited, f"{verb}:\n{result.stdout}")
        check("changed by somebody who has not the master key" in result.stdout, f"{verb}:\n{result.stdout}")
    store.restore()
    store.must("rebind", "--passphrase-file", f"{machine.work}/vault.passphrase", "--no-recovery-key")
    check("'16'" not in str(store.master()["slots"]), f"rebind: {store.master()}")
    say("nothing is made like it")
