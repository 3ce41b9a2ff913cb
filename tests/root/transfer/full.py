#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Images go to a disk that has no room for them: it is told, before the disk is full, and what came is not sent again."""
import contextlib
import os
import shutil

from common import build, fixture, images, judge_error, program, push, sound, specs, trust, whole

import namespace

DISK = 768          # MiB: the pool, and some
NUMBERS = 25000000  # lines, a fifth of a GiB
LACKS = r"the peer says: not enough space in store '.*' \(storage-file.*\): 64.0 MiB needed, .* available"


@contextlib.contextmanager
def small_disk(test):
    """A store with `first` in its pool, on a disk of its own."""
    folder = os.path.join(test.work, "disk")
    target = f"{folder}/store"
    with namespace.small_filesystem(folder, DISK):
        trust(test, target)
        done, _ = push(test, "first", target)
        if done.returncode:
            raise RuntimeError(program.said(done))
        try:
            yield target
        finally:
            program.close_store(target)


@contextlib.contextmanager
def all_but(target, mebibytes):
    """Somebody else's file leaves so much of the disk."""
    path = os.path.join(os.path.dirname(target), "filler")
    length = shutil.disk_usage(path.removesuffix("/filler")).free - (mebibytes << 20)
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, length)
    try:
        yield
    finally:
        os.unlink(path)


def refused(test):
    """Before anything is made."""
    with small_disk(test) as target:
        with all_but(target, 48):
            done, _ = push(test, "bulky", target)
            problem = judge_error(done, LACKS)
            left = fixture.orphans(target)
        if problem or left or images(test, target) != ["first"]:
            return f"{problem} {left} {images(test, target)}"
        return sound(test, target)


def stopped(test):
    """When more comes than there is room for."""
    with small_disk(test) as target:
        with all_but(target, 110):
            done, _ = push(test, "bulky", target)
            problem = judge_error(done, LACKS)
            free = shutil.disk_usage(target).free
        if problem or free < 16 << 20 or images(test, target) != ["first"]:
            return f"{problem}; {free} bytes are free; {images(test, target)}"
        done, again = push(test, "bulky", target)
        if done.returncode:
            return program.said(done)
        if again["moved_bytes"] > 170 << 20:
            return f"all of it was sent again: {again}"
        return whole(test, "bulky", target)


def run(test):
    build(test, specs(test)["first"])
    numbers = {"size": "448MiB", "packages": ["toy-hello"], "run": [f"seq 1 {NUMBERS} >/srv/numbers"]}
    build(test, test.spec("bulky", image=numbers, disk={"size": "512MiB"}))
    test.attempt("a disk that has no room is told of before anything comes", lambda: refused(test))
    test.attempt("a transfer ends before the disk is full, and goes on once there is room", lambda: stopped(test))


if __name__ == "__main__":
    fixture.main(run)
