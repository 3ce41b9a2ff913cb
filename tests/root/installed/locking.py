#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Lock files: a build with one installs exactly what it says, whatever the mirrors have meanwhile, or fails."""
import glob
import itertools
import json
import os
import shutil
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import fixture
from fixture import program
from packages import host_sources
from planning import plan
from toyrepo import ARCH, debrepo

SECONDS = itertools.count(1)
STAGES = ["core", "base", "image", "appliance"]


def run(test, *arguments, status=0, **options):
    """What a command printed, which must end with this status."""
    done = test.vmforge(*arguments, **options)
    if done.returncode != status:
        raise RuntimeError(f"status {done.returncode}, not {status}: {program.said(done)}")
    return done.stdout


def keys(test, spec, *arguments):
    return [stage["key"] for stage in plan(test, *arguments, spec)]


def build(test, spec, *arguments, **options):
    """Stage → key of a build that has succeeded."""
    events = [json.loads(line) for line in run(test, "build", "--json", *arguments, spec, **options).splitlines()]
    told = {event["stage"]: event["key"] for event in events if event["event"] == "stage"}
    return [told[name] for name in STAGES if name in told]


def read(spec):
    with open(spec + ".lock", encoding="utf-8") as file:
        return json.load(file)


def locked(spec):
    """Package → version, over all stages."""
    return {package["name"]: package["version"] for stage in read(spec)["stages"].values()
            for package in stage["packages"]}


def publish(test, *packages):
    """The mirror moves: these packages, (fields, files) each, are new there."""
    for fields, files in packages:
        debrepo.make_deb(test.toy.pool, fields, files)
    debrepo.publish(test.toy.archive_path("good"), test.toy.signers[0], "toy", arch=ARCH, pool="pool")
    for path in glob.glob(test.toy.archive_path("good") + "/dists/toy/*Release*"):
        # The time of a file is told in whole seconds, within which several tests may publish.
        os.utime(path, (time.time(), time.time() + next(SECONDS)))


def raise_versions(test, version):
    """toy-lib, and toy-hello that needs it in this version; toy-site has nothing to do with them."""
    publish(test, ({"Package": "toy-lib", "Version": version}, {"/usr/share/toy/lib": f"lib {version}\n"}),
            ({"Package": "toy-hello", "Version": version, "Depends": f"toy-lib (>= {version})"}, {}),
            ({"Package": "toy-site", "Version": version}, {"/usr/share/toy/site": f"site {version}\n"}))


def expect(found, wanted):
    return None if found == wanted else f"{found} is not {wanted}"


def first_lock(test, spec):
    unlocked = keys(test, spec)
    run(test, "lock", spec)
    with open(spec + ".lock", "rb") as file:
        text = file.read()
    run(test, "lock", spec)
    with open(spec + ".lock", "rb") as file:
        again = file.read()
    run(test, "lock", "--update", spec)
    with open(spec + ".lock", "rb") as file:
        updated = file.read()
    lines = [line for line in text.decode().splitlines() if '"sha256"' in line]
    if not text == again == updated or len(lines) != 4:
        return f"{len(lines)} lines of packages"
    if not read(spec)["date"].startswith("20"):
        return f"the date is {read(spec)['date']}"
    return expect(keys(test, spec, "--locked"), unlocked)


def show_keys(test):
    spec = test.spec("locked")
    test.attempt("--locked fails without a lock, and says how to make one", lambda: fixture.judge(
        test.vmforge("plan", "--locked", spec), 2, r".*there is no '.*locked\.yaml\.lock', and --locked was given: "
        r"make it with 'vmforge lock .*locked\.yaml'"))
    test.attempt("a lock has a package a line and the date of the metadata, and its keys are those of resolving",
                 lambda: first_lock(test, spec))
    test.attempt("plan and build agree with a lock", lambda: expect(build(test, spec, "--locked"), keys(test, spec)))
    return spec


def without_lock(test, spec, *arguments):
    os.rename(spec + ".lock", spec + ".aside")
    try:
        return keys(test, spec, *arguments)
    finally:
        os.rename(spec + ".aside", spec + ".lock")


def moved(test, spec):
    before = keys(test, spec)
    raise_versions(test, "2")
    test.toy.server.log.clear()
    if keys(test, spec, "--refresh", "0") != before or test.toy.server.log:
        return f"the locked keys moved, or the mirror was asked: {test.toy.server.log}"
    after = without_lock(test, spec, "--refresh", "0")
    return "the unlocked keys stayed" if set(after) & set(before) else None


