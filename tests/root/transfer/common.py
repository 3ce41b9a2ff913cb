# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What the tests of transfers share: images of toyland, stores that receive them, and what must hold of those."""
import contextlib
import filecmp
import json
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "errors"), os.path.join(HERE, "..", "chaos"), os.path.join(HERE, "..", "installed")]

# pylint: disable=wrong-import-position
import fixture
from fixture import program

RELAY = os.path.join(HERE, "relay.py")
NOISE = "for i in $(seq 1 400); do seq $i 3000 | sha256sum; done >/srv/noise; seq 1 4000000 >/srv/numbers"


def specs(test):
    """Name → spec: `first`; `next`, which has a package and a file more; `other`, built apart from a neighbouring spec."""
    first = {"image": {"packages": ["toy-hello"], "run": [NOISE]}}
    return {"first": test.spec("first", **first),
            "next": test.spec("next", **first, appliance={"packages": ["toy-links"], "run": ["seq 90000 120000 >/srv/more"]}),
            "other": test.spec("other", core={"packages": ["toy-lib", "toy-links"]}, **first)}


def build(test, spec, store=None):
    done = test.vmforge("build", spec, store=store)
    if done.returncode:
        raise RuntimeError(program.said(done))


def push(test, image, target, *options, store=None, **more):
    """(what ended, the last JSON object that it printed)"""
    done = test.vmforge("push", "--json", *options, image, f"file://{target}" if "://" not in target else target,
                        store=store, **more)
    lines = done.stdout.splitlines()
    return done, json.loads(lines[-1]) if lines else {}


def relayed(test, image, target, mode, at, options=(), **more):
    rsh = f"env PATH={os.path.dirname(program.PROGRAM)}:{os.environ['PATH']} {sys.executable} {RELAY} {mode} {at}"
    return push(test, image, f"ssh://relay{target}", *options, "--rsh", rsh, **more)


def path_of(test, image, store):
    done = test.vmforge("images", "path", image, store=store)
    return done.stdout.strip() if done.returncode == 0 else None


def same(test, image, target, store=None):
    """None, or why the image there is not the one here."""
    ours, theirs = path_of(test, image, store), path_of(test, image, target)
    if not ours or not theirs:
        return f"{image} is at {ours} here, at {theirs} there"
    digests = [json.loads(test.vmforge("images", "show", "--json", image, store=place).stdout)["digest"]
               for place in (store, target)]
    if digests[0] != digests[1]:
        return f"the manifests differ: {digests}"
    return None if filecmp.cmp(ours, theirs, shallow=False) else f"{ours} and {theirs} differ"


def sound(test, target):
    done = test.vmforge("fsck", store=target)
    return None if done.returncode == 0 else program.said(done)


def whole(test, image, target, store=None):
    return same(test, image, target, store) or sound(test, target)


def images(test, target):
    """Names that a store has; of one that is not there, none."""
    if not os.path.exists(target):
        return []
    done = test.vmforge("images", "list", "--json", store=target)
    return [image["name"] for image in json.loads(done.stdout)] if done.returncode == 0 else [program.said(done)]


def trust(test, target, store=None, role="service"):
    """What that store signs is taken here."""
    key = os.path.join(test.work, "service.pub")
    with open(key, "w", encoding="utf-8") as file:
        file.write(test.vmforge("key", "export", store=store).stdout)
    done = test.vmforge("key", "trust", key, "--role", role, store=target)
    if done.returncode:
        raise RuntimeError(program.said(done))


@contextlib.contextmanager
def place(test, name, trusts=(None,)):
    """A folder for a store, that goes with all that is in it. trusts: stores whose key it takes; None: the common one."""
    target = os.path.join(test.work, name)
    try:
        for store in trusts:
            trust(test, target, store)
        yield target
    finally:
        if not os.path.exists(f"{target}/store.json") or program.close_store(target):
            shutil.rmtree(target, ignore_errors=True)


def judge_error(done, pattern, status=1):
    """None where it failed so, and vmforge told it once: what the other end prints comes here too."""
    told = [line for line in done.stderr.splitlines() if line.startswith("vmforge: ")]
    good = done.returncode == status and re.search(pattern, done.stderr) and len(told) == 1
    return None if good else program.said(done)
