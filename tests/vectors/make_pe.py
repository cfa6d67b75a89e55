#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes pe/*.efi, small PE images with the layout of kernels and unified kernel images (their code is filler), certificates and signature
lists, and pe.json with what other programs say of them: Authenticode digests by efitools' hash-to-efi-sig-list and, of signed files,
by osslsigncode; PCR 11 by systemd-measure. Needs these programs, efitools and openssl."""
import json
import os
import re
import struct
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ALIGN = 512


def aligned(size, to=ALIGN):
    return (size + to - 1) // to * to


def pe(sections, trailer=b"", plus=True):
    directories = 16
    optional_size = (112 if plus else 96) + 8 * directories
    headers = aligned(64 + 24 + optional_size + 40 * len(sections))
    table, body, address = b"", b"", 0x1000
    for name, contents in sections:
        raw = aligned(len(contents))
        table += struct.pack("<8sIIIIIIHHI", name.encode(), len(contents), address, raw, headers + len(body), 0, 0, 0, 0, 0x40000040)
        body += contents.ljust(raw, b"\0")
        address += aligned(len(contents), 0x1000)
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    file_header = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664 if plus else 0x14c, len(sections), 0, 0, 0, optional_size, 0x206)
    optional = struct.pack("<HBBIIIII", 0x20b if plus else 0x10b, 0, 0, 0, 0, 0, 0x1000, 0x1000)
    optional += struct.pack("<Q", 0) if plus else struct.pack("<II", 0, 0)
    optional += struct.pack("<IIHHHHHHIIIIHH", 0x1000, ALIGN, 0, 0, 0, 0, 0, 0, 0, address, headers, 0x12345678, 10, 0)
    optional += struct.pack("<QQQQ" if plus else "<IIII", 0, 0, 0, 0) + struct.pack("<II", 0, directories)
    optional = optional.ljust(optional_size, b"\0")
    return (dos + file_header + optional + table).ljust(headers, b"\0") + body + trailer


def filler(seed, size):
    out, state = bytearray(), seed
    while len(out) < size:
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        out.append(state >> 16 & 0xFF)
    return bytes(out)


def kernel(seed):
    return pe([(".setup", filler(seed, 700)), (".text", filler(seed + 1, 1800))])


def uki_sections(seed, cmdline, key=False):
    sections = [(".osrel", b"ID=debian\nVERSION_ID=12\n"), (".cmdline", cmdline), (".initrd", filler(seed + 2, 1001)),
                (".linux", kernel(seed)), (".uname", b"6.1.0-%d" % seed)]
    return sections + ([(".pcrpkey", b"-----BEGIN PUBLIC KEY-----\n")] if key else [])


def uki(seed, cmdline, version, key=False):
    stub = [(".text", filler(7, 600)), (".sbat", b"sbat,1,SBAT\n"), (".sdmagic", b"#### LoaderInfo: systemd-stub %s ####\0" % version)]
    return pe(stub + uki_sections(seed, cmdline, key))


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def sig_list_digest(file, work):
    out = os.path.join(work, "hash.esl")
    run("hash-to-efi-sig-list", file, out)
    with open(out, "rb") as esl:
        return esl.read()[-32:].hex()


def pcr11(sections, phase, work):
    """By systemd-measure; systemd 252 measures neither .uname nor .sbat."""
    args = []
    for name, contents in sections:
        if name == ".uname":
            continue
        part = os.path.join(work, "part" + name)
        with open(part, "wb") as out:
            out.write(contents)
        args.append(f"--{name[1:]}={part}")
    found = json.loads(run("/lib/systemd/systemd-measure", "calculate", "--json=short", "--phase=" + phase, *args))
    return {bank: next(entry["hash"] for entry in found[bank] if entry.get("phase", "") in ("", phase)) for bank in found}


def main():
    directory = os.path.join(HERE, "pe")
    os.makedirs(directory, exist_ok=True)
    old_line, new_line = b"root=/dev/vda rw quiet\n", b"root=/dev/vda rw debug"
    files = {
        "kernel-old.efi": kernel(1),
        "kernel-new.efi": kernel(101),
        "trailer.efi": pe([(".text", filler(3, 100))], trailer=filler(4, 80)),
        "pe32.efi": pe([(".text", filler(5, 513))], plus=False),
        "uki-old.efi": uki(1, old_line, b"252.39-1~deb12u2"),
        "uki-new.efi": uki(101, new_line, b"252.39-1~deb12u2", key=True),
        "uki-other-stub.efi": uki(101, new_line, b"257.13-1~deb13u1"),
    }
    facts = {"by": "efitools 1.9.2, osslsigncode, systemd-measure 252; see make_pe.py", "authenticode": [], "pcr11": []}
    with tempfile.TemporaryDirectory() as work:
        for name, contents in files.items():
            with open(os.path.join(directory, name), "wb") as out:
                out.write(contents)
            facts["authenticode"].append({"file": name, "bank": "sha256", "digest": sig_list_digest(os.path.join(directory, name), work),
                                          "signed": False})
        for owner in ("one", "two"):
            run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "36500", "-subj", f"/CN=Test {owner}",
                "-keyout", os.path.join(work, owner + ".key"), "-out", os.path.join(directory, owner + ".pem"))
            run("cert-to-efi-sig-list", "-g", f"{1 if owner == 'one' else 2}1111111-2222-3333-4444-555555555555",
                os.path.join(directory, owner + ".pem"), os.path.join(directory, owner + ".esl"))
        for bank in ("sha1", "sha256", "sha384", "sha512"):
            signed = os.path.join(work if bank != "sha256" else directory, "kernel-signed.efi")
            if os.path.exists(signed):
                os.unlink(signed)
            run("osslsigncode", "sign", "-h", bank, "-certs", os.path.join(directory, "one.pem"), "-key", os.path.join(work, "one.key"),
                "-in", os.path.join(directory, "kernel-old.efi"), "-out", signed)
            shown = subprocess.run(["osslsigncode", "verify", "-in", signed], check=False, capture_output=True, text=True).stdout
            digest = re.search(r"Calculated message digest\s*:\s*([0-9A-F]+)", shown).group(1).lower()
            facts["authenticode"].append({"file": "kernel-signed.efi", "bank": bank, "digest": digest, "signed": True})
        for name, sections in (("uki-old.efi", uki_sections(1, old_line)), ("uki-new.efi", uki_sections(101, new_line, True))):
            for phase in ("enter-initrd", "enter-initrd:leave-initrd"):
                facts["pcr11"].append({"file": name, "phases": phase, "values": pcr11(sections, phase, work)})
    with open(os.path.join(HERE, "pe.json"), "w", encoding="ascii") as out:
        json.dump(facts, out, indent=1)
        out.write("\n")


main()
