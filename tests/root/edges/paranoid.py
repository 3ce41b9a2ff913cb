#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""`build --paranoid` reads everything: with a good storage plugin it agrees with the block index that was made of the
parent's, with one that lies about what differs it fails, and records nothing."""
import json
import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "errors"), os.path.join(HERE, "..", "installed")]

# pylint: disable=wrong-import-position
import fixture
from fixture import program

LIAR = f"{program.BUILD}/tests/root/check/vmforge-faulty.so"


def agrees(test):
    spec = test.spec("agrees")
    done = test.vmforge("build", "--paranoid", spec)
    done = done if done.returncode else test.vmforge("fsck")
    return program.said(done) if done.returncode else None if len(stages(test, test.store)) == 4 else "stages are missing"


def stages(test, store):
    return json.loads(test.vmforge("stages", "list", "--json", store=store).stdout)


def differs(test):
    """Without --paranoid nobody sees it."""
    store, spec = os.path.join(test.work, "liar"), test.spec("liar")
    options = ["--plugin", LIAR, "--storage", "faulty:fault=differences:same"]
    done = test.vmforge("build", "--paranoid", *options, spec, store=store)
    if done.returncode != 1 or "its plugin is wrong" not in done.stderr:
        return program.said(done)
    names = [stage["stage"] for stage in stages(test, store)]
    if names != ["core"]:
        return f"{names} are there"
    done = test.vmforge("build", *options, spec, store=store)
    return program.said(done) if done.returncode else None


def run(test):
    test.attempt("with good storage it agrees", lambda: agrees(test))
    test.attempt("with storage that lies about what differs the build fails, and the stage is not recorded", lambda: differs(test))


if __name__ == "__main__":
    fixture.main(run)
