#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A few of the many operations of a build fail, one at a time: by an error, by a disk that is full from there on, by a
write that is short. tests/bench/bench_writes.py does nearly all. VMFORGE_FAULTS and VMFORGE_SEED choose more, and
others."""
import os
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import failing
import fixture
import writing


FAULTS = ("an error", "a full disk", "a short write")


def sweep(test, pool, count, seed):
    writes = writing.Writes(test, pool, seed)
    for fault in FAULTS:
        for number in writes.choose(fault, count):
            what, problem = writes.fail_at(fault, number)
            test.tap.ok(not problem, f"pool={pool}, {fault} at operation {number}: {what}", problem)
    for stage in ("core", "appliance"):
        what, problem = writes.fail_at("an error", 0, lambda stage=stage: writes.build_on_dying_disk(stage, "cleaning up"))
        test.tap.ok(what and not problem,
                    f"pool={pool}, stage '{stage}' is not recorded where what its unmounting writes is lost", problem)
    test.tap.ok(writes.outcomes["failed"] and writes.hit, "builds did fail", dict(writes.outcomes))
    print(f"# {dict(writes.outcomes)}", flush=True)
    writes.place.close()


def run(test):
    count, seed = int(os.environ.get("VMFORGE_FAULTS") or 3), int(os.environ.get("VMFORGE_SEED") or 4)
    for pool in ("never", "auto"):
        begin = time.monotonic()
        sweep(test, pool, count, seed)
        print(f"# {time.monotonic() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    os.environ.pop("TMPDIR", None)  # the private view has no such folder
    if not os.path.exists(failing.PROGRAM):
        fixture.skip_all("needs libfuse3-dev when it is compiled")
    fixture.main(run)
