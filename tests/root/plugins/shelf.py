#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""The plugin `shelf` of docs/plugin-guide.md does what is said of it there: on a disk with XFS it passes `plugins
check` and keeps the volumes of a build, and elsewhere it refuses to clone."""
import contextlib
import json
import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "errors"), os.path.join(HERE, "..", "installed")]

# pylint: disable=wrong-import-position
import fixture
import guide
from fixture import judge, namespace, program
from installed import STAGES, run

NAME = "shelf"
DISK = 2 << 30


class Shelf:
    def __init__(self, test):
        self.test, self.disk = test, os.path.join(test.work, "disk")
        self.plugin = os.path.join(test.work, f"vmforge-{NAME}.so")

    def compile(self):
        """Nothing, or why it failed."""
        with open(os.path.join(program.SOURCE, "docs", "plugin-guide.md"), encoding="utf-8") as file:
            source = guide.plugins(file.read())[NAME]
        path = os.path.join(self.test.work, NAME + ".c")
        with open(path, "w", encoding="utf-8") as file:
            file.write(source)
        done = run("cc", "-std=c11", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-shared", "-fPIC",
                   f"-I{program.SOURCE}/core/include", "-o", self.plugin, path)
        if done.returncode:
            return done.stderr
        os.chmod(self.plugin, 0o755)
        return None

    @contextlib.contextmanager
    def mounted(self):
        """Another disk with XFS, for as long as this lasts; its loop device ends with the mount."""
        image = self.disk + ".img"
        os.makedirs(self.disk)
        with open(image, "wb") as file:
            file.truncate(DISK)
        for command in (["mkfs.xfs", "-q", "-m", "reflink=1", image], ["mount", "-o", "loop", image, self.disk]):
            done = run(*command)
            if done.returncode:
                raise RuntimeError(program.said(done))
        try:
            yield self.disk
        finally:
            namespace.umount(self.disk)
            os.remove(image)

    def build(self, spec, folder, *arguments, store=None):
        storage = ["--plugin", self.plugin, "--storage", f"{NAME}:dir={folder}"]
        return self.test.vmforge("build", *storage, *arguments, spec, store=store)

    def volumes(self):
        """Those of the one store that has a folder with any."""
        found = [[name for name in files if name.endswith(".raw")] for _, _, files in os.walk(self.disk)]
        return sorted(name for names in found for name in names)


def show_check(shelf):
    def check():
        done = program.vmforge("plugins", "check", "--json", "--parameters", f"dir={shelf.disk}", shelf.plugin)
        events = map(json.loads, done.stdout.splitlines())
        cases = {event["case"]: event for event in events if event["event"] == "case"}
        others = {name: case["outcome"] for name, case in cases.items() if case["outcome"] != "passed"}
        good = others == {"full": "skipped"} and cases["clone"]["note"] == "clones are instantaneous here"
        return None if good and done.returncode == 0 else program.said(done, 60)
    shelf.test.attempt("it passes the suite, but for the case that the guide says is skipped", check)


def show_build(shelf):
    spec = shelf.test.spec("shelved")

    def states(wanted):
        done = shelf.build(spec, shelf.disk, "--json")
        got = program.stage_events(done)
        return None if done.returncode == 0 and got == dict.fromkeys(STAGES, wanted) else f"{got}\n{program.said(done)}"

    def volumes():
        return None if len(shelf.volumes()) == len(STAGES) else str(shelf.volumes())
    shelf.test.attempt("four stages are built on the other disk", lambda: states("built"))
    shelf.test.attempt("their volumes are there", volumes)
    shelf.test.attempt("a second build makes nothing", lambda: states("reused"))


def show_refusals(shelf):
    def elsewhere():
        folder = os.path.join(shelf.test.work, "plain")
        with namespace.small_filesystem(folder, 512):  # tmpfs clones nothing
            os.mkdir(folder + "/volumes")
            done = shelf.build(shelf.test.spec("plain"), folder + "/volumes", store=folder + "/store")
        return judge(done, 3, rf".*{NAME}: the filesystem of '{folder}/volumes/[0-9a-f]*' cannot clone files: let dir= "
                     "name a folder on XFS or Btrfs")
    spec = shelf.test.spec("refused")
    shelf.test.attempt("where files cannot be cloned it says so", elsewhere)
    shelf.test.attempt("a parameter with another name is refused with a suggestion", lambda: judge(
        shelf.test.vmforge("build", "--plugin", shelf.plugin, "--storage", f"{NAME}:dri=/", spec), 2,
        rf"plugin '{NAME}' has no parameter 'dri' \(did you mean 'dir'\?\); it takes dir"))
    shelf.test.attempt("without a folder it says what to write", lambda: judge(
        shelf.test.vmforge("build", "--plugin", shelf.plugin, "--storage", NAME, spec), 2,
        rf"{NAME}: say where the volumes are to be: --storage {NAME}:dir=/FOLDER"))


def show(test):
    shelf = Shelf(test)
    problem = shelf.compile()
    if not test.tap.ok(not problem, "the plugin of the guide is compiled", problem):
        return
    with shelf.mounted():
        show_check(shelf)
        show_build(shelf)
    show_refusals(shelf)


if __name__ == "__main__":
    fixture.main(show)
