#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# One machine: its disk, its TPM and what it shares with the host live in $WORK and last from boot to boot.

BOOT_SECONDS=${SEALMOUNT_LAB_BOOT_SECONDS:-900}
OVMF_CODE=/usr/share/OVMF/OVMF_CODE_4M.fd
OVMF_VARS=/usr/share/OVMF/OVMF_VARS_4M.fd
MEMORY=1024 # MiB
# One is enough, and a sixth cheaper to emulate. A scenario that is about races sets two.
PROCESSORS=1
# yes: in QEMU one instruction is one nanosecond of the machine's clock (qemu(1), -icount), so that what the machine computes takes
# as long on every host, however busy. One processor on one thread. While the machine waits, its clock goes on with the host's:
# elapsed time is still no count.
COUNTED=no
# The processor of the host that user-mode Linux runs on; each of the scenarios that run at once has its own.
# shellcheck disable=SC2034 # uml.sh reads it
CPU=0
swtpm_pid='' machine_pid=''
# shellcheck source=tests/tools/swtpm.bash
. "$VM_DIR/../tools/swtpm.bash"
# uml or qemu, where a scenario insists; else each boot has the faster one of those that can do what is asked of it.
ENGINE=''

machine_needs() {
    need qemu-system-x86 qemu-system-x86_64
    need swtpm swtpm
    need swtpm-tools swtpm_setup
}

# new_machine DIR IMAGE: an empty TPM and a copy of the image.
new_machine() {
    local volume
    WORK=$1 SHARE=$1/share
    mkdir -p "$WORK/boots" "$SHARE/made"
    cp --sparse=always "$2" "$WORK/disk.img"
    for volume in "$MADE_VOLUMES"/*.tar; do
        [ ! -e "$volume" ] || cp "$volume" "$SHARE/made/"
    done
    new_tpm "$PCR_BANKS"
}

# Where what make_volume made in guests of a root file system is kept; run.sh says which one.
MADE_VOLUMES=$LAB_CACHE/made-volumes

# keep_volumes RESULTS: for the machines to come.
keep_volumes() {
    local volume
    [ -e "$1/volumes" ] || return 0
    mkdir -p "$MADE_VOLUMES"
    for volume in "$1"/volumes/*.tar; do
        cp "$volume" "$SHARE/made/"
        cp "$volume" "$MADE_VOLUMES/.$$.${volume##*/}"
        mv "$MADE_VOLUMES/.$$.${volume##*/}" "$MADE_VOLUMES/${volume##*/}"
    done
}

# new_disk SUITE: the machine's root disk is a new one with this Debian, with the product as everywhere.
new_disk() {
    local image=$RUN/base-$1.img
    if [ ! -e "$image" ]; then
        step "making the disk image with $1"
        make_image "$BUILD" "$image" "$1"
    fi
    cp --sparse=always "$image" "$WORK/disk.img"
}

# Two banks, as most real TPMs have: for each the emulated firmware hashes every kernel once more.
PCR_BANKS=sha1,sha256

# new_tpm [BANKS]: from the next boot on there is another TPM in the machine, one that knows nothing.
new_tpm() {
    rm -rf "$WORK/tpm"
    mkdir -p "$WORK/tpm"
    swtpm_setup --tpm2 --tpmstate "$WORK/tpm" --pcr-banks "${1:-$PCR_BANKS}" >"$WORK/tpm-setup.log" ||
        die "swtpm_setup failed; see $WORK/tpm-setup.log"
}

# tpm_state_copy NAME, tpm_state_restore NAME: keep the TPM as it is now, and go back to it.
tpm_state_copy() { rm -rf "$WORK/tpm-$1" && cp -a "$WORK/tpm" "$WORK/tpm-$1"; }
tpm_state_restore() { rm -rf "$WORK/tpm" && cp -a "$WORK/tpm-$1" "$WORK/tpm"; }

# disk_copy NAME, disk_restore NAME: the same for the disk.
disk_copy() { cp --sparse=always "$WORK/disk.img" "$WORK/disk-$1.img"; }
disk_restore() { cp --sparse=always "$WORK/disk-$1.img" "$WORK/disk.img"; }

