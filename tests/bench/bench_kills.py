# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Kills at random moments of builds and of other commands, on a toy distribution: how many hit which step.

It fails where a kill leaves anything, where the store is not sound after one or the next build not right, and where a
step was hit less than five times. VMFORGE_KILLS (500) says how many, VMFORGE_SEED (a random one, which is printed)
which."""
import os
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "root", folder) for folder in ("errors", "chaos")]

LEAST = 5


def kill_many(test, count, seed):
    """Prints; fails by a result of the test."""
    import killing  # pylint: disable=import-outside-toplevel  # imports what needs the path above
    kills, begin = killing.Kills(test, seed), time.monotonic()
    while sum(kills.count.values()) < count and kills.missed < max(count, 20):
        hit, problem = kills.kill_once()
        if problem:
            test.tap.ok(False, f"kill {sum(kills.count.values())}: {hit}", problem)
    print(kills.table())
    rare = {step: kills.count[step] for step in kills.wanted() if kills.count[step] < LEAST}
    test.tap.ok(not rare, f"each step was hit {LEAST} times at least", rare)
    done = sum(kills.count.values())
    test.tap.ok(done >= count, f"{done} kills of seed {seed} in {time.monotonic() - begin:.0f} s", f"of {count}")


def run(bench):
    import fixture  # pylint: disable=import-outside-toplevel
    count = int(os.environ.get("VMFORGE_KILLS") or 500)
    seed = int(os.environ.get("VMFORGE_SEED") or int.from_bytes(os.urandom(3), "big"))
    print(f"  {count} kills, VMFORGE_SEED={seed}", flush=True)
    begin = time.monotonic()
    if fixture.run_privately(lambda test: kill_many(test, count, seed)):
        raise SystemExit("bench: kills failed: see above")
    bench.record(f"{count} kills", time.monotonic() - begin, "s")
