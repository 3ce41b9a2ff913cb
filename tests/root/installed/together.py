#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Several builds in one store, at once and one after the other: what is shared, what is waited for, what is kept."""
import collections
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import fixture
from fixture import leaks, namespace, program
from keeping import show_formats, show_images, show_kept, show_outputs, show_refusals, show_results, show_talk
from collecting import show_collection
from sharing import show_shared

STAGES = ("core", "base", "image", "appliance")
PATIENCE = 60
HOLDER = re.compile(r"process (\d+) builds this stage")
PACKAGE_TOOLS = ("apt-get", "apt-config", "/usr/lib/apt/apt-helper", "dpkg", "dpkg-deb", "bwrap")


class Build:
    """A build that runs; its events are read by a thread of its own."""

    def __init__(self, test, spec, store, *arguments):
        self.process = subprocess.Popen(
            [program.PROGRAM, "build", "--json", *arguments, spec, "--store", store], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=test.toy.environment)
        self.pid, self.events, self.text = self.process.pid, [], ""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.text += line
            with contextlib.suppress(ValueError):
                self.events.append(json.loads(line))

    def wait_for(self, stage, found):
        """The first event of this stage for which found(event) holds."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            for event in list(self.events):
                if event["event"] == "stage" and event["stage"] == stage and found(event):
                    return event
            time.sleep(0.02)
        raise TimeoutError(f"nothing of stage '{stage}': {self.text[-1500:]}")

    def finish(self):
        """The exit status."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.reader.join()
        return status

    def stages(self, member):
        """Stage → the last value of this member of its events."""
        return {event["stage"]: event[member] for event in self.events if event["event"] == "stage"}

    def holders(self):
        """Processes that it said it waits for."""
        told = [HOLDER.search(event.get("message") or "") for event in self.events if event["event"] == "stage"]
        return [int(found[1]) for found in told if found]


def build(test, spec, *arguments, store=None):
    """A build that has succeeded."""
    done = Build(test, spec, store or test.store, *arguments)
    status = done.finish()
    if status:
        raise RuntimeError(f"exit status {status}: {done.text[-1500:]}")
    return done


def states(test, spec, wanted, *arguments):
    """Nothing, or how the states of the stages, a word, differ."""
    got = " ".join(build(test, spec, *arguments).stages("state").values())
    return None if got == wanted else f"the stages were {got}, not {wanted}"


@contextlib.contextmanager
def new_store(test, name):
    store = os.path.join(test.work, name)
    try:
        yield store
    finally:
        if program.close_store(store):
            shutil.rmtree(store, ignore_errors=True)


def build_at_once(test, store, count):
    """Nothing, or what is wrong."""
    spec = test.spec("at-once")
    builds = [Build(test, spec, store) for _ in range(count)]
    failed = [one.text[-1500:] for one in builds if one.finish()]
    if failed:
        return f"{len(failed)} failed, one of them with:\n{failed[0]}"
    ends = collections.Counter((stage, state) for one in builds for stage, state in one.stages("state").items())
    wanted = {(stage, "built"): 1 for stage in STAGES} | {(stage, "reused"): count - 1 for stage in STAGES}
    if ends != wanted:
        return f"the stages ended so: {dict(ends)}"
    pids = {one.pid for one in builds}
    wrong = [one.holders() for one in builds if not set(one.holders()) <= pids - {one.pid}]
    if wrong or not any(one.holders() for one in builds):
        return f"of the builds {sorted(pids)}, these were waited for: {[one.holders() for one in builds]}"
    return None


def take_over(test, store):
    """The first build is killed in its image stage, for which the second waits. Nothing, or what is wrong."""
    spec = test.spec("taken-over", image={"packages": ["toy-slow"]})
    first = Build(test, spec, store)
    first.wait_for("image", lambda event: event["state"] == "building")
    second = Build(test, spec, store)
    second.wait_for("image", lambda event: HOLDER.search(event.get("message") or ""))
    first.process.kill()
    if first.finish() == 0:
        return "the first had ended before it was killed"
    if second.finish():
        return second.text[-1500:]
    got = " ".join(second.stages("state").values())
    if got != "reused reused built built" or first.pid not in second.holders():
        return f"the stages were {got}"
    build(test, spec, store=store)  # a command that opens the store removes what was left by the first
    return None


def show_at_once(test):
    for count, word in ((2, "two"), (8, "eight")):
        with new_store(test, word) as store:
            test.attempt(f"{word} builds of one spec at once build each stage once, and say who is waited for",
                         lambda store=store, count=count: build_at_once(test, store, count), store)
    with new_store(test, "taken-over") as store:
        test.attempt("where the builder is killed, the one that waits takes over, and the next removes the remains",
                     lambda: take_over(test, store), store)


@contextlib.contextmanager
def without_package_tools(test):
    """Nobody can run them: an empty file lies over each. mkfs.ext4 and its like, whose very files enter a key, stay;
    the worker, which alone runs them, does not."""
    with open(os.path.join(os.path.dirname(program.PROGRAM), "vmforge-tree.conf"), encoding="utf-8") as file:
        worker = re.search(r"^worker=(.*)$", file.read(), re.MULTILINE)[1]
    with contextlib.ExitStack() as stack:
        for name in (*PACKAGE_TOOLS, worker):
            stack.enter_context(namespace.without_program(shutil.which(name), test.empty))
        yield


