# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# A suspended machine is stolen, and put to sleep again and again instead of being restarted.
from harness import *
from interposer import u16, u32, sized

RESET_COUNT, RESTART_COUNT = 16, 20  # in TPMS_TIME_INFO (TPM 2.0 Part 2, 10.11)
LESS_OR_EQUAL, EQUAL = 9, 0


def counter(machine, session, offset, operand, operation):
    """TPM2_PolicyCounterTimer. The answer's code."""
    return machine.tap.send(0x16D, session + sized(u32(operand)) + u16(offset) + u16(operation))[0]


def policy_session(machine):
    body = u32(0x40000007) * 2 + sized(b"\7" * 16) + sized(b"") + b"\1" + u16(0x10) + u16(0xB)
    code, body = machine.tap.send(0x176, body)
    check(code == 0, f"StartAuthSession: {code:#x}")
    return body[:4]


with Machine() as machine:
    store = machine.store("root")
    store.enroll("vault", "--no-recovery-key")
    store.must("suspend")
    suspended = store.master()["slots"][1]["policy"]
    check(suspended["not_after_sleep"], suspended)
    machine.extend(7)
    check("tpm" in store.unlock().stdout.split(), "the suspension should open")
    machine.sleep()
    machine.extend(7)
    last = suspended["last_boot"]
    session = policy_session(machine)
    check(counter(machine, session, RESET_COUNT, last, LESS_OR_EQUAL) == 0, "the count of resets should stand still")
    say("the count of resets alone is satisfied after sleep")
    code = counter(machine, session, RESTART_COUNT, 0, EQUAL)
    check(code & 0xFFF == 0x126, f"TPM_RC_POLICY was expected: {code:#x}")
    say("the count of restarts is not: held by the TPM")
    result = store.unlock()
    check("tpm" not in result.stdout.split() and "suspended since" in result.stdout, result.stdout)
    say("the unlock says why")
