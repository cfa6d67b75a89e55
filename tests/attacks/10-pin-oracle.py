# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# Trying a PIN in a foreign state of the machine: TPM2_ObjectChangeAuth says whether an authorization value is right,
# whatever the policy, unless the object has adminWithPolicy.
from harness import *
from interposer import u32, sized

EMPTY_PASSWORD = u32(interposer.PASSWORD) + b"\0\0\1\0\0"


def load(machine, public, private):
    body = u32(interposer.SRK) + u32(len(EMPTY_PASSWORD)) + EMPTY_PASSWORD + private + public
    code, answer = machine.tap.send(interposer.LOAD, body, 0x8002)
    check(code == 0, f"Load: {code:#x}")
    return answer[:4]


def answer_to(machine, handle, pin):
    """Of the TPM, to a try of this PIN."""
    auth = u32(interposer.PASSWORD) + b"\0\0\1" + sized(pin)
    body = handle + u32(interposer.SRK) + u32(len(auth)) + auth + sized(b"")
    return machine.tap.send(interposer.OBJECT_CHANGE_AUTH, body, 0x8002)[0]


def make_old(machine, public, pin):
    """The same object as release 0.1.0 sealed it."""
    area = bytearray(public)
    area[9] &= 0x7F  # adminWithPolicy, bit 7 of the four bytes at 6
    area = bytes(area[:-34]) + sized(b"")  # the TPM fills "unique" in
    template = sized(area[2:])
    sensitive = sized(sized(pin) + sized(b"secret"))
    body = u32(interposer.SRK) + u32(len(EMPTY_PASSWORD)) + EMPTY_PASSWORD + sensitive + template + sized(b"") + u32(0)
    code, answer = machine.tap.send(interposer.CREATE, body, 0x8002)
    check(code == 0, f"Create: {code:#x}")
    private, rest = interposer.take_sized(answer[4:])
    public, _ = interposer.take_sized(rest)
    return sized(public), sized(private)


with Machine() as machine:
    store = machine.store("root")
    store.enroll("vault", "--pin", "--pin-file", store.file("pin", PIN), "--no-recovery-key")
    public, private = sealed_areas(store.master()["slots"][0])
    machine.extend(7)  # a live stick
    old = load(machine, *make_old(machine, public, PIN.encode()))
    check(answer_to(machine, old, PIN.encode()) == 0, "the right PIN of an old object should show")
    check(answer_to(machine, old, b"0000") & 0xFF == 0x8E, "a wrong PIN of an old object should show")
    say("objects of 0.1.0: the oracle is there, so the attack works")
    ours = load(machine, public, private)
    answers = {answer_to(machine, ours, pin) for pin in (PIN.encode(), b"0000")}
    check(len(answers) == 1 and 0 not in answers, f"the TPM's answers differ: {answers}")
    say(f"ours: the same refusal for every PIN ({answers.pop():#x})")
