# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
# An interposer while a machine is bound again, by its recovery key or by passphrases. The TPM may be another one then:
# a person has to say so.
from harness import *

with Machine() as machine:
    machine.make_srk()
    store = machine.store("root")
    key = f"{machine.work}/recovery-key"
    store.enroll("vault", "--save-recovery-key", key)
    machine.extend(7)  # the boot chain is another one
    passphrase = f"{machine.work}/vault.passphrase"
    recover = ("reseal", "--recover", "--recovery-key-file", key)
    rebind = ("rebind", "--passphrase-file", passphrase, "--no-recovery-key")
    held(store, "reseal --recover", lambda: store.run(*recover))
    held(store, "rebind", lambda: store.run(*rebind))
    held(store, "reseal --recover with passphrases",
         lambda: store.run("reseal", "--recover", "--passphrase-file", passphrase, "--no-recovery-key"))
    machine.tap.lie()
    result = store.run(*recover)
    check(result.returncode != 0 and "--new-tpm" in result.stdout, result.stdout)
    machine.tap.behave()
    # By design: whoever says that the TPM is another one trusts the key that is there.
    lost(store, "reseal --recover --new-tpm", lambda: store.run(*recover, "--new-tpm"))
    lost(store, "rebind --new-tpm", lambda: store.run(*rebind, "--new-tpm"))
    store.must(*recover)
    store.must(*rebind)
