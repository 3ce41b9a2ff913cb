#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""storage-lvm on a real kernel: boots Debian, which vmforge has built, with the installed vmforge and a scratch disk, and runs
inside.py there. Development machines and containers may lack a device mapper; the guest has one.

    tests/lvm/lvm.py [CASE…]      only these (conformance, full …)"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "vm"))

# pylint: disable=wrong-import-position
from guest import Guest, GuestError, accelerator, make_overlay
from program import BUILD, PASSWORD, SOURCE, said, test_store, vmforge
from tap import Tap, read_tap, skip_all

SPEC = f"{SOURCE}/tests/vm/specs/lvm.yaml"
DEADLINE = 3000  # seconds for all of it
SCRATCH = 12 << 30


def install(folder):
    """What `meson install` brings, the tests, and where the program is."""
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder], check=True)
    for name in ("vm", "root", "lvm"):
        shutil.copytree(f"{SOURCE}/tests/{name}", f"{folder}/srv/tests/{name}", ignore=shutil.ignore_patterns("__pycache__"))
    for place, _, files in os.walk(folder):
        if "vmforge" in files and os.path.basename(place) == "bin":
            return "/" + os.path.relpath(os.path.join(place, "vmforge"), folder)
    raise RuntimeError("`meson install` brings no program")


def make_disk(folder, path):
    size = sum(os.lstat(os.path.join(place, file)).st_size for place, _, files in os.walk(folder) for file in files)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", folder, path, f"{(size >> 20) * 2 + 64}M"], check=True, stdout=subprocess.DEVNULL)


def run_inside(guest, program, cases):
    """The TAP that the guest writes."""
    guest.wait_for_login()
    guest.login("root", PASSWORD)
    guest.check("mount -o ro /dev/vdc /mnt && cp -a /mnt/. / && ldconfig && udevadm settle", 300)
    status, text = guest.run(f"VMFORGE={program} python3 /srv/tests/lvm/inside.py /dev/vdb {' '.join(cases)}", DEADLINE)
    return text + ("" if status in (0, 1) else f"\nnot ok - it ended with status {status}")


def test(store, work, cases):
    tap, begin = Tap(), time.monotonic()
    done = vmforge("build", SPEC, "--store", store)
    if not tap.ok(done.returncode == 0, "the guest's image builds", said(done)):
        return tap.done()
    done = vmforge("images", "path", "test-lvm", "--store", store)
    disk = make_overlay(done.stdout.strip(), f"{work}/guest.qcow2")
    program = install(f"{work}/payload")
    make_disk(f"{work}/payload", f"{work}/payload.img")
    with open(f"{work}/scratch.img", "wb") as scratch:
        scratch.truncate(SCRATCH)
    drives = [f"-drive file={work}/scratch.img,if=virtio,format=raw,cache=unsafe", f"-drive file={work}/payload.img,if=virtio,format=raw,readonly=on"]
    booted = time.monotonic()
    try:
        with Guest(disk, memory=2048, log=f"{work}/console", extra=[word for drive in drives for word in drive.split()]) as guest:
            text = run_inside(guest, program, cases)
    except GuestError as error:
        tap.ok(False, "the guest runs the tests", error)
        return tap.done()
    tap.diagnose(f"{booted - begin:.0f} s to build the guest, {time.monotonic() - booted:.0f} s in it")
    results = list(read_tap(text))
    tap.diagnose(text)
    for verdict, sentence, _ in results:
        tap.ok(verdict == "passed", sentence, "see above")
    tap.ok(len(results) >= (1 if cases else 30), "the guest tells results", text[-2000:])
    return tap.done()


def main():
    if os.geteuid():
        skip_all("needs root")
    if not shutil.which("qemu-system-x86_64"):
        skip_all("needs qemu-system-x86_64")
    print(f"# accelerator: {accelerator()}", flush=True)
    with test_store() as store, tempfile.TemporaryDirectory(prefix="vmforge-lvm-", dir="/var/tmp") as work:
        return test(store, work, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
