#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A build that is stopped, by ^C and by SIGKILL, at each step of each stage: nothing is left, and the next build works.

One build that may finish tells, by its events, which steps there are and how long each stage takes. Then other builds
are stopped as soon as a step is announced, and, because short steps are not, at even distances through each stage."""
import collections
import glob
import json
import os
import re
import select
import signal
import subprocess
import time

import fixture
from fixture import namespace, program

PATIENCE = 30  # seconds for the program to end, or for a step to come
STAGES = ("core", "base", "image", "appliance")
SWEEP = 8      # points in each stage
ENDS = {signal.SIGINT: 130, signal.SIGKILL: -signal.SIGKILL}

Point = collections.namedtuple("Point", "stage what delay")  # seconds after `what` was announced


class Build:
    """A build in a session of its own, as on a terminal; its events are read as they come."""

    def __init__(self, test, spec):
        self.process = subprocess.Popen([program.PROGRAM, "build", "--json", spec, "--store", test.store],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=test.toy.environment, start_new_session=True)
        self.rest = b""
        self.seconds = {}  # stage → time to build

    def steps(self):
        """Yields (stage, what) once for each, while they begin; stage is None while planning."""
        seen, end = set(), time.monotonic() + PATIENCE
        while select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                return
            *lines, self.rest = (self.rest + chunk).split(b"\n")
            for line in lines:
                event = json.loads(line)
                if event["event"] not in ("stage", "progress"):
                    continue
                if event.get("state") == "built":
                    self.seconds[event["stage"]] = event["seconds"]
                step = (event.get("stage"), event.get("message") or event.get("state"))
                if step[1] and step not in seen:
                    seen.add(step)
                    yield step

    def finish(self):
        """Standard error, once it has ended."""
        try:
            return self.process.communicate(timeout=PATIENCE)[1].decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
            return f"still running {PATIENCE} s after the signal"


def new_spec(test, name, new):
    """The stage `new` and those above differ from those of every other name. Each has a package, a file, a command."""
    stages = {}
    for stage, package in zip(STAGES, ("toy-lib", "toy-site", "toy-hello", "toy-links")):
        text = name if stage == new else "the same"
        stages[stage] = {"packages": [package], "run": [f"echo {text}; sleep 0.2"],
                         "files": [{"content": text, "to": "/srv/name"}]}
    stages["appliance"] |= {"hostname": "toy", "users": [{"name": "someone"}]}
    return test.toy.spec(name, output={"formats": ["raw", "qcow2"]}, **stages)


class Stopper:
    """Stops builds, and keeps count of what it hit."""

    def __init__(self, test):
        self.test, self.tried, self.hit, self.steps = test, 0, 0, set()

    def stop(self, point, number, whole_group):
        """Nothing, or what is wrong. A point that this build does not come to, or passes at once, is not held against
        the program; reached() is for that."""
        self.tried += 1
        name, before = f"stopped-{self.tried}", self.test.snapshot()
        build = Build(self.test, new_spec(self.test, name, point.stage or "appliance"))
        if any(step == (point.stage, point.what) for step in build.steps()):
            time.sleep(point.delay)
            (os.killpg if whole_group else os.kill)(build.process.pid, number)
        errors, status = build.finish(), build.process.returncode
        namespace.reap()
        # Who asks politely gets all of it back when the program ends, not soon after.
        left = before.leaks(patience=0) if number == signal.SIGINT else []
        if left:
            return "\n".join(["left at the end of the program:", *left])
        if status == 0:
            return None
        if status != ENDS[number]:
            return f"exit status {status}: {errors}"
        self.hit += 1
        self.steps |= self.last_step(point.stage)
        lines = [line for line in errors.splitlines() if not line.startswith("vmforge: warning: ")]
        return f"it said more than one line: {errors}" if len(lines) > 1 else None

    def last_step(self, stage):
        """What the worker was at, by its newest log."""
        logs = sorted(glob.glob(f"{self.test.store}/logs/{stage}-*.log"), key=os.path.getmtime)
        if not logs:
            return set()
        with open(logs[-1], encoding="utf-8", errors="replace") as file:
            return set(re.findall(r"^vmforge: ([a-z' ]+)$", file.read(), re.MULTILINE)[-1:])

    def reached(self):
        self.test.tap.ok(self.hit * 2 >= self.tried, "most of these builds were still running when they were stopped",
                         f"{self.hit} of {self.tried}")
        print(f"# {self.hit} of {self.tried} were stopped, in: {', '.join(sorted(self.steps))}", flush=True)


def points(steps, seconds, sweep):
    announced = [Point(*step, 0.0) for step in steps if step[1] not in ("waiting", "built", "reused")]
    return announced + [Point(stage, "building", seconds[stage] * part / sweep)
                        for stage in STAGES for part in range(1, sweep)]


def title(point):
    return f"{point.stage or 'planning'}, {point.what}" + (f" for {point.delay:.2f} s" if point.delay else "")


def run(test):
    reference = Build(test, new_spec(test, "reference", None))
    steps = list(reference.steps())
    errors = reference.finish()
    if not test.tap.ok(reference.process.returncode == 0 and len(reference.seconds) == len(STAGES),
                       "a build that is left alone succeeds", errors):
        return
    stopper = Stopper(test)
    for number, point in enumerate(points(steps, reference.seconds, SWEEP)):
        test.attempt(f"^C leaves nothing: {title(point)}",
                     lambda point=point, number=number: stopper.stop(point, signal.SIGINT, number % 2 == 0))
    stopper.reached()

    stopper = Stopper(test)
    for point in points(steps[::4], reference.seconds, SWEEP // 2):
        before = test.snapshot()
        problem = stopper.stop(point, signal.SIGKILL, False)
        left = before.leaks()
        test.tap.ok(not problem and not left, f"SIGKILL leaves no mount, loop device or process: {title(point)}",
                    "\n".join([problem or "", *left]))
        done = test.vmforge("build", new_spec(test, "reference", None))
        left = test.left_behind(before)
        test.tap.ok(done.returncode == 0 and not left, f"the next build removes what SIGKILL left: {title(point)}",
                    "\n".join([done.stderr, *left]))
    stopper.reached()


if __name__ == "__main__":
    fixture.main(run)
