#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""64 builds of one spec at once, in a new store: each stage is built once, whoever waits says for whom, and where the
builder is killed one of those that wait takes over.

So that all of them do wait, the first builder is stopped (SIGSTOP) as soon as it builds, until the others have said what
they wait for."""
import collections
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "errors"), os.path.join(HERE, "..", "installed")]

# pylint: disable=wrong-import-position
import fixture
from together import STAGES, Build, new_store

COUNT = 64
PATIENCE = 240  # seconds; 64 package managers share the processors


def until(found, what):
    """The first true value of found()."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    raise TimeoutError(f"not within {PATIENCE} s: {what}")


def states(build, stage):
    return [event["state"] for event in build.events if event["event"] == "stage" and event["stage"] == stage]


def builder_of(builds, stage):
    return next((one for one in builds if "building" in states(one, stage)), None)


class Crowd:
    """stop_at: the stage whose builder is stopped until all others wait for it."""

    def __init__(self, test, store, spec, stop_at):
        self.builds = [Build(test, spec, store) for _ in range(COUNT)]
        try:
            self.first = until(lambda: builder_of(self.builds, stop_at), f"somebody builds {stop_at}")
            self.first.process.send_signal(signal.SIGSTOP)
            self.others = [one for one in self.builds if one is not self.first]
            self.waited = until(lambda: all(self.first.pid in one.holders() for one in self.others) or self.ended(),
                                f"all others wait for process {self.first.pid}")
        except Exception:
            self.kill()
            raise

    def ended(self):
        """A build that ended while its builder is stopped, which it cannot well: as a reason to stop waiting."""
        return [one for one in self.others if one.process.poll() is not None]

    def kill(self):
        for one in self.builds:
            one.process.kill()
            one.process.wait()

    def failed(self, builds):
        """Nothing, or what those that failed said."""
        end = time.monotonic() + PATIENCE
        texts = []
        for one in builds:
            try:
                status = one.process.wait(max(0.1, end - time.monotonic()))
            except Exception:
                self.kill()
                raise
            one.reader.join()
            if status:
                texts.append(f"status {status}: {one.text[-1000:]}")
        return f"{len(texts)} of {len(builds)} failed, one of them with {texts[0]}" if texts else None


def judge(crowd, killed_at=None):
    """Nothing, or how the stages ended. killed_at: the stage whose first builder was killed."""
    wrong = []
    for stage in STAGES:
        begun = sum("building" in states(one, stage) for one in crowd.builds)
        ends = collections.Counter(states(one, stage)[-1] for one in crowd.builds if states(one, stage))
        alive = ends["built"] + ends["reused"]
        if begun != 1 + (stage == killed_at) or ends["built"] != 1 or alive < len(crowd.others):
            wrong.append(f"stage '{stage}' was begun {begun} times, and ended so: {dict(ends)}")
    return "\n".join(wrong)


def who_waits(crowd):
    """Nothing, or which builds waited and named nobody, or somebody who is none of us."""
    pids = {one.pid for one in crowd.builds}
    wrong = [one.holders() for one in crowd.builds if not set(one.holders()) <= pids - {one.pid}]
    silent = [one.pid for one in crowd.others if crowd.first.pid not in one.holders()]
    return f"{wrong} were waited for, by {silent} not process {crowd.first.pid}" if wrong or silent else None


def fetched_twice(test):
    """Archives that came more than once: two builds of a stage would have brought them twice."""
    counts = collections.Counter(path for path in test.toy.server.log if path.endswith(".deb"))
    return [path for path, count in counts.items() if count > 1]


def all_at_once(test, store):
    test.toy.server.log.clear()
    crowd = Crowd(test, store, test.spec("crowd"), "core")
    crowd.first.process.send_signal(signal.SIGCONT)
    return crowd.failed(crowd.builds) or judge(crowd) or who_waits(crowd) or fetched_twice(test)


def one_takes_over(test, store):
    crowd = Crowd(test, store, test.spec("crowd", core={"packages": ["toy-lib", "toy-slow"]}), "core")
    crowd.first.process.kill()
    crowd.first.finish()
    return crowd.failed(crowd.others) or judge(crowd, "core") or who_waits(crowd)


def later_one_takes_over(test, store):
    """The builder of a stage above others dies: those below are not built again."""
    crowd = Crowd(test, store, test.spec("crowd", image={"packages": ["toy-slow"]}), "image")
    crowd.first.process.kill()
    crowd.first.finish()
    return crowd.failed(crowd.others) or judge(crowd, "image")


def run(test):
    for name, sentence, function in (
            ("crowd", f"{COUNT} builds at once build each stage once, and all others say whom they wait for",
             all_at_once),
            ("heirs", f"where the builder of the first stage is killed, one of {COUNT - 1} takes over",
             one_takes_over),
            ("later", "where the builder of a later stage is killed, one takes over that stage alone",
             later_one_takes_over)):
        with new_store(test, name) as store:
            begin = time.monotonic()
            test.attempt(sentence, lambda function=function, store=store: function(test, store), store)
            print(f"# {time.monotonic() - begin:.1f} s", flush=True)


if __name__ == "__main__":
    os.environ.pop("TMPDIR", None)  # the private view has no such folder
    fixture.main(run)
