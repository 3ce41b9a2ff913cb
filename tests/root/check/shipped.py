#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""The plugins that we ship pass the conformance suite of their kind: each whole, with each of its ways to work."""
import glob
import os
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "errors"), os.path.join(HERE, "..")]

# pylint: disable=wrong-import-position
import fixture
from fixture import program

WAYS = (None, "pool=always", "pool=never")


def check(test, name, *arguments):
    """Nothing, or which cases failed. Skipped ones count as failures: these plugins can do all of it."""
    file = f"{program.BUILD}/plugins/{name}/vmforge-{name}.so"
    done = program.vmforge("plugins", "check", "--work", test.work, *arguments, file, env=test.toy.environment, timeout=900)
    bad = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "skipped", " "))]
    summed = done.stdout.strip().splitlines()[-1:]
    return None if done.returncode == 0 and summed and " 0 failed, 0 skipped" in summed[0] else \
        "\n".join(bad + summed + [done.stderr])


def start(test):
    """A suite that has made its folder, and works."""
    file = f"{program.BUILD}/plugins/storage-file/vmforge-storage-file.so"
    check = subprocess.Popen([program.PROGRAM, "plugins", "check", "--work", test.work, file], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    check.stdout.readline()  # a case is over, the next one runs
    return check


def folders(test):
    return glob.glob(f"{test.work}/vmforge-check-*")


def interrupt(test):
    check = start(test)
    check.send_signal(signal.SIGINT)
    _, errors = check.communicate(timeout=60)
    return None if check.returncode == 130 and not folders(test) else f"{check.returncode} {folders(test)} {errors}"


def kill(test):
    """A folder may stay, for the next suite to remove it."""
    check = start(test)
    check.kill()
    check.communicate()
    time.sleep(1)
    for folder in folders(test):
        os.utime(f"{folder}/.vmforge-check", (1, 1))
    strange = f"{test.work}/vmforge-check-mine"  # of that name, and not ours
    os.makedirs(strange)
    os.utime(strange, (1, 1))
    done = program.vmforge("plugins", "check", "--work", test.work, "--case", "open",
                           f"{program.BUILD}/plugins/storage-file/vmforge-storage-file.so")
    left = folders(test)
    shutil.rmtree(strange)
    return None if done.returncode == 0 and left == [strange] else f"{left}\n{program.said(done)}"


def show(test):
    test.attempt("a suite that is interrupted leaves nothing", lambda: interrupt(test))
    test.attempt("what one that is killed leaves is removed by the next", lambda: kill(test))
    for way in WAYS:
        arguments = ("--parameters", way) if way else ()
        test.attempt(f"storage-file passes its suite ({way or 'as it is'})",
                     lambda arguments=arguments: check(test, "storage-file", *arguments))
    spec = test.toy.spec("checked", core={"packages": ["toy-huge"]}, base={"packages": ["toy-hello"]},
                         image={"remove": ["toy-hello"]}, disk={"size": "1GiB"})
    test.attempt("apt passes its suite", lambda: check(test, "apt", "--spec", spec))


if __name__ == "__main__":
    fixture.main(show)