# start_tpm LOG ENGINE: it ends with the machine; hence one for each boot. QEMU switches it on and passes commands on; user-mode
# Linux sends them itself.
start_tpm() {
    local socket=$WORK/tpm.sock options=(--ctrl "type=unixio,path=$WORK/tpm.sock")
    [ "$2" = qemu ] || options=(--server "type=unixio,path=$socket" --flags not-need-init --terminate)
    [ ${#socket} -lt 100 ] || die "the path $socket is too long for a socket; set SEALMOUNT_LAB_WORK to a shorter one"
    rm -f "$socket"
    start_swtpm "$WORK/tpm.ready" --tpmstate "dir=$WORK/tpm" "${options[@]}" --log "file=$1,level=20" ||
        die "swtpm did not start; see $1"
}

# end_process PID: ends one of our own and waits for it.
end_process() {
    [ -n "$1" ] || return 0
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

stop_machine() {
    end_process "$machine_pid"
    end_process "$swtpm_pid"
    machine_pid='' swtpm_pid=''
}

# qemu_command KERNEL_ARGUMENTS TPM UEFI: fills MACHINE. TPM is yes, no, or table-only: firmware that reports one that is not
# there. UEFI is yes, no, or firmware: it finds its kernel itself. Software emulation on purpose: it is the same everywhere.
# Debian's own kernels, which have an initial file system, get one processor: they rewrite their code while they run, and under
# software emulation another processor then meets the breakpoint that is there for a moment, and the kernel dies of it.
qemu_command() {
    local processors=$PROCESSORS machine=q35 accelerator='tcg,thread=multi' clock=()
    [ -z "$INITRD" ] || processors=1
    [ "$3" != firmware ] || machine=q35,smm=on
    [ "$COUNTED" = no ] || accelerator='tcg,thread=single' clock=(-icount shift=0)
    MACHINE=(qemu-system-x86_64 -machine "$machine" -accel "$accelerator" "${clock[@]}" -cpu max -smp "$processors" -m "$MEMORY"
        -display none -nodefaults -no-reboot
        -drive "file=$WORK/disk.img,if=virtio,format=raw,cache=unsafe"
        -virtfs "local,path=$SHARE,mount_tag=share,security_model=none"
        -device virtio-rng-pci)
    [ "$3" = firmware ] || MACHINE+=(-kernel "$KERNEL" -append "$1")
    [ -z "$INITRD" ] || MACHINE+=(-initrd "$INITRD")
    if [ "$2" = yes ]; then
        MACHINE+=(-chardev "socket,id=tpm,path=$WORK/tpm.sock" -tpmdev "emulator,id=tpm0,chardev=tpm"
            -device "tpm-crb,tpmdev=tpm0")
    elif [ "$2" = table-only ]; then
        tpm_table >"$WORK/tpm-table"
        MACHINE+=(-acpitable "sig=TPM2,rev=4,oem_id=LAB,oem_table_id=LAB,oem_rev=1,data=$WORK/tpm-table")
    fi
    if [ "$3" = firmware ]; then
        firmware_drives
    elif [ "$3" = yes ]; then
        need_file ovmf "$OVMF_CODE"
        [ -e "$WORK/vars.fd" ] || cp "$OVMF_VARS" "$WORK/vars.fd"
        MACHINE+=(-drive "if=pflash,format=raw,readonly=on,file=$OVMF_CODE" -drive "if=pflash,format=raw,file=$WORK/vars.fd")
    fi
}

# tpm_table: the ACPI table TPM2 behind its header (TCG ACPI Specification, section 8): platform class 0, control area at
# 0xfed40040, start method 7 (command response buffer), no parameters. The device itself would be in another table.
tpm_table() { printf '\0\0\0\0\x40\0\xd4\xfe\0\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'; }

KERNEL_ARGUMENTS='console=ttyS0 root=/dev/vda rw panic=-1 init=/usr/lib/sealmount-lab/init'
# Nobody sits at this console: no login, and no agent but ours answers a question. norandmaps: the emulator translates a program
# again for each address that it is loaded to, which takes a sixth of the time of a boot.
UNATTENDED='quiet norandmaps lab.probe systemd.getty_auto=no systemd.show_status=auto systemd.mask=systemd-ask-password-console.path
systemd.mask=systemd-ask-password-wall.path systemd.journald.forward_to_console=yes
systemd.journald.max_level_console=warning'

# boot NAME [--kernel KIND] [--append KERNEL_ARGUMENTS] [--answer LINE]... [--no-tpm | --tpm-table-only | --tpm-dies]
#   [--uefi | --firmware] [--memory MIB] [--early] [--shutdown] [--seconds N] <<'EOF' (guest script)
# Boots, runs the script as root in the guest when the boot is over, and powers off. What the boot left is then
# in $WORK/boots/NAME. It fails, and ends the scenario, when a check or the script failed, on a panic and on time-out.
boot() {
    local name=$1 append='' tpm=yes uefi=no seconds=$BOOT_SECONDS began=$SECONDS results engine
    local KERNEL=$KERNEL INITRD='' MEMORY=$MEMORY
    shift
    rm -rf "$SHARE/results" "$SHARE/answers" "$SHARE/early" "$SHARE/shutdown"
    mkdir -p "$SHARE/results"
    while [ $# -gt 0 ]; do
        case $1 in
            --kernel) choose_kernel "$2"; shift ;;
            --append) append+=" $2"; shift ;;
            --answer) printf '%s\n' "$2" >>"$SHARE/answers"; shift ;;
            --no-tpm) tpm=no ;;
            --tpm-table-only) tpm=table-only ;;
            --tpm-dies) append+=' lab.tpm_dies' ;;
            --uefi) uefi=yes ;;
            --firmware) uefi=firmware ;;
            --early) : >"$SHARE/early" ;;
            --shutdown) : >"$SHARE/shutdown" ;;
            --memory) MEMORY=$2; shift ;;
            --seconds) seconds=$2; shift ;;
            *) die "boot: unknown option $1" ;;
        esac
        shift
    done
    cat >"$SHARE/script"
    if [ "$uefi" = firmware ]; then
        [ -z "$append" ] || die "boot: --firmware has its kernel arguments from the boot entry"
        firmware_arguments >"$SHARE/arguments"
    fi
    results=$WORK/boots/$name
    [ ! -e "$results" ] || die "this scenario has two boots that are called $name"
    mkdir -p "$results"
    engine=$(engine_for "$tpm" "$uefi")
    step "boot $name ($engine)"
    say "$engine" >>"$WORK/engines"
    "${engine}_command" "$KERNEL_ARGUMENTS ${UNATTENDED//$'\n'/ }$append" "$tpm" "$uefi"
    run_machine "$results" "$tpm" "$seconds" "$engine"
    cp -r "$SHARE/results/." "$results/"
    keep_volumes "$results"
    judge_boot "$name" "$results" $((SECONDS - began))
}