def reuse_without_tools(test, spec):
    with without_package_tools(test):
        return states(test, spec, "reused reused reused reused")


def stop_and_go_on(test):
    spec = test.spec("stopped", base={"packages": ["toy-links"]})
    problem = states(test, spec, "reused built", "--until", "base")
    if problem:
        return problem
    if "stopped" in test.vmforge("images", "list").stdout:
        return "an image was published"
    return states(test, spec, "reused reused built built")


def show_reuse(test):
    first = test.spec("first")
    test.attempt("a new store builds all stages", lambda: states(test, first, "built built built built"))
    test.attempt("a second build of the spec runs no package tool", lambda: reuse_without_tools(test, first))
    test.attempt("a spec of another name, version and output reuses every stage", lambda: states(
        test, test.spec("second", version="2", output={"formats": ["raw", "qcow2"]}), "reused reused reused reused"))
    test.attempt("a spec that differs in the appliance builds that alone", lambda: states(
        test, test.spec("third", appliance={"hostname": "other"}), "reused reused reused built"))
    test.attempt("volumes in another place are other volumes, and a message says how to reach them",
                 lambda: two_places(test))
    test.attempt("a build up to base publishes nothing, and the whole goes on from there", lambda: stop_and_go_on(test))


def two_places(test):
    """One store, one plugin, volumes in two folders: each has its own, under a name of its own. Nothing, or what is
    wrong."""
    spec, built, reused = test.spec("places"), "built built built built", "reused reused reused reused"
    with new_store(test, "places") as store:
        folders = [os.path.join(test.work, name) for name in ("here", "there")]
        for folder in folders:
            os.makedirs(folder)
        settings = [f"storage-file:pool=never,dir={folder}" for folder in folders]
        for setting, wanted in ((settings[0], built), (settings[1], built), (settings[0], reused),
                                (settings[1] + ",pool_size=4GiB", reused)):
            got = " ".join(build(test, spec, "--storage", setting, store=store).stages("state").values())
            if got != wanted:
                return f"{setting}: the stages were {got}"
        listed = test.vmforge("stages", "list", "--json", store=store)
        names = collections.Counter(stage["storage"] for stage in json.loads(listed.stdout))
        if names != {"storage-file": 4, "storage-file-2": 4}:
            return f"the storages are {names}"
        done = test.vmforge("images", "path", "places", "--storage", "storage-file:pool=never", store=store)
        told = all(setting in done.stderr for setting in settings)
        for folder in folders:
            shutil.rmtree(folder)
        return None if done.returncode == 2 and told else program.said(done)


def keys(test, spec, store, *arguments):
    return build(test, spec, *arguments, store=store).stages("key")


@contextlib.contextmanager
def host_mirror(test):
    """The host's own apt sources name another mirror of the archive."""
    os.makedirs(test.toy.archive_path("second"))
    os.symlink("../good", test.toy.archive_path("second") + "/good")
    folder = os.path.join(test.work, "sources.list.d")
    os.makedirs(folder)
    with open(os.path.join(folder, "toy.list"), "w", encoding="utf-8") as file:
        file.write(f"deb [signed-by={test.toy.key}] {test.toy.url('second/good')} toy main\n")
    with namespace.mounted(folder, "/etc/apt/sources.list.d", flags=namespace.MS_BIND):
        yield


def show_keys(test):
    spec = test.spec("keys")
    here = keys(test, spec, test.store)

    def same(there):
        return None if there == here else f"{here}\n{there}"
    with new_store(test, "elsewhere/deep") as store:
        test.attempt("no key depends on the path of the store or its storage setting",
                     lambda: same(keys(test, spec, store, "--storage", "storage-file:pool=never")), store)
    with host_mirror(test), new_store(test, "mirrored") as store:
        test.toy.server.log.clear()
        test.attempt("no key depends on the mirror that the host uses", lambda: same(keys(test, spec, store)), store)
        asked = {path.split("/")[1] for path in test.toy.server.log}
        test.tap.ok(asked == {"second"}, "and that mirror was used", asked)


def held(store):
    """Mounts and loop devices of a store."""
    return [mount for mount in leaks.mounts() if mount.startswith(store + "/")] + list(leaks.loops([store]))


def refuse_umount(test):
    running = Build(test, test.spec("running", appliance={"packages": ["toy-slow"]}), test.store)
    running.wait_for("appliance", lambda event: event["state"] == "building")
    done = test.vmforge("store", "umount")
    status = running.finish()
    return running.text[-1500:] if status else fixture.judge(done, done.returncode or 1, ".*")


def umount_and_build(test):
    done = test.vmforge("store", "umount")
    left = held(test.store)
    if done.returncode or left:
        return program.said(done) + f"\nthere is still: {left}"
    return states(test, test.spec("after"), "reused reused reused reused")


def run(test):
    show_at_once(test)
    show_reuse(test)
    show_keys(test)
    show_kept(test)
    show_images(test)
    show_outputs(test)
    show_formats(test)
    show_talk(test)
    show_results(test)
    show_shared(test)
    show_collection(test, new_store)
    show_refusals(test, lambda spec: Build(test, spec, test.store))
    test.attempt("`store umount` refuses while a build runs", lambda: refuse_umount(test))
    test.attempt("`store umount` leaves neither mount nor loop device, and the next build works",
                 lambda: umount_and_build(test))


if __name__ == "__main__":
    os.environ.pop("TMPDIR", None)  # the private view has no such folder
    fixture.main(run)
