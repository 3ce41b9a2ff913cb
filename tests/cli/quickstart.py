#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What `quickstart build` runs, and from where; with stand-ins for the tools that it would install and run.

usage: quickstart.py SOURCE"""
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.path.abspath(sys.argv[1])
sys.path.insert(0, os.path.join(SOURCE, "tests", "vm"))
from tap import Tap  # noqa: E402

TOOLS = {"id": "echo 0", "apt-get": "true", "dpkg-query": "true", "meson": 'mkdir -p "$2"; touch "$2/build.ninja"',
         "ninja": 'printf \'#!/bin/sh\\necho "$0 $* in $PWD"\\n\' >build/vmforge; chmod +x build/vmforge'}

tap = Tap()


def make_tools(folder):
    os.makedirs(folder)
    for name, script in TOOLS.items():
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)


def run(work, quickstart, cwd):
    environment = {**os.environ, "PATH": os.path.join(work, "tools") + ":" + os.environ["PATH"]}
    done = subprocess.run(["sh", quickstart, "build", "a.yaml"], cwd=cwd, env=environment, text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return done.stdout.splitlines()


def main():
    with tempfile.TemporaryDirectory() as work:
        work = os.path.realpath(work)
        tree, below = os.path.join(work, "tree"), os.path.join(work, "tree", "below")
        os.makedirs(below)
        shutil.copy(os.path.join(SOURCE, "quickstart"), tree)
        make_tools(os.path.join(work, "tools"))
        lines = run(work, "quickstart", tree)
        tap.ok("quickstart: compiling, a minute or more: build/compile.log" in lines, "it says that it compiles", lines)
        tap.ok(lines[-1] == f"build/vmforge build a.yaml in {tree}", "in its folder it runs build/vmforge", lines)
        lines = run(work, "../quickstart", below)
        tap.ok(lines[-1] == f"../build/vmforge build a.yaml in {below}", "below it, the program as it is called from there",
               lines)
        tap.ok(not [line for line in lines if "compiling" in line], "it says nothing of compiling a second time", lines)
        lines = run(work, f"{tree}/quickstart", work)
        tap.ok(lines[-1] == f"{tree}/build/vmforge build a.yaml in {work}", "elsewhere, the program by its whole path",
               lines)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
