#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Damage of a store is found, whatever it hits, and repaired."""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import fixture
from fixture import program

HEX = "[0-9a-f]"
# Every kind of file of a store: what fsck says of one in which a byte is flipped. A path that matches none fails the
# test: whoever adds a kind of file says here what tells its damage.
NAMED, UNCHECKED = "named", "not checked"
KINDS = {
    r"store\.json": NAMED,
    r"storages\.json": NAMED,
    r"blocks": NAMED,
    r"blocks\.json": NAMED,
    rf"stages/{HEX}{{64}}/stage\.json": NAMED,
    rf"stages/{HEX}{{64}}/storage-[a-z0-9-]+\.json": NAMED,
    rf"stages/{HEX}{{64}}/storage-[a-z0-9-]+\.index": NAMED,
    rf"stages/{HEX}{{64}}/pin": NAMED,
    rf"stages/{HEX}{{64}}/log": UNCHECKED,  # for people
    rf"building/{HEX}{{32}}\.json": NAMED,
    rf"building/{HEX}{{32}}\.lock": UNCHECKED,  # holds nothing but a process id
    r"locks/.*": UNCHECKED,
    r"logs/.*": UNCHECKED,
    r"images/[^/]+/[^/]+\.json": NAMED,
    rf"objects/{HEX}{{64}}\.json": NAMED,
    rf"objects/{HEX}{{64}}\.signatures": NAMED,
    r"keys/service\.key": NAMED,
    r"keys/service\.pub": NAMED,
    r"repository/(images/[^/]+/|packs/)?digests\.json": NAMED,
    r"repository/index\.json": NAMED,
    r"repository/index\.json\.minisig": NAMED,
    rf"repository/images/{HEX}{{64}}/manifest\.json": NAMED,
    rf"repository/images/{HEX}{{64}}/manifest\.json\.minisig": NAMED,
    rf"repository/images/{HEX}{{64}}/sbom\.spdx\.json": NAMED,
    rf"repository/images/{HEX}{{64}}/disk\.index": UNCHECKED,  # a link to that of the stage, which is
    rf"repository/packs/{HEX}{{64}}-({HEX}{{64}}|zeros)\.pack": NAMED,
    rf"exports/{HEX}{{64}}-{HEX}{{32}}\.qcow2": NAMED,
    rf"exports/{HEX}{{64}}-{HEX}{{32}}\.qcow2\.json": NAMED,
    rf"cache/packages/{HEX}{{2}}/{HEX}{{62}}": NAMED,
    rf"cache/resolutions/{HEX}{{64}}\.json": NAMED,
    rf"cache/metadata/{HEX}{{64}}\.json": NAMED,
    r"cache/tools\.json": NAMED,
    r"cache/apt/.*": UNCHECKED,  # the plugin's own: apt verifies it by its signatures
    rf"(pool|volumes)/{HEX}{{32}}\.raw": NAMED,
    r"pool\.(img|lock)": UNCHECKED,  # a filesystem around the volumes
    rf"uses/{HEX}{{32}}\.(json|lock)": UNCHECKED,  # while a build runs
    rf"roots/{HEX}{{64}}\.json": NAMED,
}
# The unit tests have them.
RARE = {rf"roots/{HEX}{{64}}\.json"}


def files(store):
    found = []
    for folder, _, names in os.walk(store):
        found += [os.path.relpath(os.path.join(folder, name), store) for name in names]
    return sorted(found)


def kind_of(path):
    found = [kind for kind in KINDS if re.fullmatch(kind, path)]
    return found[0] if len(found) == 1 else None


def flip(path):
    """Flips a bit of the data nearest to the middle; returns what takes it back."""
    with open(path, "r+b") as file:
        offset = os.path.getsize(path) // 2
        try:
            offset = os.lseek(file.fileno(), offset, os.SEEK_DATA)
        except OSError:
            offset = os.lseek(file.fileno(), 0, os.SEEK_DATA)  # behind it there is but a hole
        before = os.pread(file.fileno(), 1, offset)
        os.pwrite(file.fileno(), bytes([before[0] ^ 1]), offset)
        os.fsync(file.fileno())

    def restore():
        with open(path, "r+b") as again:
            os.pwrite(again.fileno(), before, offset)
    return restore


