# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# Somebody listens on the bus, and changes nothing.
from harness import *
from interposer import u16, u32, sized

LONG_PIN = "2718281828"  # none that other bytes have by chance


class Listener:
    def __init__(self, tap):
        self.heard = bytearray()
        self.pass_on, tap.exchange = tap.exchange, self.listen

    def listen(self, command):
        answer = self.pass_on(command)
        self.heard += command + answer
        return answer

    def has_master(self, store):
        """Is the master key among what was heard? Each 32 bytes of it are tried."""
        tries = {bytes(self.heard[i : i + 32]) for i in range(len(self.heard) - 31)}
        return any(store.opens(candidate.hex()) for candidate in tries)

    def has_pin(self):
        return LONG_PIN.encode() in self.heard


def command(machine, code, body, tag=0x8001):
    code, answer = machine.tap.send(code, body, tag)
    check(code == 0, f"{code:#x}")
    return answer


def as_kernels_do(machine, slot, pin=b""):
    """The unseal of Linux before 6.10: the policy session is not salted and encrypts nothing (security/keys/trusted-keys/
    trusted_tpm2.c, tpm2_unseal_cmd)."""
    public, private = sealed_areas(slot)
    empty = u32(interposer.PASSWORD) + b"\0\0\1\0\0"
    handle = command(machine, interposer.LOAD, u32(interposer.SRK) + u32(len(empty)) + empty + private + public, 0x8002)[:4]
    body = u32(0x40000007) * 2 + sized(b"\7" * 16) + sized(b"") + b"\1" + u16(0x10) + u16(0xB)
    session = command(machine, interposer.START_AUTH_SESSION, body)[:4]
    command(machine, 0x17F, session + sized(b"") + u32(1) + u16(0xB) + b"\3\x80\0\0")  # PolicyPCR, PCR 7
    if pin:
        command(machine, 0x18C, session)  # PolicyPassword
    auth = session + sized(b"") + b"\0" + sized(pin)
    command(machine, interposer.UNSEAL, handle + u32(len(auth)) + auth, 0x8002)
    command(machine, 0x165, handle)  # FlushContext


with Machine() as machine:
    machine.make_srk()
    for pin in ("", LONG_PIN):
        store = machine.store(f"with{len(pin)}")
        file = store.file("pin", LONG_PIN)
        given = ("--pin-file", file) if pin else ()
        listener = Listener(machine.tap)
        steps = [
            ("enroll", lambda: store.enroll("vault", "--no-recovery-key", *(("--pin",) if pin else ()), *given)),
            ("enroll another", lambda: store.enroll("more", *given)),
            ("check", lambda: store.run("check")),
            ("reseal", lambda: store.must("reseal", "--pcrs", "4+7", *(("--pin",) if pin else ()), *given)),
            ("rotate", lambda: store.must("rotate", "--no-recovery-key", *given)),
            ("suspend", lambda: store.must("suspend", *given)),
            ("unlock", lambda: store.unlock(pin=pin)),
            ("lean unlock", store.lean_unlock),
        ]
        for what, step in steps:
            before = listener.heard[:]
            listener.heard.clear()
            step()
            check(listener.heard, f"{what}: nothing was heard at all")
            check(not listener.has_master(store), f"{what}: the master key was heard")
            check(not listener.has_pin(), f"{what}: the PIN was heard")
            say(f"{what}{' with a PIN' if pin else ''}: nothing is heard")
        check("tpm" in store.unlock(pin=pin).stdout.split(), "it does not open at all")
        listener.heard.clear()
        as_kernels_do(machine, store.master()["slots"][0], pin.encode())
        check(listener.has_master(store), "the search does not find what is there")
        check(listener.has_pin() == bool(pin), "nor the PIN")
        say("in a session like the kernel's before 6.10 it is, by design")
        machine.tap.exchange = listener.pass_on
