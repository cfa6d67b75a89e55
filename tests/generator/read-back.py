#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) the sealmount authors
#
# read-back.py GENERATOR TEMPLATES CASE...
# Makes systemd load what the generator wrote and compares the result with the manifest: no character of a
# path or option may be lost, expanded or taken for syntax. Independent of the generator's own escaping rules.
# Then makes it plan a boot with these units: there must be no ordering cycle.
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SYSTEMD = "/usr/lib/systemd/systemd"
NOBODY = 65534
SETTING = re.compile(r"\t\t(What|Where|Options|File System Type|KeyringMode|Description): (.*)")


def plan(directories, name):
    """What systemd says of starting a unit, with all that it pulls in."""
    # It refuses to run as root. In another locale than C newer releases write arrows that are not ASCII.
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    environment = {"SYSTEMD_UNIT_PATH": ":".join([*directories, ""]), "PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C"}
    return subprocess.run([SYSTEMD, "--test", "--system", f"--unit={name}"], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, cwd="/", timeout=60, check=False, env=environment, **user).stdout


def understood(directories, name):
    """The settings of a mount unit as systemd prints them."""
    output = plan(directories, name)
    found, inside = {}, False
    for line in output.splitlines():
        if line.startswith("\t-> Unit "):
            inside = line == f"\t-> Unit {name}:"
        elif inside and (match := SETTING.fullmatch(line)):
            found[match[1]] = match[2]
    if not found:
        raise SystemExit(f"{name}: systemd --test did not load it:\n{output}")
    return found


def differences(unit, volume):
    """Sentences about settings that are not what the manifest says."""
    wanted = {"What": volume["lower"], "Where": volume["mountpoint"], "KeyringMode": "shared"}
    if unit.get("File System Type") not in ("ecryptfs", "sealmount"):
        yield f"File System Type is {unit.get('File System Type')!r}"
    for setting, value in wanted.items():
        if unit.get(setting) != value:
            yield f"{setting} is {unit.get(setting)!r}, not {value!r}"
    options = ",".join(volume.get("options", []))
    if options and f",{options}," not in unit.get("Options", "") + ",":
        yield f"{options!r} is not in Options, {unit.get('Options')!r}"


def check(generator, made, case, volumes):
    """How many mount units were compared, and what was wrong."""
    problems = []
    with tempfile.TemporaryDirectory() as work:
        shutil.copytree(f"{case}/root", f"{work}/root")
        units, templates = f"{work}/units", f"{work}/templates"
        os.mkdir(units)
        os.mkdir(templates)
        for kind in ("unlock", "load", "keys"):
            shutil.copy(f"{made}/sealmount-{kind}@.service", templates)
        subprocess.run(["chmod", "-R", "u=rwX,go=rX", work], check=True)
        subprocess.run([generator, "--root", f"{work}/root", f"{work}/normal", f"{work}/early", units],
                       stderr=subprocess.DEVNULL, check=False)
        names = sorted(name for name in os.listdir(units) if name.endswith(".mount"))
        for name in names:
            unit = understood([units, templates], name)
            volume = volumes[unit["Description"].removeprefix("eCryptfs volume ")]
            problems += [f"{name}: {difference}" for difference in differences(unit, volume)]
        if names:
            boot = plan([units, templates], "sysinit.target").splitlines()
            problems += [line for line in boot if "ordering cycle" in line]
    return len(names), problems


def main(generator, made, cases):
    if not os.path.exists(SYSTEMD):
        raise SystemExit(f"{SYSTEMD} is not installed: nothing can be read back")
    compared, failed = 0, False
    for case in cases:
        try:
            with open(f"{case}/root/etc/sealmount/manifest.json", encoding="utf-8") as file:
                # Of two volumes with the same name the first keeps it.
                volumes = {volume["name"]: volume for volume in reversed(json.load(file)["volumes"])}
        except (FileNotFoundError, json.JSONDecodeError):
            continue
        count, problems = check(generator, made, case, volumes)
        compared += count
        failed = failed or bool(problems)
        for problem in problems:
            print(f"{case}: {problem}")
    print(f"{compared} mount units compared")
    return 1 if failed or not compared else 0


sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
