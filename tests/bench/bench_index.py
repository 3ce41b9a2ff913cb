# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""The block index and the table of blocks: how fast both are made, and how the table's speed goes with its size.

The images are simulated: hashes are numbers as spread as real ones, of no block. Above 500 GB pages of the table are
written as inserting leaves them, for inserting them all takes hours; where the disk has no room only a share of them,
in runs, and nothing is looked for in the others. "One package away" is what a package of some 4 MiB changes: 6 MiB
in 200 places of a volume of 2 GiB, files and what dpkg, the journal and bitmaps of the filesystem rewrite."""
import json
import os
import shutil
import statistics
import subprocess

from program import BUILD

SIZES = (10, 100, 1000, 10000)  # GB
LOOKUPS, INSERTS = 20000, 1 << 18
KEPT_FREE = 40 << 30  # of the disk
VOLUME, CHANGED, PIECES, COUNT = 2048, 6144, 200, 5  # MiB, KiB; times


def measured(name, *arguments):
    done = subprocess.run([os.path.join(BUILD, "tests", "bench", f"bench-{name}"), *map(str, arguments)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"bench-{name} exited {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def measure_index(bench):
    found = measured("index", bench.folder, VOLUME, CHANGED, PIECES, COUNT)
    cores = len(os.sched_getaffinity(0))
    rates = [(VOLUME << 20) / seconds for seconds in found["whole"]]
    bench.record("SHA-256 of libgcrypt, one thread", statistics.median(found["alone"]) / 1e6, "MB/s")
    bench.record("the same, a thread per processor", statistics.median(found["together"]) / 1e6, "MB/s")
    bench.record("hashing a volume of the page cache", statistics.median(rates) / 1e6, "MB/s")
    bench.record("processor time of that, of SHA-256 alone at the rate of one thread",
                 statistics.median(found["processor"]) * statistics.median(found["alone"]) / (VOLUME << 20), "×")
    # A bar is from above: so the time, against that of all cores at the rate of one.
    ideal = [(VOLUME << 20) / cores / rate for rate in found["alone"]]
    bench.compare(f"index of {VOLUME} MiB", found["whole"], f"{cores} cores × one thread", ideal, 1 / 0.9)
    bench.compare("index of a stage one package away", found["child"], "of it whole", found["whole"], 1 / 20)


def share_for(folder, gigabytes):
    """One in how many pages of the table has room on the disk; 0: not even one in 64."""
    room = shutil.disk_usage(folder).free - KEPT_FREE
    need = gigabytes * 1e9 / 155  # a page is for 155 blocks or more
    share = 1
    while share <= 64 and need / share > room:
        share *= 2
    return share if share <= 64 else 0


def measure_table(bench):
    warm = {}
    for size in SIZES:
        share = share_for(bench.folder, size)
        if not share or (share > 1 and size <= 500):
            print(f"  {size} GB: left out: the disk has no room")
            continue
        found = measured("table", bench.folder, size, share, LOOKUPS, INSERTS)
        how = "inserted" if not found["written"] else "pages written" + (f", one in {share}" if share > 1 else "")
        print(f"  {size} GB: {found['entries']} entries in {found['pages']} pages, {how}, in {found['fill_seconds']:.0f} s")
        for key, what in (("cold_lookups", "look-ups, cold"), ("warm_lookups", "look-ups, warm"),
                          ("warm_misses", "look-ups of what is absent, warm"), ("cold_inserts", "inserts, cold"),
                          ("inserts", "inserts after those")):
            bench.record(f"{size} GB: {what}", found[key] / 1000, "thousand/s")
        warm[size] = found["warm_lookups"]
    if len(warm) > 1:
        bench.limit("a warm look-up, of the most against the least", [warm[min(warm)] / warm[max(warm)]], "×", 2)


def run(bench):
    measure_index(bench)
    measure_table(bench)