def show_moves(test, spec):
    test.attempt("a mirror that moved changes the unlocked keys, not the locked ones, for which nobody is asked",
                 lambda: moved(test, spec))
    test.attempt("--diff tells what would move and ends with 1, and changes nothing", lambda: expect(
        (run(test, "lock", "--diff", spec, status=1), locked(spec)["toy-lib"]),
        ("core\n  toy-lib 1 → 2\nbase\n  toy-site 1 → 2\nimage\n  toy-hello 1 → 2\n", "1")))
    test.attempt("--diff --json tells the same", lambda: expect(
        json.loads(run(test, "lock", "--diff", "--json", spec, "toy-site", status=1)),
        [{"stage": "base", "package": "toy-site", "before": "1", "after": "2"}]))
    test.attempt("--update of one package moves that alone", lambda: run(test, "lock", "--update", spec, "toy-site") and
                 expect({name: locked(spec)[name] for name in ("toy-lib", "toy-site", "toy-hello")},
                        {"toy-lib": "1", "toy-site": "2", "toy-hello": "1"}))
    test.attempt("what it needs is dragged along, in the stage where it lives", lambda: run(
        test, "lock", "--update", spec, "toy-hello") and expect(
            [[(package["name"], package["version"]) for package in read(spec)["stages"][name]["packages"]]
             for name in STAGES],
            [[("toy-base", "1"), ("toy-lib", "2")], [("toy-site", "2")], [("toy-hello", "2")], []]))
    test.attempt("then nothing is left to move: --diff ends with 0",
                 lambda: expect(run(test, "lock", "--diff", spec), ""))
    test.attempt("the keys are again those of resolving", lambda: expect(keys(test, spec), without_lock(test, spec)))
    test.attempt("and the build installs it", lambda: expect(build(test, spec), keys(test, spec)))
    test.attempt("a package that the lock does not have is named", lambda: fixture.judge(
        test.vmforge("lock", "--update", spec, "toy-sight"), 2,
        r".*locked\.yaml\.lock' has no package 'toy-sight' \(did you mean 'toy-site'\?\)"))


def refuse_update(test, name, fields, message, **stages):
    """An update of toy-mover alone that takes another package along."""
    publish(test, ({"Package": "toy-mover"}, {}), ({"Package": "toy-aside"}, {}))
    spec = test.spec(name, **stages)
    run(test, "lock", "--refresh", "0", spec)
    with open(spec + ".lock", "rb") as file:
        before = file.read()
    publish(test, ({"Package": "toy-mover", "Version": "2", **fields}, {}))
    done = test.vmforge("lock", "--refresh", "0", "--update", spec, "toy-mover")
    os.unlink(f"{test.toy.pool}/toy-mover_2_all.deb")
    with open(spec + ".lock", "rb") as file:
        if file.read() != before:
            return "the lock changed"
    return fixture.judge(done, 2, rf".*{message}: move all with 'vmforge lock --update .*{name}\.yaml'")


def show_refusals(test):
    test.attempt("an update of some packages for which another must go is refused, and changes nothing",
                 lambda: refuse_update(test, "rival", {"Conflicts": "toy-aside"},
                                       "'toy-aside' would go away if these packages moved",
                                       core={"packages": ["toy-mover"]}, base={"packages": ["toy-aside"]}))
    test.attempt("so is one that brings back what a stage removes", lambda: refuse_update(
        test, "back", {"Depends": "toy-aside"}, "stage 'image' removes 'toy-aside', which would come back",
        core={"packages": ["toy-aside"]}, image={"packages": ["toy-mover"], "remove": ["toy-aside"]}))


def forget_archives(test):
    shutil.rmtree(f"{test.store}/cache/packages")


def forget_metadata(test):
    for name in ("metadata", "resolutions"):
        shutil.rmtree(f"{test.store}/cache/{name}", ignore_errors=True)
    for path in glob.glob(f"{test.store}/cache/apt/lists-*"):
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def offline(test):
    """A locked build of a stage that is not there yet, without metadata and without network."""
    spec = test.spec("offline", appliance={"hostname": "one"})
    run(test, "build", spec)
    run(test, "lock", spec)
    test.spec("offline", appliance={"hostname": "two"})
    forget_metadata(test)
    build(test, spec, "--locked", "--offline")
    left = glob.glob(f"{test.store}/cache/apt/lists-*") + glob.glob(f"{test.store}/cache/resolutions/*")
    return f"there is {left}" if left else None


def other_mirror(test):
    """Locked where the profile's archive was asked, built where that is gone and another mirror named."""
    spec = test.spec("elsewhere", core={"packages": ["toy-links"]})
    run(test, "lock", spec)
    good, moved_to = test.toy.archive_path("good"), test.toy.archive_path("elsewhere")
    forget_archives(test)
    os.rename(good, moved_to)
    try:
        told = keys(test, spec)
        test.spec("elsewhere", core={"packages": ["toy-links"]}, mirror="elsewhere")
        if keys(test, spec) == told:
            return "the mirror, which is written into the image, is in no key"
        build(test, spec, "--locked")
    finally:
        os.rename(moved_to, good)
    urls = [package["url"] for stage in read(spec)["stages"].values() for package in stage["packages"]]
    wrong = [url for url in urls if not url.startswith(test.toy.url("good") + "/pool/")]
    return f"the lock has {wrong}" if wrong else None


