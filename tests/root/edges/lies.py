#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Locks that lie, by a bad merge or a bad hand: a build installs what its lock says, or fails and names the package; and
whatever lies in a lock's place keeps nobody waiting."""
import contextlib
import glob
import json
import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "errors"), os.path.join(HERE, "..", "installed")]

# pylint: disable=wrong-import-position
import fixture
from collecting import stages
from fixture import program
from planning import plan

SOON = 60  # seconds in which what must not wait for ever has ended


@contextlib.contextmanager
def locked(test, name, **keys):
    """(spec, its lock): the lock is made, and gone in the end."""
    spec = test.spec(name, **keys)
    done = test.vmforge("lock", spec)
    if done.returncode:
        raise RuntimeError(program.said(done))
    try:
        yield spec, spec + ".lock"
    finally:
        os.unlink(spec + ".lock")


def change(path, function, keeps_checksum=False):
    """By a hand that knows of the checksum, unless it keeps it."""
    with open(path, encoding="utf-8") as file:
        lock = json.load(file)
    function(lock["stages"])
    if not keeps_checksum:
        del lock["checksum"]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(lock, file)


def judge(done, *words, status=1):
    missing = [word for word in words if word not in done.stderr]
    return f"{missing} is not said\n{program.said(done)}" if missing or done.returncode != status else None


def merged(test):
    with locked(test, "merged") as (spec, lock):
        change(lock, lambda of: of["image"]["packages"].clear(), keeps_checksum=True)
        return judge(test.vmforge("build", spec), "merged.yaml.lock:", "was changed since it was written",
                     "vmforge lock --update", status=2)


def wrong_version(test):
    with locked(test, "version", image={"packages": ["toy-hello"], "run": ["echo version >/srv/version"]}) as (spec, lock):
        change(lock, lambda of: of["image"]["packages"][0].update(version="9.9"))
        return judge(test.vmforge("build", "--locked", spec), "'toy-hello'", "9.9")


def other_data(test):
    """What the plugin was told of a package is part of the key."""
    with locked(test, "told") as (spec, lock):
        before = [stage["key"] for stage in plan(test, spec)]

        def make_essential(of):
            for package in of["image"]["packages"]:
                package["data"] = package["data"].rstrip("\n") + "\nEssential: yes\n"
        change(lock, make_essential)
        after = [stage["key"] for stage in plan(test, spec)]
    return None if before[:2] == after[:2] and before[2] != after[2] else f"{before}\n{after}"


def dangling(test):
    spec = test.spec("dangling")
    os.symlink("/nonexistent/lock", spec + ".lock")
    try:
        return judge(test.vmforge("build", spec), "dangling.yaml.lock", "link to a file that is not there", status=2)
    finally:
        os.unlink(spec + ".lock")


def root_of(store):
    paths = glob.glob(f"{store}/roots/*.json")
    with open(paths[0], encoding="utf-8") as file:
        return json.load(file)["stages"]


def until(test):
    """A build of the lower stages takes nothing from what the lock protects."""
    with locked(test, "partly", image={"packages": ["toy-hello"], "run": ["echo partly >/srv/partly"]}) as (spec, _):
        test.vmforge("build", spec)
        test.vmforge("images", "rm", "partly")
        before = root_of(test.store)
        done = test.vmforge("build", "--until", "base", spec)
        test.vmforge("gc", "--keep-days", "0")
        there = {stage["key"] for stage in json.loads(test.vmforge("stages", "list", "--json").stdout)}
    missing = [key for key in before if key not in there]
    return program.said(done) if done.returncode or len(before) != 4 or missing else None


def pipe(test):
    """In the place of a lock that was used: nobody waits for its writer."""
    with locked(test, "pipe", image={"packages": ["toy-hello"], "run": ["echo pipe >/srv/pipe"]}) as (spec, lock):
        test.vmforge("build", spec)
        os.unlink(lock)
        os.mkfifo(lock)
        done = test.vmforge("gc", "--dry-run", timeout=SOON)
        return program.said(done) if done.returncode else judge(test.vmforge("build", spec, timeout=SOON),
                                                               "is no regular file", status=2)


def run(test):
    for sentence, function in (
            ("a lock that was merged is refused", merged),
            ("a version that the archive does not have is told, with the package", wrong_version),
            ("what a lock tells the plugin of a package is in the key", other_data),
            ("a lock that is a link to nowhere is no absence", dangling),
            ("a build of a part takes nothing from what the lock protects", until),
            ("a pipe in the place of a lock keeps nobody waiting", pipe)):
        test.attempt(sentence, lambda function=function: function(test))
    assert stages(test, test.store) is not None


if __name__ == "__main__":
    fixture.main(run)
