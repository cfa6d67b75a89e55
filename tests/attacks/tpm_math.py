# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
"""The cryptography of TPM sessions, with nothing but Python's standard library: P-256, AES-128-CFB, KDFa and KDFe
(TPM 2.0 Part 1, 11.4.10 and C.6). Slow, and not fit for anything but attacks in tests."""
import hashlib
import hmac as _hmac

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def add(one, other):
    """Of two points of P-256; None is the point at infinity."""
    if one is None:
        return other
    if other is None:
        return one
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        if (y1 + y2) % P == 0:
            return None
        slope = 3 * (x1 * x1 - 1) * pow(2 * y1, -1, P) % P  # the curve's a is -3
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P) % P
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def multiply(number, point):
    result = None
    while number:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def coordinate(number):
    return number.to_bytes(32, "big")


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def hmac(key, *parts):
    return _hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def kdfa(key, label, one, other, size):
    """`size` bytes, at most 32."""
    return hmac(key, b"\0\0\0\1", label, b"\0", one, other, (8 * size).to_bytes(4, "big"))[:size]


def kdfe(z, label, one, other):
    """32 bytes."""
    return sha256(b"\0\0\0\1", z, label, b"\0", one, other)


def _double(byte):
    return (byte << 1 ^ (0x1B if byte & 0x80 else 0)) & 0xFF


def _field_multiply(one, other):
    result = 0
    while other:
        if other & 1:
            result ^= one
        one = _double(one)
        other >>= 1
    return result


def _make_box():
    box = []
    for value in range(256):
        inverse = next((i for i in range(1, 256) if _field_multiply(value, i) == 1), 0)
        turned = inverse
        for shift in range(1, 5):
            turned ^= (inverse << shift | inverse >> 8 - shift) & 0xFF
        box.append(turned ^ 0x63)
    return bytes(box)


_BOX = _make_box()


def _round_keys(key):
    words = [key[i : i + 4] for i in range(0, 16, 4)]
    constant = 1
    while len(words) < 44:
        word = words[-1]
        if len(words) % 4 == 0:
            word = bytes(_BOX[b] for b in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = _double(constant)
        words.append(bytes(a ^ b for a, b in zip(word, words[-4])))
    return [b"".join(words[i : i + 4]) for i in range(0, 44, 4)]


def _encrypt_block(keys, block):
    state = bytes(a ^ b for a, b in zip(block, keys[0]))
    for number in range(1, 11):
        state = bytes(_BOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16))
        if number < 10:
            mixed = b""
            for column in range(0, 16, 4):
                s = state[column : column + 4]
                whole = s[0] ^ s[1] ^ s[2] ^ s[3]
                mixed += bytes(s[i] ^ whole ^ _double(s[i] ^ s[(i + 1) % 4]) for i in range(4))
            state = mixed
        state = bytes(a ^ b for a, b in zip(state, keys[number]))
    return state


def cfb(key, iv, data, decrypt):
    """AES-128 in CFB mode with whole blocks as feedback."""
    keys = _round_keys(key)
    result = b""
    while data:
        block, data = data[:16], data[16:]
        turned = bytes(a ^ b for a, b in zip(block, _encrypt_block(keys, iv)))
        result += turned
        iv = block if decrypt else turned
    return result


# The FIPS-197 vector and one of SP 800-38A, so that a wrong attack does not pass for a failing one.
_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
assert _encrypt_block(_round_keys(_KEY), bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")).hex() == (
    "3ad77bb40d7a3660a89ecaf32466ef97"
)
assert cfb(_KEY, bytes(range(16)), bytes.fromhex("6bc1bee22e409f96e93d7e117393172a"), False).hex() == (
    "3b3fd92eb72dad20333449f8e83cfb4a"
)
assert multiply(ORDER, BASE) is None
