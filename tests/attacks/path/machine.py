# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
"""A root directory with a user's home in it, a software TPM, and the program under attack.

An attack is a script that is called with the path of sealmount, as root. It ends with status 0 when its outcome is the one
that README.md promises."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

import software_tpm

SEALMOUNT = sys.argv[1]
PASSPHRASE = b"correct horse battery\n"
ANNA = 61234


def check(condition, message):
    if not condition:
        sys.exit(f"FAIL {os.path.basename(sys.argv[0])}: {message}")


def say(message):
    print(f"ok   {message}", flush=True)


class Machine:
    def __init__(self):
        check(os.geteuid() == 0, "must run as root: only root can give directories to users")
        check(shutil.which("swtpm"), "swtpm is missing: sudo tools/packages test")
        self.work = tempfile.mkdtemp(prefix="sealmount-attack.")
        self.root = f"{self.work}/root"
        for directory in ("srv", "etc"):
            os.makedirs(f"{self.root}/{directory}")
        self.home("")
        self.swtpm = software_tpm.start(self.work, "--server", f"type=unixio,path={self.work}/sock", "--ctrl",
                                        f"type=unixio,path={self.work}/sock.ctrl")
        check(self.swtpm is not None, "swtpm does not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.swtpm.terminate()
        self.swtpm.wait()
        subprocess.run(["chattr", "-R", "-i", self.root], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.work)

    def path(self, name):
        return f"{self.root}/{name}"

    def home(self, name):
        """A directory of anna's."""
        place = f"{self.root}/home/anna/{name}".rstrip("/")
        os.makedirs(place, exist_ok=True)
        while place != f"{self.root}/home":
            os.chown(place, ANNA, ANNA)
            place = os.path.dirname(place)
        return f"/home/anna/{name}"

    def command(self, *words):
        return [SEALMOUNT, *words, "--root", self.root, "--tcti", f"swtpm:path={self.work}/sock"]

    def run(self, *words, **more):
        return subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False, **more)

    def enroll(self, name, lower, mountpoint, *more):
        with open(f"{self.work}/pass", "wb") as file:
            file.write(PASSPHRASE)
        return self.run("enroll", name, "--lower", lower, "--mountpoint", mountpoint, "--passphrase-file",
                        f"{self.work}/pass", "--no-recovery-key", "--empty", *more)

    def enroll_while(self, name, lower, mountpoint, attack):
        """The attack happens while root types: when the program has opened its passphrase, before it can read it."""
        fifo = f"{self.work}/fifo"
        os.mkfifo(fifo)
        with subprocess.Popen(
                self.command("enroll", name, "--lower", lower, "--mountpoint", mountpoint, "--passphrase-file", fifo,
                             "--no-recovery-key", "--empty"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True) as program:
            typed = self.reader_of(fifo, program)
            if typed is not None:
                attack()
                os.write(typed, PASSPHRASE)
                os.close(typed)
            output, _ = program.communicate()
        os.unlink(fifo)
        return program.returncode, output

    @staticmethod
    def reader_of(fifo, program):
        """The pipe, once the program reads it; None when it ended before."""
        while program.poll() is None:
            try:
                return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                time.sleep(0.01)
        return None

    def is_immutable(self, name):
        shown = subprocess.run(["lsattr", "-d", self.path(name)], stdout=subprocess.PIPE, text=True, check=True)
        return "i" in shown.stdout.split()[0]
