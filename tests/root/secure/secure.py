#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A program with more rights than who starts it does not load what the environment names.

usage: secure.py SHOW-DIRS SOURCE"""
import os
import shutil
import struct
import subprocess
import sys
import tempfile

PROGRAM, SOURCE = sys.argv[1:3]
sys.path.insert(0, os.path.join(SOURCE, "tests", "vm"))
from tap import Tap, skip_all  # noqa: E402

NOBODY = 65534
THEIRS = "/nonexistent/theirs"
# struct vfs_cap_data of revision 2 with the effective bit: CAP_DAC_OVERRIDE permitted.
DAC_OVERRIDE = struct.pack("<IIIII", 0x02000001, 1 << 1, 0, 0, 0)


def look(program, user=None):
    """(whether it is privileged, the folders that it prints)"""
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    environment = {"PATH": os.environ["PATH"], "VMFORGE_PLUGIN_PATH": THEIRS}
    output = subprocess.run([program], env=environment, cwd="/", capture_output=True, text=True, check=True, timeout=60,
                            **identity).stdout
    privileged, *folders = output.splitlines()
    return privileged == "secure=1", folders


def check_privileged(tap, name, program, user=None):
    privileged, folders = look(program, user)
    if not privileged:
        tap.skip(f"{name} takes no plugins from the environment", "the temporary folder is mounted nosuid")
        return
    tap.ok(folders and THEIRS not in folders, f"{name} takes no plugins from the environment", folders)


def main():
    if os.geteuid() != 0:
        skip_all("needs root")
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        copies = {name: shutil.copy(PROGRAM, os.path.join(folder, name)) for name in ("plain", "set-id", "capable")}
        os.chown(copies["set-id"], NOBODY, NOBODY)
        os.chmod(copies["set-id"], 0o4755)
        os.setxattr(copies["capable"], "security.capability", DAC_OVERRIDE)
        privileged, folders = look(copies["plain"])
        tap.ok(not privileged and folders[0] == THEIRS and len(folders) > 1,
               "a plain program takes plugins from the environment, before its own", folders)
        check_privileged(tap, "a set-user-ID program", copies["set-id"])
        check_privileged(tap, "a program with file capabilities", copies["capable"], NOBODY)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
