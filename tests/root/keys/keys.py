#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Each input of a stage is changed, one at a time: a stage whose content could be another one misses, with its reason, and
all others hit. The inputs are taken from the schemas: one that nobody changes here fails the test."""
import collections
import contextlib
import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "errors"), os.path.join(HERE, "..", "installed")]

# pylint: disable=wrong-import-position
import fixture
from collecting import configured
from fixture import namespace, program
from mutations import (NONE, OF_APPLIANCE, OF_CONFIG, OF_PROFILE, OF_PROFILE_ALONE, OF_SPEC, OF_STAGE, REFUSED, STAGE)
from schemas import paths
from toyrepo import debrepo
from world import STAGES, World


def spec_mutations(path):
    """(sentence, function of (spec, world), stage) of a path of the spec's schema."""
    if path in OF_SPEC:
        return OF_SPEC[path]
    head, _, rest = path.partition(".")
    if path in OF_APPLIANCE:
        return OF_APPLIANCE[path]
    if head == "appliance" and rest in OF_APPLIANCE:
        return [(sentence, below(head, change), stage) for sentence, change, stage in OF_APPLIANCE[rest]]
    if head in STAGES and rest in OF_STAGE:
        return [(sentence, below(head, change), head if stage == STAGE else stage) for sentence, change, stage in OF_STAGE[rest]]
    return []


def below(stage, change):
    def mutate(spec, world):
        world.stage = stage
        change(spec[stage], world)
    return mutate


def profile_mutations(path):
    """The same of the profile's, where a release or one of its architectures may say it as well."""
    if path in OF_PROFILE_ALONE:
        return OF_PROFILE_ALONE[path]
    place, rest = [], path
    for part, name in (("releases.*.", "toy"), ("arches.*.", "x86_64")):
        if rest.startswith(part):
            place += [part.partition(".")[0], name]
            rest = rest.removeprefix(part)
    return [(sentence, inside(place, change), stage) for sentence, change, stage in OF_PROFILE.get(rest, [])]


def inside(place, change):
    def mutate(profile, world):
        node, written = profile, {}
        change(written, world)
        for name in place:
            node[name] = node.get(name) or {}
            node = node[name]
        merge(node, written)
    return mutate


def merge(node, more):
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(node.get(name), dict):
            merge(node[name], value)
        else:
            node[name] = value


class Judge:
    """Counts, and says what is wrong with a plan."""

    def __init__(self, test, world):
        self.test, self.world = test, world
        self.count = collections.Counter()

    def wrong(self, stages, done, lowest):
        if lowest == REFUSED:
            return None if stages is None and len(done.stderr.splitlines()) == 1 else f"it was not refused: {program.said(done)}"
        if stages is None:
            return program.said(done)
        misses = STAGES[STAGES.index(lowest):] if lowest != NONE else ()
        got = tuple(one["stage"] for one in stages if not one["hit"])
        if got != misses:
            return f"missed {got}, not {misses}: {[one['reasons'] for one in stages]}"
        silent = [one["stage"] for one in stages if not one["hit"] and not one["reasons"]]
        return f"no reason for {silent}" if silent else None

    def judge(self, what, lowest, stages, done):
        problem = self.wrong(stages, done, lowest)
        self.count["mutations"] += 1
        if stages is not None:
            for one in stages:
                self.count["hits" if one["hit"] else "misses"] += 1
        if problem:
            self.test.tap.ok(False, f"{what}: {lowest}", problem)
        return not problem

    def mutate(self, what, lowest, change_spec=None, change_profile=None):
        spec, profile = self.world.copies()
        if change_profile:
            change_profile(profile, self.world)
            self.world.write_profile(profile)
        try:
            if change_spec:
                change_spec(spec, self.world)
            return self.judge(what, lowest, *self.world.plan(spec))
        finally:
            self.world.restore()
            if change_profile:
                self.world.write_profile(self.world.profile)


def show_schema(test, judge, name, mutations_of, run):
    """One result for a schema's paths, and one for each that is wrong or not known."""
    known, good = paths(name), True
    unknown = [path for path in known if not mutations_of(path)]
    test.tap.ok(not unknown, f"every path of the schema '{name}' is changed by this test", unknown)
    for path in known:
        for sentence, change, lowest in mutations_of(path):
            good &= run(f"{name} {path}: {sentence}", lowest, change)
    test.tap.ok(good, f"of all {len(known)} paths of the schema '{name}', what could change the content misses, and nothing else")
    judge.count["inputs"] += len(known)


def show_config(test, judge):
    """Settings of the machine are in no key."""
    unknown = set(paths("config")) ^ set(OF_CONFIG)
    test.tap.ok(not unknown, "every path of the schema 'config' is changed by this test", unknown)
    text = f"store: {test.work}/nowhere\nstorage: storage-file:pool_size=40GiB\nkeep_images: 7\nstore_limit: 900GiB\n" \
        "policy: {require: [author], keys: ['0123456789ABCDEF']}\nrepository: {expires: 7d, packs: false}\ntransport: transport-cbt:silence=9\n"
    with configured(text):
        good = judge.mutate("the configuration", NONE)
    test.tap.ok(good, "no setting of the machine is in a key")
    judge.count["inputs"] += len(OF_CONFIG)


