#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""storage-lvm on a real kernel: boots Debian, which vmforge has built, with the installed vmforge and a scratch disk, and runs
inside.py there. Development machines and containers may lack a device mapper; the guest has one.

    tests/lvm/lvm.py [CASE…]      only these (conformance, full …)"""
import os
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)

# pylint: disable=wrong-import-position
import lab
from guest import GuestError, accelerator
from program import test_store
from tap import Tap, read_tap, skip_all

DEADLINE = 3000  # seconds for all cases


def run_inside(guest, program, cases):
    """The TAP that the guest writes."""
    status, text = guest.run(f"VMFORGE={program} python3 /srv/tests/lvm/inside.py /dev/vdc /dev/vdd {' '.join(cases)}", DEADLINE)
    return text + ("" if status in (0, 1) else f"\nnot ok - it ended with status {status}")


def test(store, work, cases):
    tap, begin = Tap(), time.monotonic()
    try:
        image = lab.build_image(store)
        built = time.monotonic()
        with lab.running(image, work) as (guest, program):
            booted = time.monotonic()
            text = run_inside(guest, program, cases)
    except (GuestError, RuntimeError) as error:
        tap.ok(False, "the guest runs the tests", error)
        return tap.done()
    tap.diagnose(f"{built - begin:.0f} s to build the guest, {booted - built:.0f} s to boot it, {time.monotonic() - booted:.0f} s in it")
    tap.diagnose(text)
    results = list(read_tap(text))
    for verdict, sentence, reason in results:
        tap.ok(verdict == "passed", sentence, reason or "see above")
    plan = text.strip().splitlines()[-1:]
    tap.ok(results and plan == [f"1..{len(results)}"], "the guest came to the end of its tests", plan)
    return tap.done()


def main():
    if os.geteuid():
        skip_all("needs root")
    if not shutil.which("qemu-system-x86_64"):
        skip_all("needs qemu-system-x86_64")
    if not lab.spec_of_host():
        skip_all("needs Debian 12 or 13: the guest runs what was compiled here")
    print(f"# accelerator: {accelerator()}", flush=True)
    with test_store() as store, tempfile.TemporaryDirectory(prefix="vmforge-lvm-", dir="/var/tmp") as work:
        return test(store, work, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
