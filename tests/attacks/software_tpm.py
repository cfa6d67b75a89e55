# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
"""A software TPM that is ready once it is there."""
import os
import subprocess


def start(work, *options):
    """swtpm, whose state and pipe are below `work`, once its sockets accept connections; None when it ended before.

    The file of a socket says nothing: it is there from bind() on, and nobody listens yet. swtpm writes its process id
    after both have been done for each of its sockets: here into a pipe, whose end is that of swtpm."""
    os.mkdir(f"{work}/tpm")
    fifo = f"{work}/tpm.ready"
    os.mkfifo(fifo)
    ready = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(ready, True)
    held = os.open(fifo, os.O_WRONLY)
    process = subprocess.Popen(
        ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={work}/tpm", "--flags", "not-need-init,startup-clear", "--pid",
         f"file={fifo}", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[held])
    os.close(held)
    is_ready = os.read(ready, 1) != b""
    os.close(ready)
    if not is_ready:
        process.wait()
    return process if is_ready else None
