#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Twenty kills at random moments, of which tests/bench/bench_kills.py does hundreds: nothing is left, the store is sound,
the next build is right. VMFORGE_KILLS and VMFORGE_SEED choose another number, and other moments."""
import os
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import contents
import fixture
import killing
import sound
from killing import STAGES


def flip(path):
    """One bit in the last block that holds data."""
    with open(path, "r+b", buffering=0) as file:
        offset = list(contents.data_blocks(file, os.path.getsize(path)))[-1]
        byte = os.pread(file.fileno(), 1, offset)[0]
        os.pwrite(file.fileno(), bytes([byte ^ 1]), offset)


def show_second_opinion(test, kills):
    """What the kills rely on finds damage of each kind: a volume, a record, a manifest."""
    key = kills.reference.keys[STAGES[1]]
    volume, folder = sound.recorded(test.store)[key], f"{test.store}/stages/{key}"
    manifest = next(path for path in os.listdir(test.store + "/objects") if path.endswith(".json"))

    def named(sentence, word):
        found = "\n".join(kills.unsound())
        test.tap.ok(word in found, f"the second opinion names {sentence}", found or "it names nothing")

    for sentence, path, word in (("a volume that is gone", volume, "is not there"),
                                 ("a stage without inputs", folder + "/stage.json", "stage.json"),
                                 ("an image without manifest", f"{test.store}/objects/{manifest}", "is absent")):
        os.rename(path, path + ".away")
        named(sentence, word)
        os.rename(path + ".away", path)
    os.chmod(volume, 0o600)
    named("a volume that is not sealed", "is not sealed")
    os.chmod(volume, 0o400)
    flip(volume)
    named("a flipped bit in a volume", "has changed")
    flip(volume)
    test.tap.ok(not kills.unsound(), "and nothing where all is well", kills.unsound())


def show_export(test, kills):
    """In a folder of the user, where no later run clears up."""
    for target in ("a new file", "one that replaces another"):
        output, left, stopped = os.path.join(test.work, target, "image.qcow2"), [], 0
        for part in range(1, 7):
            if target != "a new file":
                test.vmforge("export", killing.NAME, "--output", output)
            found, status = kills.kill_export(output, part / 8)
            left, stopped = left + found, stopped + (status != 0)
        test.tap.ok(not left and stopped > 1, f"exports to {target} that are killed leave nothing beside it",
                    f"{stopped} of 6 were killed, and left: {left}")


def show_planning(test, kills):
    """The package manager has temporary files of its own."""
    left, stopped = [], 0
    for part in range(1, 11):
        found, status = kills.kill_planning(part / 20)
        left, stopped = left + found, stopped + (status != 0)
    test.tap.ok(not left and stopped > 3, "builds whose planning is killed leave nothing outside of the store",
                f"{stopped} of 10 were killed, and left: {left}")
    problem = kills.next_build()
    test.tap.ok(not problem, "and the next build removes what they left in it", problem)


def run(test):
    count, seed = int(os.environ.get("VMFORGE_KILLS") or 20), int(os.environ.get("VMFORGE_SEED") or 4)
    kills, begin = killing.Kills(test, seed), time.monotonic()
    show_second_opinion(test, kills)
    show_export(test, kills)
    show_planning(test, kills)
    while sum(kills.count.values()) < count and kills.missed < count:
        hit, problem = kills.kill_once()
        if hit or problem:
            test.tap.ok(not problem, f"kill {sum(kills.count.values())} of seed {seed}: {hit}", problem)
    test.tap.ok(sum(kills.count.values()) >= count, "most commands were still running when they were killed",
                f"{kills.missed} were not")
    print("".join(f"# {line}\n" for line in kills.table().splitlines()) + f"# {time.monotonic() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    os.environ.pop("TMPDIR", None)  # the private view has no such folder
    fixture.main(run)
