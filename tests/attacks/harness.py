# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
"""A software TPM with an interposer in front of it, stores of their own, and the program under attack.

An attack is a script; it is called with the programs as arguments: sealmount, the whole unlock story on a fake kernel,
and the unseal of the lean unlock. It ends with status 0 when its outcome is the one that README.md promises."""
import base64
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import interposer
import software_tpm

SEALMOUNT, UNLOCK, LEAN_UNLOCK = sys.argv[1:4]
PASSPHRASE = "correct horse battery"
PIN = "4711"


def fail(message):
    sys.exit(f"FAIL {os.path.basename(sys.argv[0])}: {message}")


def check(condition, message):
    if not condition:
        fail(message)


def say(message):
    print(f"ok   {message}", flush=True)


class Machine:
    def __init__(self):
        for tool in ("swtpm", "swtpm_ioctl"):
            check(shutil.which(tool), f"{tool} is missing: sudo tools/packages test")
        self.work = tempfile.mkdtemp(prefix="sealmount-attack.")
        self.swtpm = None
        self.start_tpm()
        self.tap = interposer.Interposer(f"{self.work}/tap", f"{self.work}/sock")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.swtpm.send_signal(signal.SIGTERM)
        self.swtpm.wait()
        shutil.rmtree(self.work)

    def start_tpm(self):
        self.swtpm = software_tpm.start(self.work, "--server", f"type=unixio,path={self.work}/sock", "--ctrl",
                                        f"type=unixio,path={self.work}/tap.ctrl")
        check(self.swtpm is not None, "swtpm does not start")

    def extend(self, pcr):
        """By whatever is booted."""
        body = interposer.u32(pcr) + interposer.u32(9) + interposer.u32(interposer.PASSWORD) + b"\0\0\1\0\0"
        code, _ = self.tap.send(0x182, body + interposer.u32(1) + b"\0\x0b" + b"\x42" * 32, 0x8002)
        check(code == 0, f"PCR_Extend: {code:#x}")

    def reset(self):
        """The TPM alone loses its power, or gets a pulse on its reset line: a TPM Reset."""
        subprocess.run(["swtpm_ioctl", "--unix", f"{self.work}/tap.ctrl", "-i"], check=True)
        code, _ = self.tap.send(0x144, b"\0\0")
        check(code == 0, f"Startup: {code:#x}")

    def sleep(self):
        """Suspend to RAM with a TPM that starts again: TPM2_Shutdown(STATE), power, TPM2_Startup(CLEAR): a TPM
        Restart (TPM 2.0 Part 1, 12.2.3.3), after which PCRs begin again and the count of resets is the same."""
        code, _ = self.tap.send(0x145, b"\0\1")
        check(code == 0, f"Shutdown: {code:#x}")
        subprocess.run(["swtpm_ioctl", "--unix", f"{self.work}/tap.ctrl", "-i"], check=True)
        code, _ = self.tap.send(0x144, b"\0\0")
        check(code == 0, f"Startup: {code:#x}")

    def store(self, name):
        return Store(self, f"{self.work}/{name}")

    def make_srk(self):
        """As any program may have made it long ago, with nobody in between."""
        self.store("earlier").enroll("earlier")


