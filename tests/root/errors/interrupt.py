#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A build that is stopped, by ^C and by SIGKILL, at each step of each stage: nothing is left, and the next build works.

One build that may finish tells which steps there are, by its events. Then each step of a new build is interrupted
as soon as it is announced."""
import json
import os
import select
import signal
import subprocess
import time

import fixture
from fixture import namespace, program

PATIENCE = 30  # seconds for the program to end, or for a step to come


class Build:
    """A build in a session of its own, as on a terminal; its events are read as they come."""

    def __init__(self, test, spec):
        self.process = subprocess.Popen([program.PROGRAM, "build", "--json", spec, "--store", test.store],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=test.toy.environment, start_new_session=True)
        self.rest = b""

    def steps(self):
        """Yields (stage, what) once for each, while they begin; (None, …) while planning."""
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


def new_spec(test, name, new="core"):
    """The stages from `new` on differ from those of every other name. Each has a package, a file and a command."""
    stages = {}
    for stage, package in (("core", "toy-lib"), ("base", "toy-site"), ("image", "toy-hello"), ("appliance", "toy-links")):
        text = name if stage == new else "the same"
        stages[stage] = {"packages": [package], "run": [f"echo {text}"], "files": [{"content": text, "to": "/srv/name"}]}
    stages["appliance"] |= {"hostname": "toy", "users": [{"name": "someone"}]}
    return test.toy.spec(name, output={"formats": ["raw", "qcow2"]}, **stages)


def interrupt(test, name, step, number, whole_group):
    """Nothing, or what is wrong. A step too short to be announced in this run is not held against the program."""
    build = Build(test, new_spec(test, name, step[0] or "appliance"))
    reached = any(found == step for found in build.steps())
    if reached:
        (os.killpg if whole_group else os.kill)(build.process.pid, number)
    errors, status = build.finish(), build.process.returncode
    namespace.reap()
    if not reached:
        return None if status == 0 else f"the build failed by itself: {errors}"
    if status not in ((130, 0) if number == signal.SIGINT else (-number, 0)):
        return f"exit status {status}: {errors}"
    lines = [line for line in errors.splitlines() if not line.startswith("vmforge: warning: ")]
    return f"it said more than one line: {errors}" if len(lines) > 1 else None


def run(test):
    reference = Build(test, new_spec(test, "reference", new=None))
    steps = list(reference.steps())
    errors = reference.finish()
    if not test.tap.ok(reference.process.returncode == 0 and steps, "a build that is left alone succeeds", errors):
        return
    print(f"# {len(steps)} steps", flush=True)
    for number, step in enumerate(steps):
        title = f"{step[0] or 'planning'}, {step[1]}"
        test.attempt(f"^C leaves nothing: {title}",
                     lambda: interrupt(test, f"int-{number}", step, signal.SIGINT, number % 2 == 0))

    for number, step in enumerate(steps[::3]):
        title = f"{step[0] or 'planning'}, {step[1]}"
        before = test.snapshot()
        problem = interrupt(test, f"kill-{number}", step, signal.SIGKILL, False)
        left = before.leaks()
        test.tap.ok(not problem and not left, f"SIGKILL leaves no mount, loop device or process: {title}",
                    "\n".join([problem or "", *left]))
        done = test.vmforge("build", test.toy.spec("reference-again", core={"packages": ["toy-lib"]}))
        left = test.left_behind(before)
        test.tap.ok(done.returncode == 0 and not left, f"the next build removes what SIGKILL left: {title}",
                    "\n".join([done.stderr, *left]))


if __name__ == "__main__":
    fixture.main(run)
