#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes lower.json: heads of lower files and encrypted names, composed after the *writing* side of Linux 6.1
fs/ecryptfs (crypto.c: ecryptfs_write_headers_virt, ecryptfs_encode_for_filename; keystore.c: write_tag_3_packet,
ecryptfs_write_tag_70_packet). Keys and ciphertext are filler: the reader needs neither."""
import json
import struct

CODES = {("aes", 16): 7, ("aes", 24): 8, ("aes", 32): 9, ("des3_ede", 24): 2, ("cast5", 16): 3, ("blowfish", 16): 4,
         ("blowfish", 56): 4, ("twofish", 32): 10, ("cast6", 24): 11}
# portable_filename_chars of crypto.c, as three runs of ASCII.
PORTABLE = "-." + "".join(map(chr, range(48, 58))) + "".join(map(chr, range(65, 91))) + "".join(map(chr, range(97, 123)))
PRODUCER = "tests/vectors/make_lower.py, an independent recomputation of what Linux 6.1 fs/ecryptfs writes; not kernel-made"


def length(size):
    """ecryptfs_write_packet_length"""
    return bytes([size]) if size < 192 else bytes([(size - 192) // 256 + 192, (size - 192) % 256])


def tag_3(cipher, key_bytes):
    stored = 32 if (cipher, key_bytes) == ("aes", 24) else key_bytes
    body = bytes([4, CODES[cipher, key_bytes], 3, 1]) + bytes(range(8)) + b"\x60" + bytes([0xe5]) * stored
    return b"\x8c" + length(len(body)) + body


def tag_11(signature):
    body = b"\x62\x08_CONSOLE" + bytes(4) + bytes.fromhex(signature)
    return b"\xed" + length(len(body)) + body


def head(cipher, key_bytes, signatures, version=3):
    marker = 0x12345678
    out = struct.pack(">QII", 4711, marker, marker ^ 0x3c81b7f5) + struct.pack(">I", version << 24 | 0x02)
    if version:
        out += struct.pack(">IH", 4096, 2)
    for signature in signatures:
        out += tag_3(cipher, key_bytes) + tag_11(signature)
    return out


def name(cipher, key_bytes, signature, plain):
    size = 16 + 1 + len(plain)
    block = 16 if cipher in ("aes", "twofish", "cast6") else 8
    size += -size % block
    packet = b"\x46" + length(8 + 1 + size) + bytes.fromhex(signature) + bytes([CODES[cipher, key_bytes]])
    packet += bytes((37 * i + 11) & 255 for i in range(size))
    packet += bytes(-len(packet) % 3)
    text = ""
    for i in range(0, len(packet), 3):
        group = int.from_bytes(packet[i:i + 3], "big")
        text += "".join(PORTABLE[group >> shift & 63] for shift in (18, 12, 6, 0))
    return "ECRYPTFS_FNEK_ENCRYPTED." + text


FIRST, SECOND = "7f475b5d20a645dc", "c61563a65ef80ad1"
heads = [dict(cipher=c, key_bytes=k, signatures=s, version=v, hex=head(c, k, s, v).hex())
         for c, k, s, v in [(c, k, [FIRST], 3) for c, k in CODES] +
         [("aes", 32, [FIRST, SECOND], 3), ("aes", 16, [FIRST], 0)]]
names = [dict(cipher=c, code_tells_key_bytes=c in ("aes", "des3_ede", "cast5"), key_bytes=k, signature=SECOND, name=name(c, k, SECOND, p))
         for (c, k), p in [((c, k), "a") for c, k in CODES] + [(("aes", 32), "x" * 143)]]
print(json.dumps({"producer": PRODUCER, "heads": heads, "names": names}, indent=1))
