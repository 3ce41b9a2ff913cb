# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A command that is killed, at a step of a build that was chosen before.

Steps of a millisecond are hit by creeping: the process that does the work is stopped and let go in slices that are
shorter than the step, and what it logged says how far it is. What it was at when it was killed is read from the log and
the store once it is dead, so a step that was missed counts for the one that was hit."""
import contextlib
import glob
import json
import os
import re
import select
import signal
import subprocess
import time

from fixture import namespace, program

PATIENCE = 60
STAGES = ("core", "base", "image", "appliance")
LEAST_SLICE = 0.0001  # seconds
SHORT = 0.002         # what is shorter may be over before a process that sleeps so long is woken
STEP = re.compile(r"^vmforge: (.*?)( took [0-9.]+ s)?$", re.MULTILINE)
PLANNING, BETWEEN, FETCHING = "planning", "between stages", "fetching packages"
RECORDING, PUBLISHING, EXPORTING = "recording the stage", "publishing the image", "writing its formats"
ALL, ENGINE, WORKER = "all its processes", "the engine alone", "the worker alone"


def children(pid):
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as file:
            found += map(int, file.read().split())
    return found


def descendants(pid):
    return [one for child in children(pid) for one in (child, *descendants(child))]


def describe(pid):
    fields = {}
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return " ".join([f"process {pid}:", *(fields.get(name, "") for name in ("Name", "State", "PPid", "Threads"))])


def is_worker(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
        return file.read().startswith("vmforge-worker")
    return False


def workers(engine):
    """From the one that the engine started to the one that does the work, which is the third; fewer while they start. What
    that one starts has its name until it is another program."""
    chain, pid = [], engine
    while pid and len(chain) < 3:
        pid = next((child for child in children(pid) if is_worker(child)), None)
        chain += [pid] if pid else []
    return chain


def send(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Victim:
    """steps: those of a worker, in their order."""

    def __init__(self, test, store, arguments, steps):
        self.store, self.steps, self.events, self.rest, self.errors = store, steps, [], b"", b""
        self.output = open(os.path.join(test.work, "victim.err"), "w+b")  # a pipe could block it
        self.process = subprocess.Popen(
            [program.PROGRAM, *arguments, "--store", store], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.output, env=test.toy.environment, start_new_session=True)
        os.set_blocking(self.process.stdout.fileno(), False)

    def drain(self, seconds=0.0):
        """Reads the events that are there, or the first to come."""
        if self.process.stdout.closed:
            return
        if seconds:
            select.select([self.process.stdout], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            while True:
                chunk = os.read(self.process.stdout.fileno(), 1 << 16)
                if not chunk:
                    break
                *lines, self.rest = (self.rest + chunk).split(b"\n")
                for line in lines:
                    with contextlib.suppress(ValueError):
                        self.events.append(json.loads(line) | {"at": time.monotonic()})

    def states(self):
        """Stage → (last state, key)."""
        return {event["stage"]: (event["state"], event["key"]) for event in self.events if event["event"] == "stage"}

    def moment(self):
        """The step that the build is at."""
        self.drain()
        states = self.states()
        for stage, (state, key) in states.items():
            if state in ("building", "failed"):
                return self.moment_of_stage(f"{self.store}/logs/{stage}-{key[:12]}.log")
        if not states:
            return PLANNING
        if any(state not in ("built", "reused") for state, _ in states.values()):
            return BETWEEN
        return EXPORTING if any(event["event"] == "image" for event in self.events) else PUBLISHING

    def moment_of_stage(self, log):
        try:
            with open(log, encoding="utf-8", errors="replace") as file:
                found = [step for step in STEP.findall(file.read()) if step[0] in self.steps]
        except OSError:
            return RECORDING  # the log was moved into the stage
        if not found:
            return FETCHING
        step, took = found[-1]
        return RECORDING if took and step == self.steps[-1] else step

    def is_past(self, moment, target):
        order = [PLANNING, BETWEEN, FETCHING, *self.steps, RECORDING, PUBLISHING, EXPORTING]
        return order.index(moment) > order.index(target)

    def wait_for_stage(self, stage):
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and self.states().get(stage, (None,))[0] not in ("building", "built"):
            if time.monotonic() > end:
                raise TimeoutError(f"stage '{stage}' was not begun within {PATIENCE} s")
            self.drain(0.5)

    def wait_for_worker(self):
        """The process that does the work; None if the engine ended before."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            chain = workers(self.process.pid)
            if len(chain) >= 3:
                return chain[-1]
            if self.moment() == RECORDING:
                break
            time.sleep(LEAST_SLICE)
        return None

    def creep_to(self, pid, target, duration):
        """Leaves the process stopped, at the target or past it."""
        wanted, end = max(LEAST_SLICE, duration / 3 - SHORT), time.monotonic() + PATIENCE
        while self.process.poll() is None:
            send(pid, signal.SIGSTOP)
            moment = self.moment()
            if moment == target or self.is_past(moment, target):
                return moment == target
            if time.monotonic() > end:
                raise TimeoutError(f"'{target}' was not reached within {PATIENCE} s, but '{moment}'")
            send(pid, signal.SIGCONT)
            time.sleep(wanted)
        return False

    def go_to(self, stage, target, duration, share):
        """Into the step, by this share of what it lasts."""
        if target == PLANNING:
            time.sleep(duration * share)
            return
        self.wait_for_stage(stage)
        in_worker = target in self.steps
        pid = self.wait_for_worker() if in_worker else self.process.pid
        if pid is None:
            return
        if target in (PUBLISHING, EXPORTING, RECORDING):
            self.wait_until_near(RECORDING)
        if self.creep_to(pid, target, duration) and duration * share > SHORT:
            send(pid, signal.SIGCONT)
            time.sleep(duration * share)

    def wait_until_near(self, step):
        """Until sealing has begun, by its events: what comes then is the engine's."""
        near = (self.steps[-1], step, PUBLISHING, EXPORTING)
        while self.process.poll() is None and self.moment() not in near:
            self.drain(0.5)

    def kill(self, whom):
        """FALSE if there is no worker to kill. A worker has a process group of its own, so all have to be found."""
        chain = workers(self.process.pid) if whom == WORKER else []
        if whom == WORKER and not chain:
            return False
        if whom == WORKER:
            send(chain[len(self.events) % len(chain)], signal.SIGKILL)
        else:
            for pid in [self.process.pid, *(descendants(self.process.pid) if whom == ALL else [])]:
                send(pid, signal.SIGKILL)
        if whom == WORKER:
            send(self.process.pid, signal.SIGCONT)
        return True

    def finish(self):
        """Exit status and standard error, once it has ended."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            self.drain(0.05)
        if self.process.poll() is None:
            alive = [describe(pid) for pid in (self.process.pid, *descendants(self.process.pid))]
            self.kill(ALL)
            self.process.wait()
            self.drain()
            alive += [f"{event}" for event in self.events[-5:]]
            raise TimeoutError("\n".join([f"the command was still running {PATIENCE} s after the kill:", *alive]))
        status = self.process.returncode
        self.drain()
        self.process.stdout.close()
        with self.output:
            self.output.seek(0)
            errors = self.output.read().decode("utf-8", "replace")
        namespace.reap()
        return status, errors
