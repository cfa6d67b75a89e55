# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# Another process, even of the same user, looks at a program that has a secret: ptrace, /proc, core dumps, swap; and
# another user looks at the files. Runs as root, and leaves the rights of root.
import array
import ast
import ctypes
import fcntl
import resource
import termios
import time

from harness import *

USER = 61234
SEIZE = 0x4206


def as_user(action):
    """What `action` gives, done by the user."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
        try:
            result = action()
        except OSError as error:
            result = error.strerror
        os.write(write, repr(result).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        result = pipe.read()
    os.waitpid(child, 0)
    return result


def look_at(process):
    """Of a child of ours: what can be had of it."""
    def attempt(action):
        try:
            return action()
        except OSError:
            return "refused"

    def read(name):
        with open(f"/proc/{process.pid}/{name}", "rb") as file:
            return "read" if name == "mem" or file.read(1) is not None else "nothing"

    result = {name: attempt(lambda name=name: read(name)) for name in ("mem", "maps", "environ")}
    result["fd"] = attempt(lambda: "read" if os.listdir(f"/proc/{process.pid}/fd") else "nothing")
    libc = ctypes.CDLL(None, use_errno=True)
    result["ptrace"] = "attached" if libc.ptrace(SEIZE, process.pid, None, None) == 0 else "refused"
    return result


def wait_until_read(pipe, process):
    """Until the process has taken what is in the pipe, or has ended."""
    waiting = array.array("i", [1])
    while waiting[0] > 0 and process.poll() is None:
        time.sleep(0.01)
        fcntl.ioctl(pipe, termios.FIONREAD, waiting)


def status_of(process, name):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return dict(line.split(":", 1) for line in file.read().splitlines())[name].split()[0]


check(os.geteuid() == 0, "must run as root: only root can become another user")
with Machine() as machine:
    store = machine.store("root")
    store.enroll("vault", "--save-recovery-key", f"{machine.work}/recovery-key")
    os.chmod(machine.work, 0o755)
    for path in ("root/etc/sealmount/masters/default.json", "recovery-key",
                 f"root/etc/sealmount/keys/{os.listdir(f'{store.root}/etc/sealmount/keys')[0]}"):
        place = f"{machine.work}/{path}"
        got = as_user(lambda place=place: open(place, "rb").read())
        check("denied" in got, f"{path}: {got}")
    say("another user reads no master, key or recovery key file: held")

    # The user's own root directory, and a program that waits for the rest of a passphrase.
    own = machine.store("own")
    os.makedirs(f"{own.root}/srv/.vault")
    fifo = f"{machine.work}/fifo"
    os.mkfifo(fifo)
    for path, _, _ in os.walk(own.root):
        os.chown(path, USER, USER)
    os.chown(fifo, USER, USER)
    for end in ("tap", "tap.ctrl"):
        os.chmod(f"{machine.work}/{end}", 0o777)
    words = [SEALMOUNT, "enroll", "vault", "--lower", "/srv/.vault", "--mountpoint", "/srv/vault", "--passphrase-file", fifo,
             "--empty", "--no-guard", "--no-recovery-key", "--root", own.root, "--tcti", f"swtpm:path={machine.work}/tap"]

    def writer_to(program):
        """The passphrase's pipe, once the program reads it; None when it ended before."""
        while program.poll() is None:
            try:
                return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                time.sleep(0.01)
        return None

    def enroll_and_look():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as program, \
                subprocess.Popen(["sleep", "1000"]) as control:
            writer = writer_to(program)
            if writer is None:
                control.kill()
                return program.communicate()[0].decode()
            os.write(writer, b"half of a passph")
            wait_until_read(writer, program)
            result = look_at(control), look_at(program), int(status_of(program, "VmLck")) > 0
            with open(f"/proc/{program.pid}/limits", encoding="ascii") as file:
                core = [line.split()[4] for line in file if line.startswith("Max core file size")]
            control.kill()
            os.close(writer)
            output, _ = program.communicate()
            return (*result, core, output.decode())

    def in_little_memory():
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
        result = subprocess.run([word if word != fifo else "/dev/null" for word in words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return result.returncode, result.stdout.decode()

    seen = ast.literal_eval(as_user(enroll_and_look))
    check(len(seen) == 5, f"the program did not come to the passphrase:\n{seen}")
    control, program, locked, core, output = seen
    check(set(control.values()) <= {"read", "attached"}, f"the looks do not work at all: {control}")
    check(set(program.values()) == {"refused"}, f"a process of the same user sees {program}; {output}")
    say("no ptrace, and nothing of /proc: held")
    check(core == ["0"], f"the limit of core dumps is {core}")
    say("no core dump: held")
    check(locked, "no memory is locked")
    status, output = ast.literal_eval(as_user(in_little_memory))
    check(status != 0 and "lock memory" in output, output)
    say("secrets are in locked memory, which the swap never sees, or the program ends: held")