# engine_for TPM UEFI: user-mode Linux has one processor, a kernel of its own, no firmware, no ACPI tables and the host's clock.
engine_for() {
    if [ -n "$ENGINE" ]; then
        say "$ENGINE"
    elif [ -z "$INITRD" ] && [ "$1" != table-only ] && [ "$2" = no ] && [ "$PROCESSORS" = 1 ] && [ "$COUNTED" = no ]; then
        say uml
    else
        say qemu
    fi
}

# run_machine RESULTS TPM SECONDS ENGINE: sets machine_status, 124 when the time ran out.
run_machine() {
    local results=$1 follower
    [ "$2" != yes ] || start_tpm "$results/wire.log" "$4"
    if [ "$4" = qemu ]; then
        offer_monitor
        MACHINE+=(-serial "file:$results/console.log")
    else
        MACHINE+=("con0=null,fd:3")
    fi
    printf '%q ' "${MACHINE[@]}" >"$results/command"
    : >"$SHARE/results/checks"
    timeout --foreground --kill-after=5 "$3" "${MACHINE[@]}" \
        </dev/null >"$results/machine.log" 2>&1 3>"$results/console.log" &
    machine_pid=$!
    (tail -n +1 -s 0.2 -f --pid="$machine_pid" "$SHARE/results/checks" | follow_checks "$machine_pid") &
    follower=$!
    machine_status=0
    wait "$machine_pid" || machine_status=$?
    wait "$follower" || true
    stop_machine
}

# offer_monitor: QEMU's machine protocol (QMP), through two pipes.
offer_monitor() {
    rm -f "$WORK"/monitor.{in,out}
    mkfifo "$WORK"/monitor.{in,out}
    MACHINE+=(-chardev "pipe,id=monitor,path=$WORK/monitor" -mon "chardev=monitor,mode=control")
}

