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
                 ("rotate", "--no-recovery-key"),
                 ("rebind", "--passphrase-file", f"{machine.work}/vault.passphrase", "--no-recovery-key")):
        store.restore()
        result = store.must(*verb)
        made = [slot for slot in store.master()["slots"]
                if slot not in edited["slots"] and "'16'" in str(slot.get("policy"))]
        check(not made, f"{verb}: {made}\n{result.stdout}")
    store.restore()
    store.must("suspend")
    machine.extend(7)
    store.must("resume")
    check(sum("'16'" in str(slot.get("policy")) for slot in store.master()["slots"]) <= 1, "resume: it was made again")
    say("nothing is made like it")
