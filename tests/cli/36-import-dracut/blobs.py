#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
#
# What `keyctl pipe` would give on a machine with the kernel's trusted and encrypted keys, made without them.
#
# blobs.py trusted PUBLIC PRIVATE        a trusted key in hex: the DER form of what tpm2_create made below 0x81000001
# blobs.py encrypted MASTER DESCRIPTION  an encrypted key in eCryptfs format under the master key in the file MASTER
# blobs.py lower FILE                    gives an encrypted file the signature of dracut's key
import hashlib
import hmac
import os
import subprocess
import sys


def der(tag, content):
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def trusted(public, private):
    oid = der(0x06, bytes.fromhex("678105 0a0105".replace(" ", "")))
    empty_auth = der(0xA0, der(0x01, b"\xff"))
    parent = der(0x02, bytes.fromhex("0081000001"))
    with open(public, "rb") as area, open(private, "rb") as secret:
        print(der(0x30, oid + empty_auth + parent + der(0x04, area.read()) + der(0x04, secret.read())).hex())


def derived(label, master):
    # The kernel's buffer is sized for the longer of the two labels.
    return hashlib.sha256((label + b"\0" + master).ljust(9 + len(master), b"\0")).digest()


def encrypted(file, description):
    with open(file, "rb") as handle:
        master = handle.read()
    iv = bytes(range(16))
    key = derived(b"ENC_KEY", master)
    ciphertext = subprocess.run(
        ["openssl", "enc", "-aes-256-cbc", "-nopad", "-K", key.hex(), "-iv", iv.hex()],
        input=b"k" * 64, stdout=subprocess.PIPE, check=True).stdout
    authentic = b"\0".join([b"ecryptfs", description.encode(), b"64", iv]) + b"\0" + ciphertext
    mac = hmac.new(derived(b"AUTH_KEY", master), authentic, hashlib.sha256).digest()
    print(f"ecryptfs {description} 64 {iv.hex()}00{ciphertext.hex()}{mac.hex()}")


def lower(file):
    with open(file, "r+b") as handle:
        data = handle.read()
        at = data.index(b"_CONSOLE") + len(b"_CONSOLE") + 4
        handle.seek(at)
        handle.write(bytes.fromhex("1000100010001000"))


if __name__ == "__main__":
    {"trusted": trusted, "encrypted": encrypted, "lower": lower}[sys.argv[1]](*sys.argv[2:])
