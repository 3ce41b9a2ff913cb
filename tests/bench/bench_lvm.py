# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""storage-lvm in a guest: clones beside `lvcreate -s`, differing extents beside reading through, and the long runs: chains, kills.

Ratios of one run count: the guest is emulated where there is no KVM."""
import json
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lvm")]

# pylint: disable=wrong-import-position
import lab
from program import SOURCE
from tap import read_tap

COUNT = 7
LENGTH = 20  # of a chain of snapshots
PROGRAMS = tuple(f"tests/bench/bench-{name}" for name in ("chain", "clone", "differ"))


def read_results(text):
    rows = [json.loads(line.partition(" ")[2]) for line in text.splitlines() if line.startswith("RESULT ")]
    return {row["what"]: row["values"] for row in rows}


def bench_speed(bench, guest):
    found = read_results(guest.check(f"python3 /srv/tests/lvm/speed.py /dev/vdc {COUNT} {LENGTH}", 3600))
    for size in 1, 100:
        bench.compare(f"clone of a volume of {size} GiB", found[f"clone {size}"], "lvcreate -s", found[f"lvcreate {size}"], 1.2)
    bench.compare("clone of 100 GiB", found["clone 100"], "of 1 GiB", found["clone 1"], 1.2)
    bench.compare("in what two volumes of 50 GiB differ, 100 MiB written", found["differences"], "reading one through", found["reading"], 0.02)
    bench.record(f"{LENGTH} snapshots in a chain, all read and compared", found["chain"][0], "s")


def make_debian(bench, folder):
    """A spec, a lock file beside it and the archives: the guest has no network."""
    os.makedirs(folder)
    spec = shutil.copy(f"{SOURCE}/specs/debian-12.yaml", folder)
    bench.vmforge("lock", spec)
    bench.vmforge("build", spec)


def bench_long(guest, program):
    """Fails where one of the long cases does."""
    status, text = guest.run(f"VMFORGE={program} python3 /srv/tests/lvm/inside.py /dev/vdc /dev/vdd debian every_step", 7200)
    print("\n".join(f"  {line}" for line in text.splitlines()))
    if status or len([row for row in read_tap(text) if row[0] == "passed"]) < 2:
        raise SystemExit("bench: lvm failed: see above")


def run(bench):
    with tempfile.TemporaryDirectory(prefix="vmforge-lvm-", dir="/var/tmp") as work:
        image = lab.build_image(bench.store)
        make_debian(bench, f"{work}/debian")
        folders = {"debian": f"{work}/debian", "cache": f"{bench.store}/cache"}
        with lab.running(image, work, PROGRAMS, folders) as (guest, program):
            bench_speed(bench, guest)
            guest.check("vgremove --quiet --force --yes vg0", 300)
            bench_long(guest, program)
