#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# User-mode Linux: the lab's kernel as a program of the host, with the same disk, the same TPM and the same share as in QEMU, and
# about half of the processor time: nothing is emulated, but each system call of a process costs a switch of processes.

# uml_command KERNEL_ARGUMENTS TPM: fills MACHINE. TPM is yes or no.
uml_command() {
    local arguments
    read -r -a arguments <<<"$1"
    mkdir -p "$WORK/uml"
    # Kernel and processes of the machine take turns: on one processor they do that without waiting for each other. In a session of
    # its own, because it ends its whole process group when it panics. What comes last wins: the console and the root disk have
    # other names here.
    MACHINE=(setsid taskset -c "$CPU" "$UML" "mem=${MEMORY}M" "ubd0=$WORK/disk.img" "hostfs=$SHARE" "uml_dir=$WORK/uml" umid=lab noreboot
        con=null ssl=null "${arguments[@]}" console=tty0 root=/dev/ubda)
    [ "$2" = no ] || MACHINE+=("tpm_uml.socket=$WORK/tpm.sock")
}
