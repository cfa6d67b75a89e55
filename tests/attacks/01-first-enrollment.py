# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# An interposer at the very first enrollment: nobody knows the TPM's key yet.
from harness import *
import interposer

with Machine() as machine:
    # By design: the first key is trusted, and said so.
    store = machine.store("first")
    machine.make_srk()
    machine.tap.lie()
    result = store.enroll("vault", "--pin", "--pin-file", store.file("pin", PIN), "--no-recovery-key")
    check("trusted on first use" in result.stdout, result.stdout)
    check(store.has_lost_its_key() and ("pin", PIN) in machine.tap.loot, f"it should have all: {machine.tap.loot}")
    say("first enrollment: trusted on first use, as is said")
    machine.tap.behave()
    result = store.run("check")
    check("another key" in result.stdout or "expected the key" in result.stdout, result.stdout)
    say("without the interposer, the same machine is noticed to be another")

    # A TPM that has no key yet makes one, and its answer to that is what is pinned. What is shown later is compared.
    fresh = machine.store("systemd")
    answer = machine.tap.send(interposer.READ_PUBLIC, interposer.u32(interposer.SRK))
    area, _ = interposer.take_sized(answer[1])
    os.makedirs(f"{fresh.root}/run/systemd")
    with open(f"{fresh.root}/run/systemd/tpm2-srk-public-key.tpm2b_public", "wb") as note:
        note.write(interposer.sized(area))
    held(fresh, "first enrollment where systemd has noted the key",
         lambda: shutil.rmtree(f"{fresh.root}/etc/sealmount", ignore_errors=True)
         or fresh.try_enroll("vault", "--pin", "--pin-file", fresh.file("pin", PIN), "--no-recovery-key"))
    result = fresh.enroll("vault", "--no-recovery-key")
    check("systemd has noted the same" in result.stdout, result.stdout)
