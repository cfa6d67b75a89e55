#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Includes point one way: base <- sys <- core <- app; and only sys speaks to the outside world.
# Usage: layers.sh SOURCE_DIRECTORY
set -eu
cd "$1"
failures=0

# refuse LAYER PATTERN WHY: no file of the layer may have a line that the pattern matches.
refuse() {
    test -d "$1" || return 0
    # 1: no match, which is what is required; 2: grep itself failed.
    set +e
    found=$(grep -rnE --include='*.hpp' --include='*.cpp' "$2" "$1")
    status=$?
    set -e
    case $status in
    0) printf '%s: %s:\n%s\n' "$1" "$3" "$found"; failures=1 ;;
    1) ;;
    *) echo "grep failed on $1"; exit 1 ;;
    esac
}

own='^[[:space:]]*#[[:space:]]*include[[:space:]]*"'
outside='^[[:space:]]*#[[:space:]]*include[[:space:]]*<(tss2/|keyutils\.h|systemd/|sys/mount\.h|termios\.h)'

for layer in base sys core; do
    files=$(find "$layer" -name '*.hpp' | wc -l)
    test "$files" -gt 0 || { echo "$layer: no headers found: is $1 the source directory?"; exit 1; }
done

refuse base "$own(sys|core|app)/" 'base knows nothing of the project'
refuse sys "$own(core|app)/" 'sys knows no decisions'
refuse core "$own"'app/' 'core knows no programs'
refuse core "$own"'sys/(esys_tpm|kernel_keyring|password_agents|terminal)\.hpp' 'core sees interfaces, not their real forms'
# Paths from the source directory only, so that the rules above see every include.
for layer in base sys core app; do
    refuse "$layer" "$own(\.|[^/\"]+\")" 'includes are written from the source directory'
done
for layer in base core app; do
    refuse "$layer" "$outside" 'only sys speaks to the outside world'
done
exit $failures
