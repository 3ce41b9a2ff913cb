# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Builds into a store whose filesystem fails at one operation, whichever is chosen: no bad stage is ever recorded, the
error is one line, and the next build, on a disk that works again, makes what a build makes that met no failure. Of the
root suite, with a few operations, and of the benchmark, with nearly all."""
import collections
import contextlib
import json
import os
import random
import re
import shutil
import subprocess

import contents
import failing
import killing
import sound
from fixture import orphans, program

ERROR = re.compile(r"^vmforge: (?!warning: )", re.MULTILINE)
NAMES = (  # of which each build has others
    (re.compile(r"\.tmp-\d+-[0-9a-f]+-"), ".tmp-"), (re.compile(r"[0-9a-f]{12,}"), "#"),
    (re.compile(r"(\.tmp/[\w.-]+\.)\w+"), r"\1#"), (re.compile(r"(keys/#\.gpg\.)\w+"), r"\1#"),
)


def kind_of(operation):
    """An operation without what differs from build to build."""
    for pattern, word in NAMES:
        operation = pattern.sub(word, operation)
    return operation


class Place:
    """A disk that fails, and a store on it. pool: of storage-file."""

    def __init__(self, test, pool):
        folder = os.path.join(test.work, f"pool-{pool}")
        os.makedirs(folder)
        self.test, self.pool, self.disk = test, pool, failing.Disk(folder, trace=True)
        self.store = os.path.join(self.disk.path, "store")
        # What the kernel keeps in memory of a file may be better than what is on the disk.
        self.behind = os.path.join(folder, "behind", "store") if pool == "never" else self.store

    def vmforge(self, *arguments):
        return self.test.vmforge(*arguments, "--storage", f"storage-file:pool={self.pool}", store=self.store)

    def end_mounts(self):
        done = self.vmforge("store", "umount")
        return program.said(done) if done.returncode and os.path.exists(self.store + "/store.json") else None

    @contextlib.contextmanager
    def pool_mounted(self):
        """By nobody's means but ours."""
        image, folder = os.path.join(self.store, "pool.img"), os.path.join(self.store, "pool")
        if not os.path.exists(image) or not os.path.isdir(folder):
            yield
            return
        subprocess.run(["mount", "-o", "ro,loop,nouuid", image, folder], check=True, capture_output=True, text=True)
        try:
            yield
        finally:
            subprocess.run(["umount", folder], check=True, capture_output=True, text=True)

    def empty(self):
        problem = self.end_mounts()
        if problem:
            raise RuntimeError(problem)
        shutil.rmtree(self.store, ignore_errors=True)

    def close(self):
        self.empty()
        self.disk.close()


class Writes:
    def __init__(self, test, pool, seed):
        self.test, self.random, self.hit = test, random.Random(seed), collections.Counter()
        self.spec, self.place = killing.make_spec(test), Place(test, pool)
        self.outcomes = collections.Counter()
        self.place.disk.arm("an error", 0)
        done = self.place.vmforge("build", self.spec)
        self.place.disk.disarm()
        if done.returncode:
            raise RuntimeError(program.said(done))
        self.operations = [kind_of(line) for line in self.place.disk.operations()]
        self.known = contents.Known({key: contents.tree_of(path)
                                     for key, path in sound.recorded(self.place.store).items()})

    def numbers(self, fault):
        """What an operation of this fault is counted as, in the undisturbed build: number → kind."""
        kinds = failing.FAULTS[fault][0]
        mine = [line for line in self.operations if failing.KINDS[line.split()[0]] & kinds]
        return dict(enumerate(mine, 1))

    def choose(self, fault, count):
        """So many numbers, of as many kinds as there are."""
        of_kind = collections.defaultdict(list)
        for number, kind in self.numbers(fault).items():
            of_kind[kind].append(number)
        kinds = sorted(of_kind)
        self.random.shuffle(kinds)
        return [self.random.choice(of_kind[kinds[i % len(kinds)]]) for i in range(count)]

    def build_on_dying_disk(self, stage, step):
        """No write into a volume succeeds once this step has begun."""
        build = subprocess.Popen([program.PROGRAM, "build", "--json", self.spec, "--store", self.place.store, "--storage",
                                  f"storage-file:pool={self.place.pool}"], stdin=subprocess.DEVNULL, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.test.toy.environment)
        for line in build.stdout:
            event = json.loads(line)
            if event.get("stage") == stage and event.get("message") == "vmforge: " + step:
                self.place.disk.arm("a dead disk", 1, "/volumes/" if self.place.pool == "never" else "/pool.img")
        errors = build.stderr.read()
        return subprocess.CompletedProcess(build.args, build.wait(), "", errors)

    def fail_at(self, fault, number, build=None):
        """What failed, None if the build was over before, and what is wrong then, as lines. build: another one, which may
        choose what fails."""
        place, before = self.place, self.test.snapshot(self.place.store)
        place.empty()
        place.disk.arm(fault, number)
        done = build() if build else place.vmforge("build", self.spec)
        what = place.disk.disarm()[1]
        wrong = self.judge(done) + [f"left: {line}" for line in before.leaks(5.0)]
        wrong += [f"after it: {line}" for line in self.unsound()]
        wrong += [f"the next build: {line}" for line in self.next_build()]
        wrong += [f"left in the end: {line}" for line in before.leaks(5.0)]
        if what:
            self.hit[kind_of(what)] += 1
        return what, "\n".join(wrong)

    def judge(self, done):
        """A failure that matters is one line and exit status 1, or 3 where it is the machine's; one that does not is
        none."""
        self.outcomes["failed" if done.returncode else "succeeded all the same"] += 1
        lines = len(ERROR.findall(done.stderr))
        if (done.returncode, lines) in ((0, 0), (1, 1), (3, 1)):
            return []
        return [f"exit status {done.returncode}, {lines} lines of error: {done.stderr}"]

    def unsound(self):
        """Of the disk, not of the kernel's memory."""
        place = self.place
        if not os.path.exists(place.store + "/store.json"):
            return []
        problem = place.end_mounts()
        if problem:
            return [problem]
        with place.pool_mounted():
            return sound.problems_of(place.behind) + self.known.problems(sound.recorded(place.behind))

    def next_build(self):
        done = self.place.vmforge("build", self.spec)
        if done.returncode:
            return [program.said(done)]
        missing = set(self.known.reference) - set(sound.recorded(self.place.store))
        lines = [f"stages that are not recorded: {missing}"] if missing else []
        return lines + self.unsound() + orphans(self.place.store)