# dump_memory NAME: stops the machine for that moment. $WORK/memory-NAME.img is its RAM from address 0 on, all of it below
# the hole for devices, and $WORK/memory-NAME.tpm what is in the buffer of its TPM (tpm-crb: at 0xfed40080).
dump_memory() {
    local to="$WORK/memory-$1" in out command line
    exec {in}<>"$WORK/monitor.in" {out}<>"$WORK/monitor.out"
    for command in '{"execute": "qmp_capabilities"}' '{"execute": "stop"}' \
        "{\"execute\": \"pmemsave\", \"arguments\": {\"val\": 0, \"size\": $((MEMORY << 20)), \"filename\": \"$to.img\"}}" \
        "{\"execute\": \"pmemsave\", \"arguments\": {\"val\": $((0xfed40080)), \"size\": 3968, \"filename\": \"$to.tpm\"}}" \
        '{"execute": "cont"}'; do
        printf '%s\n' "$command" >&"$in"
        while :; do
            read -r -t 300 -u "$out" line || line='{"error": "no answer"}'
            case $line in
                *'"return"'*) break ;;
                # A second dump repeats the greeting's command, which only the first one needs.
                *'"error"'*)
                    [[ $command != *qmp_capabilities* ]] || break
                    progress "QEMU could not dump the memory: $line"
                    return 1
                    ;;
            esac
        done
    done
    exec {in}>&- {out}>&-
}

# follow_checks PID: shows the guest's checks while it makes them, and does what the guest asks of its host.
follow_checks() {
    local kind words
    while IFS= read -r kind; do
        words=${kind#*$'\t'} kind=${kind%%$'\t'*}
        case $kind in
            ok | FAIL | note) check_reported "$kind" "$words" ;;
            cut)
                check_reported note "the power is cut"
                kill "$1"
                ;;
            dump)
                check_reported note "the memory is dumped: $words"
                dump_memory "$words" && : >"$SHARE/results/answered"
                ;;
            tpm-dies)
                check_reported note "the TPM dies"
                kill "$swtpm_pid"
                while kill -0 "$swtpm_pid" 2>/dev/null; do sleep 0.05; done
                : >"$SHARE/results/answered"
                ;;
        esac
    done
}

# judge_boot NAME RESULTS SECONDS: the checks of the guest become checks of the scenario.
judge_boot() {
    local name=$1 results=$2 why
    grep -E '^(ok|FAIL)' "$results/checks" >>"$CHECKS" || true
    why=$(why_not_ended "$results")
    if grep -q '^FAIL' "$results/checks"; then
        # Already counted.
        show_boot "$results" "boot $name: a check failed"
        exit 1
    elif [ -n "$why" ]; then
        show_boot "$results" "boot $name: $why"
        _fail "boot $name: $why"
    fi
    step "boot $name took $3 s"
}

why_not_ended() {
    local results=$1
    if grep -q 'Kernel panic' "$results/console.log" 2>/dev/null; then
        say "the kernel panicked"
    elif [ "$machine_status" = 124 ] || [ "$machine_status" = 137 ]; then
        say "the machine did not power off in time"
    elif [ ! -e "$results/exit" ]; then
        say "the machine went off before its script had ended (exit status of the machine: $machine_status)"
    elif [ "$(cat "$results/exit")" != 0 ] && [ "$(cat "$results/exit")" != 'power cut' ]; then
        say "the script ended with status $(cat "$results/exit")"
    fi
}

# show_boot RESULTS WHY: enough to understand most failures without opening a log.
show_boot() {
    local results=$1
    detail "$2"
    sed -n 's/^\t//p' "$results/checks" | details
    if [ -s "$results/script.log" ]; then
        detail "-- the script said, at the end:"
        grep -vE '^(ok|FAIL): ' "$results/script.log" | tail -n 15 | details
    fi
    if [ ! -e "$results/exit" ]; then
        detail "-- the console said, at the end:"
        tail -n 30 "$results/console.log" 2>/dev/null | tr -d '\r' | details
        tail -n 5 "$results/machine.log" 2>/dev/null | details
    fi
}

# given BOOT NAME: the value that the guest script left there with `give NAME VALUE`.
given() { cat "$WORK/boots/$1/given-$2"; }
