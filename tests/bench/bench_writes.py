# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Operations of a build that fail, one at a time, on a toy distribution and a filesystem that fails: how it ended.

Of each kind of operation so many as VMFORGE_FAULTS says (1), and 30 times as many of the writes into volumes, of which
there are thousands; VMFORGE_SEED (a random one, which is printed) chooses them. It takes an hour or more. It fails where a
bad stage is recorded, where the error is not one line, or the next build not right."""
import collections
import os
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "root", folder) for folder in ("errors", "chaos")]

MORE_WRITES = 30  # times as many


def numbers_of(writes, fault, count):
    """`count` operations of each kind, and more of the writes into volumes."""
    of_kind = collections.defaultdict(list)
    for number, kind in writes.numbers(fault).items():
        of_kind[kind].append(number)
    for kind, numbers in sorted(of_kind.items()):
        most = MORE_WRITES * count if kind.startswith("write /store/volumes/") or "pool.img" in kind else count
        yield from sorted(writes.random.sample(numbers, min(most, len(numbers))))


def sweep(test, pool, count, seed):
    """Prints; fails by a result of the test."""
    import failing  # pylint: disable=import-outside-toplevel  # imports what needs the path above
    import writing  # pylint: disable=import-outside-toplevel
    writes = writing.Writes(test, pool, seed)
    for fault in failing.FAULTS:
        begin, before = time.monotonic(), collections.Counter(writes.outcomes)
        for number in numbers_of(writes, fault, count):
            what, problem = writes.fail_at(fault, number)
            if problem:
                test.tap.ok(False, f"pool={pool}, {fault} at operation {number}: {what}", problem)
        outcomes = dict(writes.outcomes - before)
        test.tap.ok(outcomes.get("failed"), f"pool={pool}, {fault}: {outcomes}, {time.monotonic() - begin:.0f} s")
    print(f"  pool={pool}: {len(writes.hit)} kinds of operations failed, of {len(set(writes.operations))}")
    writes.place.close()


def run(bench):
    import fixture  # pylint: disable=import-outside-toplevel
    count = int(os.environ.get("VMFORGE_FAULTS") or 1)
    seed = int(os.environ.get("VMFORGE_SEED") or int.from_bytes(os.urandom(3), "big"))
    print(f"  VMFORGE_FAULTS={count} VMFORGE_SEED={seed}", flush=True)
    begin = time.monotonic()
    for pool in ("never", "auto"):
        if fixture.run_privately(lambda test, pool=pool: sweep(test, pool, count, seed)):
            raise SystemExit("bench: writes failed: see above")
    bench.record("all faults", time.monotonic() - begin, "s")
