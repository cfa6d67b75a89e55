#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# the contract tests of what touches the system, on a kernel with trusted keys and a TPM
need_product
for program in keyring_contract files_test guard_test process_test prompt_test; do
    check "the build directory has $program" strip -o "$SHARE/$program" "$BUILD/tests/contract/$program"
done

boot contract <<'END'
# Fast: the share is a slow place to run programs from.
cp /lab/*_contract /lab/*_test /tmp
cd /tmp

kernel_tests() { "$@" ./keyring_contract --gtest_filter='*/kernel:KernelKeyringTest.*'; }
# As in a service: a session keyring without root's user keyring, in which nothing there is possessed.
check "the keyring's contract holds in a service" kernel_tests keyctl session -
check "and in a login, within reach of root's user keyring" kernel_tests
skipped() { kernel_tests | sed -n 's|^\[  SKIPPED \] \([^ ]*/kernel\).*|\1|p' | grep -v KernelWithoutTrustedKeysSaysSo || true; }
check_no_output "trusted keys were tried: none of it was skipped" . skipped
check_output "they are among the tests" 'OK \] .*TrustedKeyringContract.*/kernel' kernel_tests
check "it left no key behind" eval '[ -z "$(hidden_keys)" ] && [ -z "$(master_keys)" ]'
check "nor a session in the TPM" eval '[ -z "$(tpm_handles loaded-session)" ]'
check "files are written as promised" ./files_test
check_no_output "mount points are guarded as promised, and none of it was skipped" SKIPPED ./guard_test
check "a process is hardened as promised" ./process_test
check "questions are asked as promised" ./prompt_test
END
