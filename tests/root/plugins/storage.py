#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A storage plugin as a stranger begins it: the project of `plugins new storage` keeps the volumes of a build."""
import json
import os
import re
import signal
import subprocess
import time

import stranger
from fixture import judge, namespace, program
from installed import STAGES

NAME = "my-files"


def volumes(store):
    return sorted(os.listdir(f"{store}/{NAME}"))


def states(test, project, spec, wanted, *arguments):
    """Nothing, or how the build went wrong."""
    done = test.vmforge("build", "--json", "--plugin", project.plugin, "--storage", NAME, spec, *arguments)
    got = program.stage_events(done)
    if done.returncode or got != dict.fromkeys(STAGES, wanted):
        return f"{got}\n{program.said(done)}"
    return None


def show_build(test, project):
    def build():
        return states(test, project, test.spec("strange"), "built")

    def content():
        inside = stranger.shell(test, test.store, "strange", "cat /usr/share/toy/lib /etc/hostname\n", "--plugin",
                                project.plugin, "--storage", NAME)
        return None if inside == "lib\ntoy\n" else inside

    def sealed():
        modes = {name: os.stat(f"{test.store}/{NAME}/{name}").st_mode & 0o777 for name in volumes(test.store)}
        good = len(modes) == len(STAGES) and set(modes.values()) == {0o400} and \
            all(re.fullmatch(r"[0-9a-f]{32}\.raw", name) for name in modes)
        return None if good else str(modes)

    def sparse():
        places = [os.stat(f"{test.store}/{NAME}/{name}") for name in volumes(test.store)]
        full = [place for place in places if place.st_blocks * 512 > place.st_size // 2]
        return f"{len(full)} volumes take the space of the whole disk" if full else None
    test.attempt("four stages are built in it", build)
    test.attempt("the image has what was installed", content)
    test.attempt("its volumes are sealed files", sealed)
    test.attempt("a clone keeps the holes", sparse)
    test.attempt("a second build makes nothing", lambda: states(test, project, test.spec("strange"), "reused"))


def show_kill(test, project):
    """A build that is killed leaves nothing that the next one does not clear away."""
    spec = test.spec("killed", image={"packages": ["toy-slow"]})

    def kill():
        before = volumes(test.store)
        build = subprocess.Popen([program.PROGRAM, "build", "--plugin", project.plugin, "--storage", NAME, "--store",
                                  test.store, spec], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env=test.toy.environment)
        end = time.monotonic() + 60
        while volumes(test.store) == before and build.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        build.send_signal(signal.SIGKILL)
        build.wait()
        if volumes(test.store) == before:
            return "it was not killed while it built"
        time.sleep(0.5)
        namespace.reap()
        problem = states(test, project, test.spec("strange"), "reused")
        return problem or (None if volumes(test.store) == before else f"{before} became {volumes(test.store)}")
    test.attempt("the next build clears away what a killed one left", kill)


def show_limits(test, project):
    def full():
        folder = os.path.join(test.work, "small")
        with namespace.small_filesystem(folder, 48):
            done = test.vmforge("build", "--plugin", project.plugin, "--storage", NAME, test.spec("small"),
                                store=folder + "/store")
        return judge(done, 1, r".*(not enough space|full|No space left).*")
    test.attempt("a full disk is told", full)


def show_remove(test, project):
    def remove():
        stages = json.loads(test.vmforge("stages", "list", "--json").stdout)
        stages.sort(key=lambda stage: -STAGES.index(stage["stage"]))  # each before the one that it needs
        for command in (["images", "rm", "strange"], *(["stages", "rm", stage["key"]] for stage in stages)):
            done = test.vmforge(*command, "--plugin", project.plugin, "--storage", NAME)
            if done.returncode:
                return program.said(done)
        return str(volumes(test.store)) if volumes(test.store) or not stages else None
    test.attempt("what is removed is gone", remove)


def show(test):
    problem = stranger.enter(test)
    if not test.tap.ok(not problem, "vmforge is installed, and its source is not to be seen", problem):
        return
    project = stranger.show_project(test, "storage", NAME)
    if not project:
        return
    show_build(test, project)
    show_kill(test, project)
    show_limits(test, project)
    show_remove(test, project)
    stranger.show_own_tests(test, project)


if __name__ == "__main__":
    stranger.main(show)