@contextlib.contextmanager
def environment(world, **values):
    before = dict(world.environment)
    world.environment.update(values)
    try:
        yield
    finally:
        world.environment.clear()
        world.environment.update(before)


@contextlib.contextmanager
def masked(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def other_tool(test, name):
    """A program of the host that says that it is of another version."""
    path = os.path.join(test.work, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\necho '{name} 99.9' >&2\n")
    os.chmod(path, 0o755)
    with namespace.mounted(path, os.path.realpath(f"/usr/sbin/{name}"), flags=namespace.MS_BIND):
        yield


def show_machine(test, judge):
    """What a build finds around it."""
    around = [
        ("SOURCE_DATE_EPOCH", "core", lambda: environment(judge.world, SOURCE_DATE_EPOCH="1700000000")),
        ("time zone", NONE, lambda: environment(judge.world, TZ="Asia/Tokyo")),
        ("language", NONE, lambda: environment(judge.world, LANG="de_DE.UTF-8", LC_ALL="de_DE.UTF-8", LANGUAGE="de")),
        ("home", NONE, lambda: environment(judge.world, HOME="/nonexistent", XDG_CONFIG_HOME="/nonexistent", USER="x")),
        ("folder for temporary files", NONE, lambda: environment(judge.world, TMPDIR="/var/tmp")),
        ("proxy", NONE, lambda: environment(judge.world, no_proxy="127.0.0.1", https_proxy="http://127.0.0.1:1")),
        ("umask", NONE, lambda: masked(0o077)),
        ("mkfs.ext4 of another version", "core", lambda: other_tool(test, "mkfs.ext4")),
        ("mkfs.xfs of another version, of which nothing is made", NONE, lambda: other_tool(test, "mkfs.xfs")),
    ]
    for what, lowest, change in around:
        with change():
            good = judge.mutate(what, lowest)
        test.tap.ok(good, f"the machine: {what}: {lowest}")
        judge.count["inputs"] += 1


def publish(test, fields, files, again=True):
    debrepo.make_deb(test.toy.pool, fields, files)
    if again:
        test.toy.publish_again("good")


def show_archive(test, judge):
    """The archive moves; each is put right again by what comes last. The reason names the package."""
    world = judge.world

    def plan_says(sentence, lowest, *texts):
        stages, done = world.plan(world.spec, "--refresh", "0")
        good = judge.judge(sentence, lowest, stages, done)
        said = [line for one in stages or () for line in one["reasons"]]
        missing = [text for text in texts if text not in said]
        test.tap.ok(good and not missing, f"the archive: {sentence}: {lowest}", f"{missing} is not in {said}")
        judge.count["inputs"] += 1
    test.toy.publish_again("good")
    plan_says("only its date is another one", NONE)
    publish(test, {"Package": "toy-unused", "Version": "2"}, {"/usr/share/toy/unused": "2"})
    plan_says("a newer version of what no stage installs", NONE)
    publish(test, {"Package": "toy-package-image", "Version": "2"}, {"/usr/share/toy/newer": "2"})
    plan_says("a newer version of a package of Image", "image", "toy-package-image 1 → 2")
    os.unlink(os.path.join(test.toy.pool, "toy-package-image_2_all.deb"))
    test.toy.publish_again("good")
    plan_says("the older version is the newest again", NONE)
    publish(test, {"Package": "toy-feature-base"}, {"/usr/share/toy/toy-feature-base": "the same version, rebuilt"})
    plan_says("another archive of the same version", "base", "packages: 'toy-feature-base' changed")


def confirm(test, world):
    """A hit is what the spec asks for, and a miss another content: some are built."""
    spec, _ = world.copies()
    spec["image"]["run"].append("test -s /srv/image/ran && echo more >/srv/image/more")
    before, _ = world.plan(world.spec)
    world.build(spec)
    after, _ = world.plan(spec)
    if [one["hit"] for one in after] != [True] * 4:
        return f"after it was built: {after}"
    if [one["key"] for one in before][:2] != [one["key"] for one in after][:2]:
        return "the lower stages have other keys"
    path = test.vmforge("images", "path", after[2]["key"]).stdout.strip()
    other = test.vmforge("images", "path", before[2]["key"]).stdout.strip()
    done = test.vmforge("diff", "--tree", before[2]["key"], after[2]["key"])
    return None if path != other and "/srv/image/more" in done.stdout else program.said(done)


def show(test):
    world = World(test)
    world.build(world.spec)
    judge = Judge(test, world)
    test.tap.ok(judge.mutate("nothing", NONE), "nothing changed: everything hits")
    show_schema(test, judge, "spec", spec_mutations, lambda what, lowest, change: judge.mutate(what, lowest, change_spec=change))
    show_schema(test, judge, "profile", profile_mutations,
                lambda what, lowest, change: judge.mutate(what, lowest, change_profile=change))
    show_config(test, judge)
    show_machine(test, judge)
    test.attempt("what missed is another content, and what hits then is it", lambda: confirm(test, world))
    show_archive(test, judge)
    test.tap.diagnose(", ".join(f"{count} {what}" for what, count in judge.count.items()))


if __name__ == "__main__":
    os.environ.pop("TMPDIR", None)  # the private view has no such folder
    fixture.main(show)
