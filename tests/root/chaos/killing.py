# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Commands that are killed at random moments, spread over all steps, and what must hold after each: nothing is left, the
store is sound, and the next build makes what a build makes that was never killed. Of the root suite, with few kills, and
of the benchmark, with many."""
import collections
import glob
import os
import random
import re
import shutil
import signal
import subprocess
import time

import contents
import sound
import victim
from fixture import leaks, orphans, program
from victim import ALL, BETWEEN, ENGINE, EXPORTING, FETCHING, PLANNING, PUBLISHING, RECORDING, STAGES, WORKER, Victim

os.environ.setdefault("SOURCE_DATE_EPOCH", "1700000000")  # the times in the EFI partition are among what is compared
NAME = "killed"
KEEPING = re.compile(r"^vmforge: (?!warning: )", re.MULTILINE)
# Commands beside build: what to count them as → arguments. A new one is one line.
COMMANDS = {
    "export": lambda kills: ["export", NAME, "--output", kills.output],
    "images rm": lambda kills: ["images", "rm", NAME],
    "stages rm": lambda kills: ["stages", "rm", kills.unneeded_stage()],
    "gc": lambda kills: ["gc", "--keep-days", "0", *kills.without_image()],
}


# What the plugin calls to make boot files; none of it boots.
LOADER = {
    "/usr/sbin/grub-mkconfig": "#!/bin/sh\nfor i in 1 2 3 4; do echo $i | sha256sum; done >$2\n",
    "/usr/sbin/grub-mkimage": "#!/bin/sh\necho $2 >$4\n",
    "/usr/sbin/grub-probe": "#!/bin/sh\n",
    "/usr/lib/grub/x86_64-efi/a.mod": "a module\n",
    "/usr/lib/grub/x86_64-efi/a.lst": "a list\n",
}


def make_spec(test):
    """Every step has something to do in the last stage, and what it does takes a moment."""
    stages = {}
    for stage, package in zip(STAGES, ("toy-lib", "toy-site", "toy-hello", "toy-links")):
        stages[stage] = {"packages": [package],
                         "run": ["for i in 1 2 3 4 5 6 7 8; do echo $i | sha256sum >>/srv/run; done"],
                         "files": [{"content": f"{stage} {i}", "to": f"/srv/{stage}/{i}"} for i in range(100)]}
    stages["core"]["files"] += [{"content": text, "to": path, "mode": "0755"} for path, text in LOADER.items()]
    stages["appliance"] |= {"hostname": "toy", "users": [{"name": "someone"}, {"name": "another"}]}
    return test.toy.spec(NAME, disk={"size": "320MiB", "firmware": ["uefi"]}, output={"formats": ["raw", "qcow2"]}, **stages)


class Reference:
    """A build in another store that nobody kills: its trees, its steps and how long they take."""

    def __init__(self, test, spec):
        store, self.seconds, self.steps = os.path.join(test.work, "reference"), {}, []
        begin = time.monotonic()
        build = Victim(test, store, ["build", "--json", spec], [])
        while build.process.poll() is None:
            build.drain(0.05)
        status, errors = build.finish()
        if status:
            raise RuntimeError(f"the reference build failed: {errors}")
        self.total = time.monotonic() - begin
        self.read(build.events, begin)
        self.keys = {stage: key for stage, (_, key) in build.states().items()}
        self.trees = {key: contents.tree_of(path) for key, path in sound.recorded(store).items()}
        if program.close_store(store):
            shutil.rmtree(store)

    def read(self, events, begin):
        """seconds: (stage, step) → duration."""
        started, sealed, previous = {}, None, begin
        for event in events:
            kind, stage, at = event["event"], event.get("stage"), event["at"]
            if kind == "stage" and event["state"] == "waiting":
                self.seconds.setdefault((STAGES[0], PLANNING), at - begin)
            elif kind == "stage" and event["state"] == "building":
                previous = at
            elif kind == "stage" and event["state"] == "built":
                self.seconds[stage, RECORDING] = at - sealed
                previous = at
            elif kind == "image":
                published = (STAGES[-1], PUBLISHING) in self.seconds
                self.seconds[STAGES[-1], EXPORTING if published else PUBLISHING] = at - previous
                previous = at
            elif kind == "log":
                match = victim.STEP.match(event["message"])
                if match and match[2] and match[1] in started:
                    self.seconds[stage, match[1]] = at - started[match[1]]
                    self.steps += [match[1]] if match[1] not in self.steps else []
                    sealed = at
                elif match:
                    self.seconds.setdefault((stage, FETCHING), at - previous)
                    started[match[1]] = at
        # A step that only some stages have stands between those that it stands between there.
        order = [step for stage, step in self.seconds if stage == STAGES[-1] and step in self.steps]
        self.steps = order + [step for step in self.steps if step not in order]


class Kills:
    def __init__(self, test, seed):
        self.test, self.random, self.count = test, random.Random(seed), collections.Counter()
        self.aimed = collections.Counter()
        self.whom, self.missed, self.tried = collections.Counter(), 0, 0
        self.output = os.path.join(test.work, "out", "exported")
        self.spec = make_spec(test)
        self.reference = Reference(test, self.spec)
        self.known = contents.Known(self.reference.trees)
        self.seconds = {name: 0.02 for name in COMMANDS if not test.vmforge(*name.split(), "--help").returncode}
        problem = self.next_build()
        if problem:
            raise RuntimeError(f"the first build: {problem}")

    def wanted(self):
        """Steps of which each is to be hit."""
        return [PLANNING, FETCHING, *self.reference.steps, RECORDING, PUBLISHING, EXPORTING, *self.seconds]

    def fewest(self):
        """A step that was hit least. What is hard to hit must not keep us from all others, so attempts count too."""
        weights = {step: self.count[step] + self.aimed[step] // 2 for step in self.wanted()}
        chosen = self.random.choice([step for step, weight in weights.items() if weight == min(weights.values())])
        self.aimed[chosen] += 1
        return chosen

    def without_image(self):
        """No stage is needed any more."""
        self.test.vmforge("images", "rm", NAME)
        return []

    def unneeded_stage(self):
        self.without_image()
        return self.reference.keys[STAGES[-1]]

    def remove_from(self, stage):
        """Stages and image are built anew from there on."""
        self.test.vmforge("images", "rm", NAME)
        for name in reversed(STAGES[STAGES.index(stage):]):
            done = self.test.vmforge("stages", "rm", self.reference.keys[name])
            if done.returncode:
                raise RuntimeError(program.said(done))

    def forget_packages(self):
        """So that there is something to fetch."""
        for path in leaks.files([os.path.join(self.test.store, "cache", "packages")]):
            if os.path.isfile(path):
                os.unlink(path)

    def choose_stage(self, target):
        """One that has this step; the longer it takes there the likelier, for in some there is nothing to do."""
        seconds = {stage: lasts for (stage, step), lasts in self.reference.seconds.items() if step == target}
        return self.random.choices(list(seconds) or STAGES, list(seconds.values()) or None)[0]

    def strike(self, command, whom):
        if not command.kill(whom):
            whom = ALL
            command.kill(whom)
        status, errors = command.finish()
        wanted = 1 if whom == WORKER else -signal.SIGKILL
        if status == 0:
            return None, None
        self.whom[whom] += 1
        if status != wanted or (whom == WORKER and len(KEEPING.findall(errors)) != 1):
            return whom, f"exit status {status}, not {wanted}, and it said: {errors}"
        return whom, None

    def kill_command(self, name):
        command = Victim(self.test, self.test.store, COMMANDS[name](self), self.reference.steps)
        begin = time.monotonic()
        time.sleep(self.random.random() * self.seconds[name])
        whom, problem = self.strike(command, ALL)
        if whom is None:  # it takes less than that
            self.seconds[name] = max(0.002, (time.monotonic() - begin) * 0.9)
        return name, whom, problem

    def kill_export(self, output, share):
        """What lies beside the file, and the exit status."""
        begin = time.monotonic()
        self.test.vmforge("export", NAME, "--output", output + ".whole")
        seconds = time.monotonic() - begin
        os.unlink(output + ".whole")
        command = Victim(self.test, self.test.store, ["export", NAME, "--output", output], self.reference.steps)
        time.sleep(seconds * share)
        command.kill(ENGINE)
        status = command.finish()[0]
        return [path for path in leaks.files([os.path.dirname(output)]) if path != output], status

    def kill_planning(self, share):
        """What is left outside of the store by a build killed while apt looks for news, and its exit status."""
        before = self.test.snapshot()
        build = Victim(self.test, self.test.store, ["build", "--json", "--refresh", "0", self.spec], [])
        time.sleep(self.reference.seconds[STAGES[0], PLANNING] * share)
        build.kill(ALL)
        status = build.finish()[0]
        return before.leaks(), status

    def kill_once(self):
        """What was hit, in words, and what is wrong then, as lines. The former is None if it had ended."""
        before, self.tried = self.test.snapshot(), self.tried + 1
        target = self.fewest()
        if target in COMMANDS:
            hit, whom, problem = self.kill_command(target)
        else:
            if self.tried % 8 == 0:
                target = None
            hit, whom, problem = self.build_and_kill(target)
        left = before.leaks(5.0)
        if whom is None:
            self.missed += 1
        else:
            self.count[hit] += 1
        wrong = [problem] if problem else []
        wrong += [f"left: {line}" for line in left]
        wrong += [f"left: {path}" for path in leaks.files([os.path.dirname(self.output)]) if path != self.output]
        shutil.rmtree(os.path.dirname(self.output), ignore_errors=True)
        if whom == WORKER:  # the engine lives, and clears up by itself
            wrong += [f"left by the engine: {path}" for path in orphans(self.test.store)]
        wrong += [f"after the kill: {line}" for line in self.unsound()]
        problem = self.next_build(before)
        wrong += [f"the next build: {problem}"] if problem else []
        return (f"{hit}, {whom}" if whom else None), "\n".join(wrong)

    def build_and_kill(self, target):
        """At the target step of a random stage that has it, or, without target, at any moment: what was hit, whom, what is
        wrong."""
        stage = self.choose_stage(target)
        self.remove_from(stage)
        if self.random.random() < 0.3 or target == FETCHING:
            self.forget_packages()
        refresh = ["--refresh", "0"] if target == PLANNING else []
        build = Victim(self.test, self.test.store, ["build", "--json", *refresh, self.spec], self.reference.steps)
        if target:
            build.go_to(stage, target, self.reference.seconds[stage, target], self.random.random() * 0.9)
        else:
            time.sleep(self.random.random() * self.reference.total)
        whom, problem = self.strike(build, self.random.choice((ALL, ALL, ENGINE, WORKER)))
        return build.moment() if whom else None, whom, problem

    def unsound(self):
        """Lines, of vmforge's own check and of ours, which knows nothing of it."""
        done = self.test.vmforge("fsck") if os.path.exists(f"{self.test.store}/store.json") else None
        lines = [program.said(done)] if done and done.returncode else []
        return lines + sound.problems_of(self.test.store) + self.known.problems(sound.recorded(self.test.store))

    def next_build(self, before=None):
        """Nothing, or what is wrong with a build that nobody kills."""
        store = self.test.store
        done = self.test.vmforge("build", self.spec)
        if done.returncode:
            return program.said(done)
        lines = self.unsound()
        missing = set(self.reference.trees) - set(sound.recorded(store))
        lines += [f"stages that are not recorded: {missing}"] if missing else []
        lines += self.test.left_behind(before, store) if before else orphans(store)
        lines += leaks.files(glob.glob(f"{store}/cache/apt/*.tmp"))
        return "\n".join([*lines, *self.compare_export()])

    def compare_export(self):
        """What is in exports/ is what is in the volume of the last stage, and there is one."""
        volume = sound.recorded(self.test.store)[self.reference.keys[STAGES[-1]]]
        exports = [path for path in glob.glob(f"{self.test.store}/exports/*") if not path.endswith(".json")]
        if len(exports) != 1:
            return [f"exports/ has {len(exports)} files"]
        done = subprocess.run(["qemu-img", "compare", "-f", "qcow2", "-F", "raw", exports[0], volume], check=False,
                              capture_output=True, text=True)
        return [f"the export differs: {done.stdout}{done.stderr}"] if done.returncode else []

    def table(self):
        width = max(map(len, self.wanted()))
        order = [*self.wanted(), BETWEEN]
        lines = [f"{step:{width}} {self.count[step]:5}" for step in order]
        lines += [f"{whom:{width}} {number:5}" for whom, number in self.whom.items()]
        return "\n".join([*lines, f"{'missed, not counted':{width}} {self.missed:5}"])
