# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# The TPM alone is reset, or starts again after sleep, and what the firmware had measured is measured again by hand.
from harness import *


def opens(store, pin=""):
    return "tpm" in store.unlock(pin=pin).stdout.split()


with Machine() as machine:
    machine.extend(7)  # the firmware
    plain = machine.store("plain")
    plain.enroll("vault", "--no-recovery-key")
    pinned = machine.store("pinned")
    pinned.enroll("vault", "--pin", "--pin-file", pinned.file("pin", PIN), "--no-recovery-key")
    timed = machine.store("timed")
    timed.enroll("vault", "--boot-window", "600", "--no-recovery-key")
    check(opens(plain) and opens(pinned, PIN) and opens(timed), "the approved state should open all")

    machine.reset()
    check(not opens(plain) and not opens(pinned, PIN) and not opens(timed), "a TPM without measurements released a key")
    say("a TPM that was reset, and measured nothing: held")
    machine.extend(8)
    check(not opens(plain), "PCR 8 for PCR 7?")
    machine.extend(7)
    check(opens(plain) and opens(timed), "the TPM cannot know who measures")
    say("the same measurements by hand: the key comes, by design")
    check(not opens(pinned) and not opens(pinned, "0000") and opens(pinned, PIN), "the PIN is not asked for")
    say("where a slot has a PIN, that is required all the same: held")

    machine.sleep()
    check(not opens(plain), "a TPM without measurements released a key")
    machine.extend(7)
    check(opens(plain), "the TPM cannot know who measures")
    result = timed.unlock()
    check("tpm" not in result.stdout.split() and "suspended since" in result.stdout, result.stdout)
    say("after sleep instead of a reset: a boot window does not open, the others do, by design")
