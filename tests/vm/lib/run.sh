#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# Runs scenarios, shows what they find as they find it, and counts.

run_began=0

stamp() { printf '[%4ds] %s\n' $((SECONDS - run_began)) "$*"; }
step() { stamp "     $*"; }
detail() { printf '             | %s\n' "$1"; }
details() { sed 's/^/             | /'; }

# check_reported KIND WORDS [DETAIL...]: how checks.sh, and the guest through its results, show themselves here.
check_reported() {
    local line
    stamp "$(printf '%-4s' "$1") $2"
    shift 2
    for line in "$@"; do
        [ -z "$line" ] || tail -n 20 <<<"$line" | details
    done
}

scenario_files() {
    local wanted found
    if [ $# = 0 ]; then
        printf '%s\n' "$VM_DIR"/scenarios/[0-9]*.sh
        return
    fi
    for wanted in "$@"; do
        wanted=${wanted##*/}
        found=$(find "$VM_DIR/scenarios" -name "${wanted%.sh}*.sh" | sort)
        [ -n "$found" ] || die "no scenario is called '$wanted'; tests/vm/lab list names them"
        say "$found"
    done
}

list_scenarios() {
    local file
    for file in "$VM_DIR"/scenarios/[0-9]*.sh; do
        printf '%-24s %s\n' "$(basename "$file" .sh)" "$(sed -n '4s/^# //p' "$file")"
    done
}

# run_scenarios BUILD_DIR KEEP JOBS [SCENARIO...]: the last line is always "vm: N passed, N failed".
run_scenarios() {
    local build=$1 keep=$2 jobs=$3 files file failed=()
    shift 3
    passed_checks=0 failed_checks=0 run_ended=no
    trap end_run EXIT
    trap 'exit 130' INT TERM HUP
    run_began=$SECONDS
    files=$(scenario_files "$@")
    machine_needs
    find_kernels
    MADE_VOLUMES+=/$(rootfs_key "$LAB_SUITE")
    rootfs_path >/dev/null
    cache_seconds=$((SECONDS - run_began))
    new_run_directory
    step "making the disk image${build:+ with the product from $build}"
    make_image "$build" "$RUN/base.img"
    image_seconds=$((SECONDS - run_began - cache_seconds))
    files=$(longest_first "$files")
    # shellcheck disable=SC2034 # scenarios read it
    BUILD=$build
    HAS_PRODUCT=$([ -n "$build" ] && echo yes || echo no)
    if [ "$jobs" -gt 1 ]; then
        run_at_once "$keep" "$jobs" "$files"
    else
        while read -r file <&9; do
            run_scenario "$file" "$keep"
            [ "$scenario_status" = 0 ] || failed+=("$(basename "$file" .sh)")
        done 9<<<"$files"
    fi
    rm -f "$RUN"/base*.img
    remember_times
    show_times
    step "logs: $RUN"
    [ ${#failed[@]} = 0 ] || show_failures "${failed[@]}"
    run_ended=yes
    [ ${#failed[@]} = 0 ]
}

# Where the times of the last runs are kept, "SCENARIO SECONDS", so that the next one begins with the longest.
TIMES=$LAB_CACHE/times

# longest_first FILES: so that those that run at once end together. What has never run is judged by its boots.
longest_first() {
    local file name seconds
    while read -r file; do
        name=$(basename "$file" .sh)
        seconds=$(sed -n "s/^$name //p" "$TIMES" 2>/dev/null || true)
        say "${seconds:-$(awk '/^ *boot .*--(firmware|kernel)/ { n += 20 } /^ *boot / { n += 8 } END { print n + 0 }' "$file")} $file"
    done <<<"$1" | sort -k1,1rn -s | cut -d' ' -f2-
}

# scenario_times: "SCENARIO SECONDS CPU_SECONDS BOOTS QEMU_BOOTS BOOT_SECONDS CHECKS" of all that ran, the longest first.
scenario_times() {
    local directory
    for directory in "$RUN"/*/; do
        [ -e "$directory/seconds" ] || continue
        printf '%s %s %s %s %s %s %s\n' "$(basename "$directory")" "$(cat "$directory/seconds")" \
            "$(awk -F '[ms]' 'NR == 2 { gsub(/ /, ""); printf "%.0f", $1 * 60 + $2 + $3 * 60 + $4 }' "$directory/cpu")" \
            "$(wc -l <"$directory/engines")" "$(grep -c qemu "$directory/engines")" \
            "$(cat "$directory"/boots/*/uptime 2>/dev/null | awk '{ n += $1 } END { printf "%.0f", n }')" \
            "$(grep -c '^ok' "$directory/checks")"
    done | sort -k2,2rn
}

remember_times() {
    local known
    known=$(cat "$TIMES" 2>/dev/null || true)
    { scenario_times | cut -d' ' -f1,2 && say "$known"; } | awk 'NF == 2 && !seen[$1]++' >"$RUN/times"
    mv "$RUN/times" "$TIMES"
}

# show_times: where the time goes. "booting" is the time until scripts began; CPU is that of machines and their TPMs.
show_times() {
    step "where the time goes, in seconds:"
    {
        say 'scenario seconds CPU boots in-QEMU booting checks'
        scenario_times
        scenario_times | awk '{ for (i = 2; i <= 7; i++) n[i] += $i } END { print "all", n[2] + 0, n[3] + 0, n[4] + 0, n[5] + 0, n[6] + 0, n[7] + 0 }'
    } | awk '{ printf "%-22s %8s %6s %6s %8s %8s %7s\n", $1, $2, $3, $4, $5, $6, $7 }' | details
    detail "kernels and root file system: $cache_seconds; disk image: $image_seconds; the whole run: $((SECONDS - run_began))"
}

# find_kernels: the lab's own, once for all boots.
find_kernels() {
    # shellcheck disable=SC2034 # boot.sh reads it
    KERNEL=$(kernel_path)
    # shellcheck disable=SC2034 # uml.sh reads it
    UML=$(uml_path)
}

# show_failures NAME...: once more at the end, where it is seen, what broke each of these scenarios.
show_failures() {
    local name
    for name in "$@"; do
        step "failed: $name"
        if [ -e "$RUN/$name/output" ]; then
            grep -A 25 '^\[[ 0-9]*s\] FAIL' "$RUN/$name/output" | details
        else
            grep '^FAIL' "$RUN/$name/checks" | details
        fi || true
    done
}

# run_at_once KEEP JOBS FILES: so many scenarios at a time. What one finds is shown when it has ended; appends to `failed`.
run_at_once() {
    local keep=$1 jobs=$2 files=$3 file running=0 slot
    declare -A names=() slots=()
    while read -r file <&9; do
        if [ "$running" = "$jobs" ]; then
            end_of_one
        fi
        slot=$(free_slot "$jobs")
        stamp "---- $(basename "$file" .sh) begins"
        mkdir -p "$RUN/$(basename "$file" .sh)"
        (
            trap - EXIT
            # Its own counts: end_of_one adds them.
            # shellcheck disable=SC2030
            passed_checks=0 failed_checks=0
            # shellcheck disable=SC2034 # uml.sh reads it
            CPU=$((slot % $(nproc)))
            run_scenario "$file" "$keep" 9<&-
            printf '%s %s %s\n' "$scenario_status" "$passed_checks" "$failed_checks" >"$RUN/$(basename "$file" .sh)/result"
        ) >"$RUN/$(basename "$file" .sh)/output" 2>&1 &
        names[$!]=$(basename "$file" .sh) slots[$!]=$slot
        running=$((running + 1))
    done 9<<<"$files"
    while [ "$running" -gt 0 ]; do
        end_of_one
    done
}

# free_slot JOBS: the number, below JOBS, of a place that no scenario has.
free_slot() {
    local n
    for ((n = 0; n < $1; n++)); do
        case " ${slots[*]} " in
            *" $n "*) ;;
            *) say "$n"; return ;;
        esac
    done
}

# end_of_one: waits for one of run_at_once's scenarios, shows it and counts it.
end_of_one() {
    local pid name status=1 ok=0 bad=1
    wait -n -p pid || true
    name=${names[$pid]}
    unset "slots[$pid]"
    running=$((running - 1))
    cat "$RUN/$name/output"
    # Without a result it did not even come to its end: one failure.
    read -r status ok bad <"$RUN/$name/result" || true
    # shellcheck disable=SC2031
    passed_checks=$((passed_checks + ok)) failed_checks=$((failed_checks + bad))
    [ "$status" = 0 ] || failed+=("$name")
}

# A setup that fails is a failure of the run: never a pass, never a skip.
end_run() {
    # Those of run_at_once.
    jobs -p | xargs -r kill 2>/dev/null || true
    wait
    if [ "$run_ended" = no ]; then
        check_reported FAIL "the run did not get to its end; the lines above say why"
        failed_checks=$((failed_checks + 1))
    fi
    say "vm: $passed_checks passed, $failed_checks failed"
}

# new_run_directory: makes $RUN. The directories of the last runs are kept, and those of runs that have not ended, which hold a lock.
new_run_directory() {
    local old lock
    mkdir -p "$LAB_WORK"
    find "$LAB_WORK" -maxdepth 1 -name 'run-*' -printf '%T@ %p\n' | sort -rn | cut -d' ' -f2- | tail -n +5 |
        while read -r old; do flock --nonblock "$old" rm -rf --one-file-system "$old" || true; done
    RUN=$(mktemp -d "$LAB_WORK/run-$(date +%m%d-%H%M%S)-XXX")
    exec {lock}<"$RUN"
    flock --shared "$lock"
}

# run_scenario FILE KEEP: sets scenario_status. Never part of a condition, because that would switch `set -e` off in all
# that the scenario does.
run_scenario() {
    local file=$1 keep=$2 name began=$SECONDS status
    name=$(basename "$file" .sh)
    mkdir -p "$RUN/$name"
    stamp "---- $name: $(sed -n '4s/^# //p' "$file")"
    CHECKS=$RUN/$name/checks
    : >"$CHECKS"
    set +e
    (play "$file" "$RUN/$name")
    status=$?
    set -e
    count_scenario "$status"
    say $((SECONDS - began)) >"$RUN/$name/seconds"
    rm -f "$RUN/$name"/disk-*.img "$RUN/$name"/memory-*
    if [ "$status" = 0 ]; then
        stamp "---- $name passed in $((SECONDS - began)) s"
        [ "$keep" = yes ] || rm -f "$RUN/$name/disk.img"
    else
        stamp "---- $name FAILED after $((SECONDS - began)) s; logs and disk: $RUN/$name"
    fi
    scenario_status=$status
}

play() {
    set -euo pipefail
    WORK=$2
    trap 'stop_machine; times >"$WORK/cpu"' EXIT
    trap 'exit 130' INT TERM HUP
    SCENARIO=$1
    new_machine "$2" "$RUN/base.img"
    : >"$WORK/engines"
    # shellcheck source=/dev/null
    . "$SCENARIO"
}

# A scenario that ended badly without a failed check, or well without any check, counts as one failure.
count_scenario() {
    local status=$1 ok bad
    ok=$(grep -c '^ok' "$CHECKS" || true)
    bad=$(grep -c '^FAIL' "$CHECKS" || true)
    if [ "$bad" = 0 ] && { [ "$status" != 0 ] || [ "$ok" = 0 ]; }; then
        check_reported FAIL "the scenario ended with status $status after $ok checks"
        bad=1
    fi
    passed_checks=$((passed_checks + ok)) failed_checks=$((failed_checks + bad))
}

# need_product: the first line of each scenario that tests sealmount and not the lab.
need_product() {
    [ "$HAS_PRODUCT" = yes ] || _fail "the product is in the image" \
        "no build directory was found; build with: meson setup build && meson compile -C build"
}
