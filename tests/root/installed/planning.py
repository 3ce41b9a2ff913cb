#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""`vmforge plan` tells before what a build does after: each stage, its key, and why."""
import json
import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import fixture
from fixture import program


def plan(test, *specs):
    """The stages, in order."""
    done = test.vmforge("plan", "--json", *specs)
    if done.returncode:
        raise RuntimeError(program.said(done))
    return json.loads(done.stdout)


def build(test, spec):
    """Stage → (key, state) of a build that has succeeded."""
    done = test.vmforge("build", "--json", spec)
    if done.returncode:
        raise RuntimeError(program.said(done))
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return {event["stage"]: (event["key"], event["state"]) for event in events if event["event"] == "stage"}


def agree(test, spec):
    """Nothing, or where plan and build differ."""
    told = {stage["stage"]: (stage["key"], "reused" if stage["hit"] else "built") for stage in plan(test, spec)}
    done = build(test, spec)
    return None if told == done else f"the plan said {told}, the build did {done}"


def share(test, *specs):
    """A new store: what two specs share stands there once, and all is to be built and fetched."""
    stages = plan(test, *specs)
    names = [stage["stage"] for stage in stages]
    wanted = ["core", "base", "image", "appliance", "image", "appliance"]
    images = [image for stage in stages for image in stage["images"]]
    if names != wanted or any(stage["hit"] for stage in stages) or images != ["one:0@x86_64", "two:0@x86_64"]:
        return f"{names} {images}"
    fetched = sum(stage["fetch_packages"] for stage in stages)
    return None if fetched == 4 and all(stage["reasons"] == ["never built"] for stage in stages) else str(stages)


def reasons(test, spec, stage, *wanted):
    """Nothing, or what was said instead."""
    said = next(one["reasons"] for one in plan(test, spec) if one["stage"] == stage)
    missing = [text for text in wanted if text not in said]
    return f"{missing} is not in {said}" if missing else None


def show(test):
    base = {"base": {"packages": ["toy-lib"]}}
    one = test.toy.spec("one", **base, image={"packages": ["toy-hello"]})
    two = test.toy.spec("two", **base, image={"packages": ["toy-site"]})
    test.attempt("two specs in a new store share their lower stages", lambda: share(test, one, two))
    test.attempt("plan and build agree in a new store", lambda: agree(test, one))
    test.attempt("plan and build agree where everything is there", lambda: agree(test, one))
    test.attempt("what one spec built is a hit for the other", lambda: None if [
        stage["hit"] for stage in plan(test, two)] == [True, True, False, False] else "it is not")
    one = test.toy.spec("one", **base, image={"packages": ["toy-hello", "toy-links"]},
                        appliance={"files": [{"to": "/etc/x", "content": "x"}]})
    test.attempt("a package more is the reason of its stage",
                 lambda: reasons(test, one, "image", "packages: 'toy-links' 1 is new"))
    test.attempt("a file more is the reason of its stage",
                 lambda: reasons(test, one, "appliance", "files: '/etc/x' is new"))
    test.attempt("plan and build agree where some is there", lambda: agree(test, one))
    test.attempt("a graph names every stage and image", lambda: graph(test, one, two))


def graph(test, *specs):
    done = test.vmforge("plan", "--dot", *specs)
    wanted = [stage["key"][:12] for stage in plan(test, *specs)] + ["one:0@x86_64", "two:0@x86_64"]
    missing = [name for name in wanted if f'"{name}"' not in done.stdout]
    sound = done.stdout.startswith("digraph plan {\n") and done.stdout.endswith("}\n")
    return None if done.returncode == 0 and sound and not missing else f"{missing}\n{program.said(done)}"


if __name__ == "__main__":
    fixture.main(show)
