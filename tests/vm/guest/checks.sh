#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# The checks that a scenario makes, on the host and in the guest alike. Each appends one line to $CHECKS, "ok" or "FAIL",
# a tab, and the words; lines that begin with a tab are what a failed command said. A failed check ends the script.

# _run COMMAND...: runs it with `set -e` in force, also inside functions; sets _status and _output.
_run() {
    set +e
    _output=$(set -e; "$@" 2>&1 </dev/null)
    _status=$?
    set -e
}

_ok() {
    printf 'ok\t%s\n' "$1" >>"$CHECKS"
    check_reported ok "$1"
}

_fail() {
    local words=$1
    shift
    {
        printf 'FAIL\t%s\n' "$words"
        printf '%s\n' "$@" | tail -n 40 | sed 's/^/\t/'
    } >>"$CHECKS"
    check_reported FAIL "$words" "$@"
    exit 1
}

# check WORDS COMMAND...: the command succeeds.
check() {
    local words=$1
    shift
    _run "$@"
    [ "$_status" = 0 ] || _fail "$words" "command: $*" "exit status: $_status" "$_output"
    _ok "$words"
}

# check_fails WORDS COMMAND...: the command fails; one that could not be started at all does not count.
check_fails() {
    local words=$1
    shift
    _run "$@"
    case $_status in
        0) _fail "$words" "command: $*" "it succeeded" "$_output" ;;
        126 | 127) _fail "$words" "command: $*" "it could not be run" "$_output" ;;
    esac
    _ok "$words"
}

# check_status WORDS STATUS COMMAND...: the command exits with just this status.
check_status() {
    local words=$1 status=$2
    shift 2
    _run "$@"
    [ "$_status" = "$status" ] || _fail "$words" "command: $*" "exit status: $_status, expected: $status" "$_output"
    _ok "$words"
}

# check_output WORDS PATTERN COMMAND...: the command's output (both streams, whatever its status) has a line that matches
# the extended regular expression.
check_output() {
    local words=$1 pattern=$2
    shift 2
    _run "$@"
    grep -qE -e "$pattern" <<<"$_output" || _fail "$words" "command: $*" "no line matches: $pattern" "$_output"
    _ok "$words"
}

# check_no_output WORDS PATTERN COMMAND...: the command succeeds and no line of its output matches.
check_no_output() {
    local words=$1 pattern=$2
    shift 2
    _run "$@"
    [ "$_status" = 0 ] || _fail "$words" "command: $*" "exit status: $_status" "$_output"
    ! grep -qE -e "$pattern" <<<"$_output" || _fail "$words" "command: $*" "a line matches: $pattern" "$_output"
    _ok "$words"
}

# expect_equal WORDS EXPECTED FOUND
expect_equal() {
    [ "$2" = "$3" ] || _fail "$1" "expected: $2" "found:    $3"
    _ok "$1"
}
