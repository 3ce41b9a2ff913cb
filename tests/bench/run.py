#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Runs the measurements of this folder, `sh quickstart bench [NAME]`.

A measurement is a file bench_NAME.py with a docstring that says what it measures, and a function run (bench). It gets
an empty folder (bench.folder), and tells results by bench.limit (several values against a limit) and bench.compare
(ours against a peer's, in the same run). At the end comes one table of medians; bench.record tells a value without a bar. All values are kept in
build/bench/NAME.json together with what the machine is."""
import glob
import importlib.util
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "vm"), os.path.join(HERE, "..", "root")]

from program import BUILD, close_store, vmforge  # pylint: disable=wrong-import-position


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(file.readline().split()[1]) >> 20
    return {"processors": os.cpu_count(), "processor": models[0] if models else platform.machine(), "memory_gib": memory,
            "kernel": platform.release(), "date": time.strftime("%Y-%m-%d")}


class Bench:
    def __init__(self, name, folder):
        self.name, self.folder, self.results, self.rows = name, folder, [], []
        self.store = os.path.join(folder, "store")

    def limit(self, what, values, unit, most):
        """Whether their median is below the bar."""
        median = statistics.median(values)
        self.add(what, values, f"{median:.3f} {unit}", "", f"{most:g} {unit}", median < most, unit=unit, bar=most)

    def compare(self, what, ours, peer, theirs, most, extra=0.0):
        """Whether our median is at most `most` times the peer's, plus extra seconds."""
        median, other = statistics.median(ours), statistics.median(theirs)
        bar = f"{most:g} ×" + (f" + {extra:g} s" if extra else "")
        self.add(what, ours, f"{median:.2f} s", f"{peer}: {other:.2f} s, {median / other:.3g} ×", bar,
                 median <= most * other + extra, unit="s", peer=peer, theirs=theirs, bar=most)

    def record(self, what, value, unit):
        """A value without a bar."""
        self.add(what, [value], f"{value:.3f} {unit}", "", "", None, unit=unit)

    def add(self, what, values, ours, beside, wanted, met, **more):
        self.rows.append((what, ours, beside, wanted, {True: "met", False: "missed", None: ""}[met]))
        self.results.append({"what": what, "values": values, "met": met, **more})
        print("  " + " | ".join(self.rows[-1]), flush=True)

    def print_table(self):
        rows = [("case", "vmforge", "beside it", "bar", ""), *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        rows.insert(1, tuple("-" * width for width in widths))
        for row in rows:
            print("| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |")

    def vmforge(self, *arguments, **options):
        """The finished process; a failure ends the measurement."""
        done = vmforge(*arguments, "--store", self.store, **options)
        if done.returncode:
            raise RuntimeError(f"vmforge {' '.join(arguments)} exited {done.returncode}: {done.stderr.strip()}")
        return done


def measure(name, path):
    specification = importlib.util.spec_from_file_location(f"bench_{name}", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    print(f"{name}: {(module.__doc__ or '').strip().splitlines()[0]}", flush=True)
    folder = tempfile.mkdtemp(prefix="vmforge-bench.", dir="/var/tmp")
    bench = Bench(name, folder)
    try:
        module.run(bench)
        bench.print_table()
    finally:
        if close_store(bench.store):
            shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(BUILD, "bench"), exist_ok=True)
    with open(os.path.join(BUILD, "bench", f"{name}.json"), "w", encoding="utf-8") as file:
        json.dump({"machine": machine(), "results": bench.results}, file, indent=1)


def main(wanted):
    known = {os.path.basename(path)[len("bench_"):-len(".py")]: path
             for path in sorted(glob.glob(os.path.join(HERE, "bench_*.py")))}
    for name in wanted:
        if name not in known:
            print(f"bench: unknown '{name}'; known: {', '.join(known) or 'none yet'}", file=sys.stderr)
            return 2
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    for name in wanted or known:
        measure(name, known[name])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
