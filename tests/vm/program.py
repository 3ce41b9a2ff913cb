# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Runs the vmforge program under test, and knows the store that the suites share."""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("VMFORGE_BUILD_DIR") or os.path.join(SOURCE, "build")
PROGRAM = os.environ.get("VMFORGE") or os.path.join(BUILD, "vmforge")
PASSWORD = "vmforge-test"  # of root, in specs/


def vmforge(*arguments, timeout=1200, **options):
    """The finished process, with text; its standard input is empty."""
    return subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.PIPE, text=True, timeout=timeout, errors="replace", **options)


def said(done, lines=30):
    """What a failed program said, for a report."""
    text = (done.stdout + done.stderr).strip().splitlines()
    return "\n".join([f"{' '.join(done.args)} exited {done.returncode}:", *text[-lines:]])


def stage_events(done):
    """The last state of each stage in the output of `build --json`: stage → state."""
    states = {}
    for line in done.stdout.splitlines():
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if event.get("event") == "stage":
                states[event["stage"]] = event["state"]
    return states


@contextlib.contextmanager
def test_store():
    """The path of the store: the one that all suites of this run share, or one for this program alone."""
    shared = os.environ.get("VMFORGE_TEST_STORE")
    if shared:
        yield shared
        return
    folder = tempfile.mkdtemp(prefix="vmforge-test.", dir="/var/tmp")
    try:
        yield os.path.join(folder, "store")
    finally:
        if close_store(os.path.join(folder, "store")):
            shutil.rmtree(folder, ignore_errors=True)


def close_store(store):
    """Ends the mount of its pool. Where that fails, the store must stay: removing it would go through the mount."""
    if not os.path.isdir(store):
        return True
    done = vmforge("store", "umount", "--store", store)
    if done.returncode:
        print(f"the store {store} is still in use: {said(done)}", file=sys.stderr)
    return done.returncode == 0
