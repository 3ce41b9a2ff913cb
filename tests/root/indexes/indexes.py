#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Every stage that is built has an index, which is right, whatever it was made of."""
import contextlib
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "errors"), os.path.join(HERE, "..", "..")]

# pylint: disable=wrong-import-position
import fixture
from fixture import program
import block_index

CHECKER = sys.argv[1]
DEFAULT = "storage-file"
COPIES = "storage-file:pool=never"
ROOT_PAGE = 132  # has the superblock of the root filesystem, 66 MiB from the beginning
STAGES = ["core", "base", "image", "appliance"]


def look(store, storage):
    """What the checker says of each stage, by its name; of one name, the youngest."""
    plugins = os.path.join(program.BUILD, "plugins", "storage-file")
    done = subprocess.run([CHECKER, store, storage], capture_output=True, text=True, check=False, timeout=120,
                          env={**os.environ, "VMFORGE_PLUGIN_PATH": plugins})
    if done.returncode:
        raise RuntimeError(done.stderr)
    return {one["stage"]: one for one in map(json.loads, done.stdout.splitlines())}


def build(test, store, storage, spec, *arguments):
    done = test.vmforge("build", "--storage", storage, *arguments, spec, store=store)
    if done.returncode:
        raise RuntimeError(program.said(done))


def wrong(store, stage):
    """Nothing, or what is wrong with one: to the engine, or to the other implementation."""
    if stage["faults"] or stage["whole"] != stage["index"]:
        return f"{stage}"
    read = block_index.check(os.path.join(store, stage["path"]), stage["volume"])
    return None if read == stage["index"] else f"the other reader says {read}: {stage}"


def problems(store, stages, names):
    if list(stages) != names:
        return f"there are {list(stages)}"
    return "\n".join(filter(None, (wrong(store, stage) for stage in stages.values())))


def build_and_look(test, store, storage):
    build(test, store, storage, test.spec("first"))
    stages = look(store, storage)
    found = problems(store, stages, STAGES)
    own = [stage["own_bytes"] for stage in stages.values()]
    if not found and not (own[0] > sum(own[1:]) and all(own)):
        found = f"the stages have these bytes of their own: {own}"
    return found


def change_one_file(test, store, storage):
    build(test, store, storage, test.spec("first", appliance={"files": [{"content": "x" * 50000, "to": "/srv/x"}]}))
    stages = look(store, storage)
    own = stages["appliance"]["own_bytes"]
    return problems(store, stages, STAGES) or (None if 50000 < own < 4 << 20 else f"it has {own} bytes of its own")


def record_of(store, stage):
    return os.path.join(store, "stages", stage["key"], "storage-file.json")


def forget_index(store, stage):
    """As an older vmforge left it."""
    with open(record_of(store, stage), encoding="utf-8") as file:
        record = json.load(file)
    del record["index"], record["own_bytes"], record["checksum"]
    with open(record_of(store, stage), "w", encoding="utf-8") as file:
        json.dump(record, file)
    os.unlink(os.path.join(store, stage["path"]))


def build_upon_none(test, store, storage):
    build(test, store, storage, test.spec("older"), "--until", "core")
    forget_index(store, look(store, storage)["core"])
    build(test, store, storage, test.spec("older"))
    stages = look(store, storage)
    core = stages.pop("core")
    return f"{core}" if "index" in core else problems(store, stages, STAGES[1:])


def flip(path, offset):
    mode = os.stat(path).st_mode
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))
    os.chmod(path, mode)


def build_upon_rot(test, store, storage):
    """Of the pages of levels 0 and 1 that every stage changes."""
    build(test, store, storage, test.spec("rotten"), "--until", "base")
    base = look(store, storage)["base"]
    flip(os.path.join(store, base["path"]), block_index.place(0, ROOT_PAGE) + 5)
    flip(os.path.join(store, base["path"]), block_index.place(1, ROOT_PAGE // 128) + 7)
    build(test, store, storage, test.spec("rotten", image={"packages": ["toy-links"]}), "--until", "image")
    stages = look(store, storage)
    if not stages["base"].pop("faults"):
        return "the checker finds no fault in the flipped index"
    with open(os.path.join(os.path.dirname(record_of(store, stages["image"])), "log"), encoding="utf-8") as file:
        if "all of the volume is indexed" not in file.read():
            return "the log does not say that all of the volume was indexed"
    return wrong(store, stages["image"])


def name_a_flipped_byte(store, storage):
    stages = look(store, storage)
    flip(stages["core"]["volume"], 440)
    faults = look(store, storage)["core"]["faults"]
    flip(stages["core"]["volume"], 440)
    wanted = "blocks 0 to 0 (bytes 0 to 4095) of the volume are not those of its block index"
    return None if faults == [wanted, wanted] else f"it names {faults}"


@contextlib.contextmanager
def new_store(test, name):
    store = os.path.join(test.work, name)
    try:
        yield store
    finally:
        if program.close_store(store):
            shutil.rmtree(store, ignore_errors=True)


def run(test):
    for storage, name in ((DEFAULT, "shared blocks"), (COPIES, "copies")):
        with new_store(test, name.replace(" ", "-")) as store:
            test.attempt(f"with {name}, every stage has the index that its whole volume gives, in both implementations",
                         lambda store=store, storage=storage: build_and_look(test, store, storage), store)
            test.attempt(f"with {name}, a changed file is what the appliance adds",
                         lambda store=store, storage=storage: change_one_file(test, store, storage), store)
            test.attempt(f"with {name}, a flipped byte of a sealed volume is named",
                         lambda store=store, storage=storage: name_a_flipped_byte(store, storage), store)
    with new_store(test, "older") as store:
        test.attempt("stages above one without an index have theirs", lambda: build_upon_none(test, store, DEFAULT), store)
    with new_store(test, "rotten") as store:
        test.attempt("a stage above one whose index has rotted has a sound one",
                     lambda: build_upon_rot(test, store, DEFAULT), store)


if __name__ == "__main__":
    os.environ.pop("TMPDIR", None)  # the private view has no such folder
    fixture.main(run)
