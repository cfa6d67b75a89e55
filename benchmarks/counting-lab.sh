#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# For benchmarks that run in the VM lab, in a machine that counts (COUNTED in tests/vm/lib/boot.sh). It is slow, so only boots with
# COUNTED=yes are in it; what these write to the disk is forgotten. The benchmark NAME is scenarios/NAME.sh.

BENCHMARKS=$(cd "${BASH_SOURCE%/*}" && pwd)
VM_DIR=$(cd "$BENCHMARKS/../tests/vm" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck disable=SC2034 # the parts of the lab read these
LAB_WORK=${SEALMOUNT_LAB_WORK:-/var/tmp/sealmount-lab} KERNEL='' INITRD=''
for part in common kernel stock rootfs boot uml uefi wire run; do
    # shellcheck source=/dev/null
    . "$VM_DIR/lib/$part.sh"
done
# shellcheck source=tests/vm/guest/checks.sh
. "$VM_DIR/guest/checks.sh"

# While it waits, its clock goes on with the host's: waiting for a disk or a TPM costs next to nothing, and is known apart (idle
# time of the guest's kernel).
eval "$(declare -f qemu_command | sed '1s/qemu_command/usual_qemu_command/')"
qemu_command() {
    usual_qemu_command "$@"
    [ "$COUNTED" = no ] || MACHINE+=(-snapshot)
}
scenario_files() { say "$BENCHMARKS/scenarios/$BENCHMARK.sh"; }

# run_benchmark NAME [BUILD_DIR [RESULTS]]: the figures are then in RESULTS/NAME.txt (default: BUILD_DIR/benchmarks).
run_benchmark() {
    local build
    BENCHMARK=$1
    build=$(readlink -f "${2:-$BENCHMARKS/../build}")
    [ -e "$build/build.ninja" ] || { echo "$BENCHMARK: $build is not a build directory" >&2; exit 66; }
    RESULTS=${3:-$build/benchmarks}
    mkdir -p "$RESULTS"
    RESULTS=$(readlink -f "$RESULTS")
    : >"$RESULTS/$BENCHMARK.txt"
    run_scenarios "$build" no 1
}
