#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Pushes whose sender, receiver or both are killed at random moments: never a bad or half image, nothing is left, and the
next push goes on where that one stopped.

VMFORGE_KILLS and VMFORGE_SEED choose another number, and other moments."""
import collections
import contextlib
import glob
import json
import os
import random
import signal
import subprocess
import time

from common import build, fixture, images, place, program, push, same, sound, specs

import sound as opinion
import victim

SENDER, RECEIVER, BOTH = "the sender", "the receiver", "both"
WHOLE, DERIVED = "large", "next"  # into a store that has nothing, and into one that has `first`
LATE = 0.8                        # of what is to travel; less than the windows that an end holds is behind it
WINDOW = 8 << 20                  # of the transport: what was written of it is known by whole ones


class Push:
    """One that is under way."""

    def __init__(self, test, image, url, *options):
        self.errors = open(os.path.join(test.work, "push.err"), "w+b")  # a pipe could block it
        self.process = subprocess.Popen(
            [program.PROGRAM, "push", "--json", *options, image, url, "--store", test.store], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.errors, env=test.toy.environment)

    def go_to(self, share):
        """Until it says that this much of what is to travel was sent."""
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "progress" and 0 < event["planned_bytes"] * share <= event["moved_bytes"]:
                return

    def kill(self, whom):
        receivers = victim.descendants(self.process.pid)
        for pid in [*([self.process.pid] if whom != RECEIVER else []), *(receivers if whom != SENDER else [])]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def finish(self):
        """Exit status, and what it said."""
        self.process.stdout.close()
        status = self.process.wait(60)
        with self.errors:
            self.errors.seek(0)
            return status, self.errors.read().decode("utf-8", "replace")


class Kills:
    def __init__(self, test, seed, stores):
        self.test, self.random, self.stores = test, random.Random(seed), stores
        self.count, self.missed, self.sent_again = collections.Counter(), 0, []
        self.seconds, self.moved, self.wire = {}, {}, {}
        push(test, "first", stores[DERIVED])
        for image, target in stores.items():
            begin = time.monotonic()
            done, figures = push(test, image, target)
            if done.returncode:
                raise RuntimeError(program.said(done))
            self.seconds[image], self.moved[image] = time.monotonic() - begin, figures["moved_bytes"]
            self.wire[image] = figures["wire_bytes"]
            self.remove(image)

    def remove(self, image):
        self.test.vmforge("images", "rm", image, store=self.stores[image])
        self.test.vmforge("gc", "--keep-days", "0", store=self.stores[image])

    def judge_end(self, whom, status, errors):
        if status == 0:
            return None
        if whom == RECEIVER:  # the sender lives, and says what happened
            told = [line for line in errors.splitlines() if line.startswith("vmforge: ")]
            return None if status == 1 and len(told) == 1 else f"exit status {status}, and it said: {errors}"
        return None if status == -signal.SIGKILL else f"exit status {status}: {errors}"

    def judge_stores(self, image):
        """The image is there as a whole or not at all, and both stores are sound, by two judges."""
        target, wrong = self.stores[image], []
        before = ["first"] if image == DERIVED else []
        there = images(self.test, target)
        if sorted(there) != before:
            wrong = [f"there are {there}"] if sorted(there) != sorted([*before, image]) else [same(self.test, image, target)]
        wrong += [sound(self.test, target), sound(self.test, self.test.store)]
        return [line for line in wrong if line] + opinion.problems_of(target), image in there

    def next_push(self, image, late, published):
        target = self.stores[image]
        done, figures = push(self.test, image, target)
        if done.returncode:
            return [program.said(done)]
        wrong = [same(self.test, image, target), sound(self.test, target)] + opinion.problems_of(target)
        wrong += [f"in the store: {path}" for path in fixture.orphans(target) + fixture.orphans(self.test.store)]
        if late and not published:
            self.sent_again.append(figures["wire_bytes"] / self.wire[image])
            if figures["moved_bytes"] > self.moved[image] - WINDOW or figures["wire_bytes"] >= self.wire[image]:
                wrong.append(f"what came before the kill was sent again: {figures}, of {self.moved[image]} moved in all")
        return [line for line in wrong if line]

    def strike(self, image, whom, late):
        """FALSE: it had ended. What is wrong, as lines."""
        running = Push(self.test, image, f"file://{self.stores[image]}")
        if late:
            running.go_to(LATE)
        else:
            time.sleep(self.random.random() * self.seconds[image])
        running.kill(whom)
        status, errors = running.finish()
        if not late:  # other work on the machine makes it longer and shorter: two of three are to be hit
            self.seconds[image] *= 0.9 if status == 0 else 1.05
        problem = self.judge_end(whom, status, errors)
        return status != 0, [problem] if problem else []

    def goes_on(self, count):
        """Until so many were killed, and one of them late."""
        return (sum(self.count.values()) < count or not self.sent_again) and self.missed < count + 10

    def kill_once(self):
        """What was hit, in words, or None if it had ended, and what is wrong, as lines."""
        image, whom = self.random.choice((WHOLE, WHOLE, DERIVED)), self.random.choice((SENDER, RECEIVER, BOTH))
        late = image == WHOLE and self.random.random() < 0.3
        before = self.test.snapshot(self.stores[image])
        hit, wrong = self.strike(image, whom, late)
        once = not hit or self.random.random() >= 0.2
        if not once:  # what goes on is killed as well; while it is sealed, its end, that costs what came
            wrong += self.strike(image, self.random.choice((SENDER, RECEIVER, BOTH)), False)[1]
        wrong += [f"left: {line}" for line in before.leaks(10.0)]
        problems, published = self.judge_stores(image)
        wrong += [f"after the kill: {line}" for line in problems]
        wrong += [f"the next push: {line}" for line in self.next_push(image, late and hit and once, published)]
        wrong += [f"left: {line}" for line in self.test.left_behind(before)]
        self.remove(image)
        self.missed += not hit
        self.count[whom] += hit
        moment = "late" if late else "anywhere"
        return f"{whom}, {moment} in the push of {image}" if hit else None, "\n".join(wrong)


def sweep(test):
    """What a killed writer of the repository left, whenever that was."""
    with place(test, "swept-store") as target:
        push(test, "first", target)
        test.vmforge("repo", "refresh", store=target)
        folder = glob.glob(f"{target}/repository/images/*")[0]
        left = [f"{where}/.tmp-1-00000001-x" for where in (folder, f"{target}/repository", f"{target}/repository/packs")]
        for path in left:
            with open(path, "w", encoding="utf-8"):
                pass
        done = test.vmforge("repo", "refresh", store=target)
        return program.said(done) if done.returncode else [path for path in left if os.path.exists(path)]


def kill(test, stores):
    count, seed = int(os.environ.get("VMFORGE_KILLS") or 10), int(os.environ.get("VMFORGE_SEED") or 5)
    kills, begin = Kills(test, seed, stores), time.monotonic()
    while kills.goes_on(count):
        hit, problem = kills.kill_once()
        if hit or problem:
            test.tap.ok(not problem, f"kill {sum(kills.count.values())} of seed {seed}: {hit}", problem)
    test.tap.ok(sum(kills.count.values()) >= count, "most pushes were still under way when they were killed",
                f"{kills.missed} were not")
    test.tap.ok(kills.sent_again, "some were killed late, and went on", "none was")
    print(f"# {dict(kills.count)}, {kills.missed} had ended, {time.monotonic() - begin:.0f} s")
    print("# after late kills: " + " ".join(f"{100 * share:.0f}%" for share in sorted(kills.sent_again)) +
          " of a whole push was on the wire", flush=True)


def large(test):
    """An image of which an end holds a small part at once."""
    return test.spec(WHOLE, image={"packages": ["toy-hello"], "run": ["seq 1 12000000 >/srv/numbers"]})


def run(test):
    given = specs(test)
    for name in ("first", "next"):
        build(test, given[name])
    build(test, large(test))
    test.attempt("temporaries in a repository go when it is brought up to date", lambda: sweep(test))
    with place(test, "empty-store") as empty, place(test, "first-store") as first:
        kill(test, {WHOLE: empty, DERIVED: first})


if __name__ == "__main__":
    os.environ.pop("TMPDIR", None)  # the private view has no such folder
    fixture.main(run)
