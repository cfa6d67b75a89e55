#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
"""Writes store-proof.json: what the store's proofs are, from their description in DESIGN.md ("What is believed,
and why") and the kernel's encrypted.c, by other code than sealmount's."""
import base64
import hashlib
import hmac
import json
import pathlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MASTER = b"m" * 32
FEKEK = b"f" * 64
NAME = "default"


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def derived(label):
    """get_derived_key(): the buffer has the size for the longer label."""
    return sha256((label + b"\0" + MASTER).ljust(9 + len(MASTER), b"\0"))


def encrypted_key(word, contents, iv):
    description = f"trusted:{NAME}"
    cipher = Cipher(algorithms.AES(derived(b"ENC_KEY")), modes.CBC(iv)).encryptor()
    ciphertext = cipher.update(contents) + cipher.finalize()
    fields = [word.encode(), description.encode(), str(len(contents)).encode(), iv]
    mac = hmac.new(derived(b"AUTH_KEY"), b"\0".join(fields) + b"\0" + ciphertext, hashlib.sha256).digest()
    return f"{word} {description} {len(contents)} {iv.hex()}00{ciphertext.hex()}{mac.hex()}"


def hkdf(key, salt, info):
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=info).derive(key)


def mac_of(key, form):
    return base64.b64encode(hmac.new(key, f"{NAME}\n{form}".encode(), hashlib.sha256).digest()).decode()


def text_of(value):
    return json.dumps(value, indent=2) + "\n"


signature = hashlib.sha512(FEKEK).hexdigest()[:16]
nonce = b"\1" * 8
iv = nonce + sha256(b"sealmount volume key, version 2", signature.encode(), nonce)[:8]
head = {"version": 2, "srk": {"handle": "0x81000001", "name": "000b" + "c" * 64}, "slots": []}
key_proof = mac_of(hkdf(FEKEK, signature.encode(), b"sealmount master file, version 2, under a volume's key"),
                   text_of(head))
sealed_form = text_of({**head, "keys": [f"{signature} {key_proof}"]})
digest = sha256(b"sealmount master file, version 2\n", sealed_form.encode())
recovery = {
    "id": 2,
    "type": "recovery",
    "salt": base64.b64encode(b"\1" * 32).decode(),
    "nonce": base64.b64encode(b"\2" * 12).decode(),
    "wrapped": base64.b64encode(b"\3" * 48).decode(),
    "created": "2026-11-25T09:00:00Z",
}
recovery_proof = mac_of(hkdf(MASTER, b"\1" * 32, b"sealmount recovery slot, version 2, under its master key"),
                        text_of(recovery))
vector = {
    "key_text": encrypted_key("ecryptfs", FEKEK, iv),
    "key_proof": key_proof,
    "sealed_form": sealed_form,
    "seal": encrypted_key("default", digest, digest[:16]),
    "recovery_proof": recovery_proof,
}
pathlib.Path(__file__).with_name("store-proof.json").write_text(text_of(vector))