class Store:
    """A root directory with /etc/sealmount."""

    def __init__(self, machine, root):
        self.machine, self.root = machine, root
        os.makedirs(f"{root}/etc", exist_ok=True)

    def file(self, name, text):
        path = f"{self.machine.work}/{name}"
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        return path

    def run(self, verb, *arguments):
        command = [SEALMOUNT, verb, *arguments, "--root", self.root, "--tcti", f"swtpm:path={self.machine.work}/tap"]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, check=False, timeout=120)
        check(result.returncode >= 0, f"{verb} was killed by signal {-result.returncode}:\n{result.stdout}")
        return result

    def must(self, verb, *arguments):
        result = self.run(verb, *arguments)
        check(result.returncode == 0, f"{verb} {' '.join(arguments)}:\n{result.stdout}")
        return result

    def try_enroll(self, name, *options):
        os.makedirs(f"{self.root}/srv/.{name}", exist_ok=True)
        return self.run("enroll", name, "--lower", f"/srv/.{name}", "--mountpoint", f"/srv/{name}", "--no-guard",
                        "--passphrase-file", self.file(f"{name}.passphrase", f"{PASSPHRASE} of {name}"), *options)

    def enroll(self, name, *options):
        result = self.try_enroll(name, *options)
        check(result.returncode == 0, f"enroll {name}:\n{result.stdout}")
        return result

    def unlock(self, volume="vault", pin=""):
        """The boot story on a kernel without trusted keys. How it ended, as it says itself."""
        result = subprocess.run([UNLOCK, self.root, f"swtpm:path={self.machine.work}/tap", volume, pin],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120)
        check(result.returncode >= 0, f"the unlock was killed by signal {-result.returncode}")
        return result

    def lean_unlock(self):
        """What most boots with such a kernel run: it unseals by itself, without tpm2-tss."""
        return subprocess.run([LEAN_UNLOCK, self.root, f"{self.machine.work}/tap", "default"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=120)

    def master_path(self, name="default"):
        return f"{self.root}/etc/sealmount/masters/{name}.json"

    def master(self, name="default"):
        with open(self.master_path(name), encoding="utf-8") as text:
            return json.load(text)

    def write_master(self, document, name="default"):
        with open(self.master_path(name), "w", encoding="utf-8") as text:
            json.dump(document, text)

    def save(self):
        shutil.rmtree(f"{self.root}.saved", ignore_errors=True)
        shutil.copytree(f"{self.root}/etc", f"{self.root}.saved")

    def restore(self):
        shutil.rmtree(f"{self.root}/etc")
        shutil.copytree(f"{self.root}.saved", f"{self.root}/etc")

    def opens(self, master):
        """Is this, in hex, the master key of a key file? The kernel's HMAC over it says so."""
        keys = f"{self.root}/etc/sealmount/keys"
        for name in os.listdir(keys):
            with open(f"{keys}/{name}", encoding="ascii") as text:
                words = text.read().split()
            blob = bytes.fromhex(words[3])
            derived = hashlib.sha256(b"AUTH_KEY\0" + bytes.fromhex(master)).digest()
            message = b"\0".join([words[0].encode(), words[1].encode(), words[2].encode(), blob[:16], blob[17:81]])
            if hmac.compare_digest(hmac.new(derived, message, hashlib.sha256).digest(), blob[81:]):
                return True
        return False

    def has_lost_its_key(self):
        return any(kind in ("sealed", "unsealed") and self.opens(value) for kind, value in self.machine.tap.loot)


def victim(machine, name="victim", *options):
    """A store whose first enrollment went through the interposer: it is pinned to the interposer's key."""
    store = machine.store(name)
    machine.tap.lie()
    store.enroll("vault", "--no-recovery-key", *options)
    check(store.has_lost_its_key(), "the interposer does not work at all")
    machine.tap.behave()
    return store


def held(store, what, action, most=60):
    """Lies with each number of true answers before it, and both names, until no lie is left. Nothing may be
    learned, and no session be started under the interposer's key."""
    tap = store.machine.tap
    store.save()
    lies = 0
    for name in ("true", "own"):
        for after in range(most):
            store.restore()
            tap.lie(after, name)
            action()
            where = f"{what}, {after} true answers, its {name} name"
            check(not tap.loot, f"{where}: the interposer has {tap.loot}")
            check(tap.salted == 0 and not tap.sessions, f"{where}: a session was salted with the interposer's key")
            lies += tap.lies
            if tap.lies == 0:
                break
        check(tap.lies == 0, f"{what}: it is asked for the key without end")
    check(lies > 0, f"{what}: the key was never asked for")
    tap.behave()
    store.restore()
    say(f"{what}: held ({lies} lies)")


def lost(store, what, action, pin=False):
    """The same on a store that is pinned to the interposer's key: here it learns the key. This shows that the
    interposer works against this very command, and that nothing but the pin is in its way."""
    tap = store.machine.tap
    store.save()
    tap.lie()
    result = action()
    check(tap.salted > 0, f"{what}: no session was salted with the interposer's key, so nothing is shown")
    check(store.has_lost_its_key(), f"{what}: {tap.loot}; {result.stdout if result else ''}")
    check(not pin or ("pin", PIN) in tap.loot, f"{what}: no PIN in {tap.loot}")
    tap.behave()
    store.restore()
    say(f"{what}: without the pin, the interposer has it all")


def der_parts(der):
    """Public and private area of a TPMKey."""
    def element(data):
        length, rest = data[1], data[2:]
        if length & 0x80:
            count = length & 0x7F
            length, rest = int.from_bytes(rest[:count], "big"), rest[count:]
        return data[0], rest[:length], rest[length:]

    _, content, _ = element(der)
    octets = []
    while content:
        tag, value, content = element(content)
        if tag == 0x04:
            octets.append(value)
    return octets


def sealed_areas(slot):
    return der_parts(base64.b64decode(slot["sealed"]))
