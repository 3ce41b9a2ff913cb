#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What bench_lvm.py measures, in the guest: writes a line of JSON for each result.

    speed.py DISK COUNT LENGTH"""
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE]

# pylint: disable=wrong-import-position
from world import VG, WORK, call, make_group, volumes

SETTING = f"storage-lvm:vg={VG},pool=bench"


def tell(what, values):
    print("RESULT " + json.dumps({"what": what, "values": values}), flush=True)


def run(program, *arguments):
    """What it writes, by lines of words."""
    store = f"{WORK}/{program}"
    os.makedirs(store)
    place = subprocess.run(["find", "/usr", "-name", "vmforge-storage-lvm.so"], capture_output=True, text=True, check=True).stdout.strip()
    done = subprocess.run([f"/srv/{program}", SETTING, store, *map(str, arguments)], capture_output=True, text=True, check=False,
                          env={**os.environ, "VMFORGE_PLUGIN_PATH": os.path.dirname(place)})
    if done.returncode:
        raise RuntimeError(f"{program} exited {done.returncode}: {done.stderr}")
    return [line.split() for line in done.stdout.splitlines()]


def time_lvcreate(origin, count):
    """The command alone, each with another name, as the plugin has it."""
    times = []
    for number in range(count):
        begin = time.monotonic()
        call("lvcreate", "--yes", "--snapshot", f"{VG}/{origin}", "--name", f"alone{number}", "--activate", "n")
        times.append(time.monotonic() - begin)
        call("lvremove", "--quiet", "--yes", f"{VG}/alone{number}")
    return times


def remove_volumes():
    """Each program names its volumes by numbers from 1 on."""
    call("lvremove", "--quiet", "--yes", *[f"{VG}/{name}" for name in volumes()])


def main():
    disk, count, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.makedirs(WORK, exist_ok=True)
    make_group(VG, disk)
    call("lvcreate", "--quiet", "--yes", "--type", "thin-pool", "--size", "8G", "--name", "bench", VG)
    for size, *times in run("bench-clone", count, 1, 100):
        tell(f"clone {size}", [float(word) for word in times])
        tell(f"lvcreate {size}", time_lvcreate(f"vmforge-{int(size):032d}", count))
    remove_volumes()
    *differences, reading = [float(words[0]) for words in run("bench-differ", count, 50)]
    tell("differences", differences)
    tell("reading", [reading])
    remove_volumes()
    begin = time.monotonic()
    run("bench-chain", length)
    tell("chain", [time.monotonic() - begin])


if __name__ == "__main__":
    main()
