#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# What boot needs is linked into sealmount-unlock, and nothing else: no parser of command lines, no reader of
# boot images, no predictor. Usage: unlock_binary.sh NM SEALMOUNT SEALMOUNT-UNLOCK
set -eu
nm=$1
absent='CLI::|sealmount::(PeImage|pe_image|Uki|uki_sections|Forecast|predict|apply_next_boot|replace_file|CommandTable|read_command_line)'

names() {
    "$nm" -C --defined-only "$1"
}

# A binary without these names in the one place where they belong proves nothing: stripped, or renamed.
for name in 'CLI::' 'sealmount::Forecast' 'sealmount::read_command_line'; do
    if ! names "$2" | grep -qF "$name"; then
        echo "$2 has no $name either: this test looks for nothing"
        exit 1
    fi
done
if ! names "$3" | grep -q 'sealmount::unlock_command'; then
    echo "$3 has no symbols: this test needs them"
    exit 1
fi
if names "$3" | grep -E "$absent"; then
    echo "sealmount-unlock contains what boot does not need"
    exit 1
fi