def refuse_archive(test, spoil):
    """Nothing, or how a locked build ended after spoil(path) was done to the archive of toy-slow."""
    spec = test.spec("spoilt", core={"packages": ["toy-slow"]})
    run(test, "lock", spec)
    path = f"{test.toy.pool}/toy-slow_1_all.deb"
    with open(path, "rb") as file:
        content = file.read()
    spoil(path)
    try:
        done = test.vmforge("build", spec)
    finally:
        with open(path, "wb") as file:
            file.write(content)
    url = test.toy.url("good") + "/pool/toy-slow_1_all.deb"
    return fixture.judge(done, 1, rf".*Failed to fetch {url} .*, which is package 'toy-slow' 1.*; '.*spoilt\.yaml\.lock' asks for it: "
                                  r"find a mirror that has it, or run 'vmforge lock --update .*spoilt\.yaml'")


def replace_archive(path):
    """By another of the same name and version, with other content."""
    debrepo.make_deb(os.path.dirname(path), {"Package": "toy-slow"}, {"/usr/share/toy/slow": "another\n"})


def incomplete_mirror(test):
    """The host's mirror tells of an archive that it does not have (yet)."""
    root = test.toy.archive_path("incomplete") + "/good"
    os.makedirs(root + "/pool")
    os.symlink("../../good/dists", root + "/dists")
    spec = test.spec("incomplete", core={"packages": ["toy-orphaned"]})
    publish(test, ({"Package": "toy-orphaned"}, {}))
    with host_sources(test, f"deb {test.toy.url('incomplete/good')} toy main\n"):
        test.toy.server.log.clear()
        build(test, spec, "--refresh", "0", "--until", "core")
    wanted = [f"/{name}/pool/toy-orphaned_1_all.deb" for name in ("incomplete/good", "good")]
    return expect([path for path in test.toy.server.log if "orphaned" in path], wanted)


def show_archives(test):
    test.attempt("what the host's mirror does not have is fetched from the profile's archive",
                 lambda: incomplete_mirror(test))
    test.attempt("with a lock and a warm cache a build needs neither metadata nor network", lambda: offline(test))
    test.attempt("a lock has the URLs of the profile's archive, and another mirror may serve them",
                 lambda: other_mirror(test))
    test.attempt("an archive that is gone fails the build, which names package, version and URL",
                 lambda: refuse_archive(test, os.unlink))
    test.attempt("so does one that was replaced by another under the same name",
                 lambda: refuse_archive(test, replace_archive))


def show_stale(test):
    """name, stages → stages of the same spec a day later, and what is said of it."""
    key = test.toy.key
    entry = {"url": test.toy.url("good"), "suite": "toy", "components": ["main"], "key": key, "name": "again"}
    for word, later, message in (
            ("a package more", {"image": {"packages": ["toy-hello", "toy-links"]}},
             "stage 'image' asks to install other packages than its lock: 'toy-links' is new"),
            ("a package less", {"image": {"packages": []}},
             "stage 'image' asks to install other packages than its lock: 'toy-hello' is gone"),
            ("another removal", {"image": {"packages": ["toy-hello"], "remove": ["toy-site"]}},
             "stage 'image' asks to remove other packages than its lock: 'toy-site' is new"),
            ("another repository", {"image": {"packages": ["toy-hello"], "repositories": [entry]}},
             r"stage 'image' takes packages from other sources than its lock \(.*\)")):
        spec = test.spec("stale")
        run(test, "lock", "--update", spec)
        test.spec("stale", **later)
        pattern = rf".*'.*stale\.yaml\.lock' is not of this spec any more: {message}; run 'vmforge lock --update .*stale\.yaml'"
        for command in ("plan", "build", "lock"):
            test.attempt(f"{word} in a spec is noticed by {command}, and said", lambda command=command, pattern=pattern: (
                fixture.judge(test.vmforge(command, spec), 2, pattern)))
        test.attempt(f"after --update the lock fits again ({word})", lambda spec=spec: run(
            test, "lock", "--update", spec) and expect(keys(test, spec, "--locked"), without_lock(test, spec)))


def show_damage(test):
    spec = test.spec("damaged")
    run(test, "lock", spec)
    with open(spec + ".lock", encoding="utf-8") as file:
        whole = file.read()
    for word, text, message in (("half of it is missing", whole[:len(whole) // 2], r".*damaged\.yaml\.lock:\d+:\d+: .*"),
                                ("of another format", whole.replace('"lock": 1', '"lock": 2'),
                                 r".*damaged\.yaml\.lock:2:11: 'lock' .*")):
        with open(spec + ".lock", "w", encoding="utf-8") as file:
            file.write(text)
        test.attempt(f"a lock is refused by its line: {word}",
                     lambda message=message: fixture.judge(test.vmforge("build", spec), 2, message))
    os.unlink(spec + ".lock")
    os.mkfifo(spec + ".lock")
    test.attempt("a pipe in its place is no lock, and waited for by nobody", lambda: fixture.judge(
        test.vmforge("plan", spec, timeout=20), 2, r".*damaged\.yaml\.lock' is no regular file"))
    os.unlink(spec + ".lock")


def run_main(test):
    spec = show_keys(test)
    show_moves(test, spec)
    show_refusals(test)
    show_archives(test)
    show_stale(test)
    show_damage(test)


if __name__ == "__main__":
    fixture.main(run_main)
