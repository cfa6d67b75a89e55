#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# What boot needs is linked into sealmount-unlock-full, and nothing else: no parser of command lines, no reader of
# boot images, no predictor; and into sealmount-unlock, which most boots end with, no library at all.
# Usage: unlock_binary.sh NM READELF SEALMOUNT SEALMOUNT-UNLOCK-FULL SEALMOUNT-UNLOCK SEALMOUNT-UNLOCK-USER
set -eu
nm=$1 readelf=$2
shift
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

libraries() {
    "$readelf" -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}
if libraries "$4" | grep -vE '^(libc\.so|ld-linux)'; then
    echo "sealmount-unlock needs a library, and loading one takes longer than an unlock"
    exit 1
fi
if libraries "$5" | grep -vE '^(libc|libm|libcrypto)\.so|^ld-linux'; then
    echo "sealmount-unlock-user needs a library that one unseal does not need"
    exit 1
fi
for program in "$4" "$5"; do
    if ! names "$program" | grep -q 'sealmount::volumes_of_plain_manifest'; then
        echo "$program has no symbols: this test needs them"
        exit 1
    fi
    if names "$program" | grep -E 'nlohmann::|sealmount::(parse_json|read_manifest|ObjectReader)'; then
        echo "$program contains a reader of JSON that builds trees of values"
        exit 1
    fi
done
