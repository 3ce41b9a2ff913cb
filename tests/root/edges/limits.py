#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Where space ends, where things go wrong beside each other, and what package tools leave: each a case that once went
wrong."""
import glob
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "errors"), os.path.join(HERE, "..", "installed")]

# pylint: disable=wrong-import-position
import fixture
from collecting import configured
from fixture import program
from kernels import HOOK, POSTINST
from packages import Extra

MIB = 1 << 20


def keys(test):
    return {stage["key"] for stage in json.loads(test.vmforge("stages", "list", "--json").stdout)}


def giant(test, extra):
    """A package that fits into no volume: nothing is collected for it."""
    before = keys(test)
    spec = test.spec("giant", image={"repositories": [extra.entry("extra.gpg", False)], "packages": ["toy-giant"]})
    done = test.vmforge("build", spec)
    if done.returncode != 1 or "raise `size` of stage 'image'" not in done.stderr:
        return program.said(done)
    return f"gone: {before - keys(test)}" if before - keys(test) else None


def old_archive(test):
    """Of a store above its limit what was not used for longest goes, also if that is an archive."""
    folder = f"{test.store}/cache/packages/aa"
    os.makedirs(folder, exist_ok=True)
    path = f"{folder}/{'b' * 62}"
    with open(path, "wb") as file:
        file.write(os.urandom(100 * MIB))
    os.utime(path, (1000000000, 1000000000))
    before = keys(test)
    would = json.loads(test.vmforge("gc", "--dry-run", "--json").stdout)
    with configured(f"store_limit: {(would['left'] + would['bytes']) // MIB - 50}MiB\n"):
        done = test.vmforge("build", test.spec("newer", image={"run": ["echo newer >/srv/newer"]}))
    if done.returncode or os.path.exists(path) or "all of it is needed" in done.stdout + done.stderr:
        return program.said(done)
    return f"stages went: {before - keys(test)}" if before - keys(test) else None


def never_begun(test):
    """Every spec is told of, whatever became of the others."""
    bad = test.spec("bad", core={"packages": ["toy-lib"], "run": ["exit 3"]})
    late = test.spec("late", core={"packages": ["toy-lib"], "run": ["echo late >/srv/late"]})
    done = test.vmforge("build", "--json", "--jobs", "1", bad, late)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    ended = {os.path.basename(event["spec"]): event["state"] for event in events if event["event"] == "spec"}
    return None if ended == {"bad.yaml": "failed", "late.yaml": "waiting"} else f"{ended} {program.said(done)}"


def one_file(test):
    specs = []
    for name in ("one", "other"):
        path = test.spec(f"same-{name}", appliance={"run": [f"echo {name} >/srv/name"]})
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"same-(one|other)", "same", file.read(), count=1)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        specs.append(path)
    folder = os.path.join(test.work, "same-output/")
    os.makedirs(folder)
    done = test.vmforge("build", "--output", folder, *specs)
    if done.returncode != 2 or "would both be written to" not in done.stderr or os.listdir(folder):
        return f"{os.listdir(folder)} {program.said(done)}"
    return None


def make_extra(deb):
    deb({"Package": "toy-giant", "Installed-Size": str(100 << 30)}, {"/usr/share/toy/giant": "x"})
    deb({"Package": "toy-kernel"}, {"/boot/vmlinuz-one": "kernel\n"}, {"postinst": POSTINST.format(version="one")})
    deb({"Package": "toy-tiny"}, {"/etc/kernel/postinst.d/tiny-initramfs": (HOOK, 0o755)})


def initramfs(test, extra):
    """A kernel without a hook leaves no note; a generator of another name makes what it makes."""
    entry = extra.entry("extra.gpg", False)
    bare = test.spec("bare", image={"repositories": [entry], "packages": ["toy-kernel"]},
                     appliance={"run": ["test ! -e /boot/.vmforge-kernel-one"]})
    tiny = test.spec("tiny", image={"repositories": [entry], "packages": ["toy-tiny", "toy-kernel"]},
                     appliance={"run": ["test -e /boot/initrd.img-one"]})
    for spec in (bare, tiny):
        done = test.vmforge("build", spec)
        if done.returncode:
            return program.said(done)
    return None


def damaged_lists(test):
    """What was flipped in the package lists since they were fetched is not resolved from."""
    lists = glob.glob(f"{test.store}/cache/apt/lists-*/*Packages*")
    for path in lists:
        with open(path, "rb") as file:
            data = file.read()
        with open(path, "wb") as file:
            file.write(data.replace(b"Depends: toy-lib (>= 1)", b"Depends: toyxlib (>= 1)"))
    spec = test.spec("lists", image={"packages": ["toy-hello"], "run": ["echo lists >/srv/lists"]},
                     core={"packages": ["toy-lib", "toy-links"]})
    done = test.vmforge("build", spec)
    return program.said(done) if done.returncode or not lists else None


def run(test):
    done = test.vmforge("build", test.spec("common"))
    test.tap.ok(not done.returncode, "the common stages build", program.said(done))
    extra = Extra(test, "extra", make_extra)
    for sentence, function in (
            ("what never fits takes nothing from the store, and the user is told what to raise",
             lambda test: giant(test, extra)),
            ("an archive that was not used for longer goes before a stage", old_archive),
            ("a spec that was never begun is told of", never_begun),
            ("two specs that would write one file are refused", one_file),
            ("the notes of kernels go, and whatever makes initial RAM filesystems makes them",
             lambda test: initramfs(test, extra)),
            ("package lists that were damaged are fetched again", damaged_lists)):
        test.attempt(sentence, lambda function=function: function(test))


if __name__ == "__main__":
    fixture.main(run)