def succeed(test, *arguments):
    """Nothing, or how a command failed."""
    done = test.vmforge(*arguments)
    return program.said(done) if done.returncode else None


def document(test, *arguments):
    """(exit status, what it printed as JSON)."""
    done = test.vmforge(*arguments, "--json")
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(program.said(done)) from None


def stages(test):
    return {one["key"]: one for one in document(test, "stages", "list")[1]}


def faults(test, *arguments):
    status, found = document(test, "fsck", *arguments)
    if status != (1 if found["left"] else 0):
        raise RuntimeError(f"exit status {status}: {found}")
    return found["faults"]


def fill(test):
    """Something of each kind."""
    good = test.spec("stored", output={"formats": ["raw", "qcow2"]})
    bad = test.spec("broken", appliance={"run": ["exit 1"]})
    problem = succeed(test, "build", good)
    if problem or test.vmforge("build", "--keep-failed", bad).returncode != 1:
        return problem or "a build that must fail has not failed"
    image = next(key for key, one in stages(test).items() if one["stage"] == "image")
    return succeed(test, "stages", "keep", image[:12])


def check(test, sentence, func):
    """attempt(), which would call the volume that is kept a leak."""
    try:
        problem = func()
    except Exception as error:  # pylint: disable=broad-except
        problem = f"{type(error).__name__}: {error}"
    test.tap.ok(not problem, sentence, problem)


def empty(test):
    """Nothing, or why the kept volume stays."""
    return succeed(test, "stages", "rm", document(test, "stages", "list", "--kept")[1][0]["volume"])


def named_by_fsck(test, path):
    """Nothing, or what fsck said instead."""
    restore = flip(os.path.join(test.store, path))
    try:
        found = faults(test)
    finally:
        restore()
    named = (path, os.path.basename(path).removesuffix(".raw"))  # of a volume, its id
    return None if [one for one in found if one["object"] in named] else f"of '{path}' fsck said: {found}"


def show_flips(test):
    check(test, "a store is filled with something of each kind", lambda: fill(test))
    check(test, "a sound store has no faults", lambda: faults(test))
    there = files(test.store)
    unknown = [path for path in there if kind_of(path) is None]
    test.tap.ok(not unknown, "every file of the store is of one kind that this test knows", unknown)
    wanted = {kind for kind, state in KINDS.items() if state == NAMED} - RARE
    missing = sorted(wanted - {kind_of(path) for path in there})
    test.tap.ok(not missing, "the store has something of each kind", missing)
    # Of a volume that a failed build left nobody knows what it should hold.
    kept = {path for path in there for one in document(test, "stages", "list", "--kept")[1] if one["volume"] in path and
            path.endswith(".raw")}
    for kind in sorted(wanted & {kind_of(path) for path in there}):
        path = next(path for path in there if kind_of(path) == kind and path not in kept)
        check(test, f"a flipped byte is named: {kind}", lambda path=path: named_by_fsck(test, path))
    test.attempt("what was put right again has no faults", lambda: faults(test) or empty(test))


def repair(test):
    """A damaged base goes with what is above it; core stays, and the next build makes the rest."""
    before = stages(test)
    base = next(key for key, one in before.items() if one["stage"] == "base")
    core = next(key for key, one in before.items() if one["stage"] == "core")
    flip(f"{test.store}/stages/{base}/stage.json")
    done = test.vmforge("build", test.spec("stored"))
    if done.returncode != 1 or "is damaged" not in done.stderr:
        return f"a build over a damaged stage: {program.said(done)}"
    status, found = document(test, "fsck", "--repair")
    if status or found["left"] or len(found["faults"]) != 1:
        return found
    if set(stages(test)) != {core}:
        return f"these stages are left: {stages(test)}"
    return faults(test) or succeed(test, "build", test.spec("stored")) or faults(test)


def show_repair(test):
    test.attempt("what is damaged goes with what is above it, and the next build makes it anew", lambda: repair(test))


def run(test):
    show_flips(test)
    show_repair(test)


if __name__ == "__main__":
    os.environ.pop("TMPDIR", None)  # the private view has no such folder
    fixture.main(run)
