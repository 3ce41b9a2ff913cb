#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What the apt plugin does with repositories, metadata and packages that are out of the ordinary, in toyland."""
import contextlib
import glob
import os
import shutil
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import fixture
import kernels
from fixture import namespace, program
from toyrepo import ARCH, debrepo


class Extra:
    """A repository beside toyland's archive, signed with a key of its own."""

    def __init__(self, test, name, make):
        self.test, self.name = test, name
        self.root = test.toy.archive_path(name)
        os.makedirs(self.root + "/pool")
        make(lambda fields, *rest: debrepo.make_deb(self.root + "/pool", fields, *rest))
        self.signer = test.toy.make_signer(name)
        debrepo.publish(self.root, self.signer, "toy", arch=ARCH, pool="pool")

    def entry(self, key, armoured):
        self.signer.export(os.path.join(self.test.toy.folder, key), armoured)
        return {"url": self.test.toy.url(self.name), "suite": "toy", "components": ["main"], "key": key,
                "name": self.name}


def succeed(test, *arguments, **options):
    """Nothing, or what a failed command printed."""
    done = test.vmforge(*arguments, **options)
    return program.said(done) if done.returncode else None


def show_keys(test):
    extra = Extra(test, "extra", lambda deb: deb({"Package": "toy-extra"}, {"/usr/share/toy/extra": "extra\n"}))
    for word, armoured, ending in (("an armoured", True, "asc"), ("a binary", False, "gpg")):
        spec = test.spec(f"key-{ending}", image={
            "repositories": [extra.entry(f"the key, of extra ({ending})", armoured)], "packages": ["toy-extra"],
            "run": [f"test -s /etc/apt/keyrings/extra.{ending}",
                    f"grep -qx 'Signed-By: /etc/apt/keyrings/extra.{ending}' /etc/apt/sources.list.d/extra.sources"]})
        test.attempt(f"{word} key in a file whose name has blanks, a comma and no ending is used, and kept in the image",
                     lambda spec=spec: succeed(test, "build", spec))
    store = os.path.join(test.work, "a,store")
    test.attempt("the path of a store may have a comma", lambda: succeed(
        test, "build", test.spec("commas"), store=store), store)
    if program.close_store(store):
        shutil.rmtree(store, ignore_errors=True)


@contextlib.contextmanager
def host_sources(test, text):
    """The host's own apt sources are these alone."""
    folder = os.path.join(test.work, "sources.list.d")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "toy.list"), "w", encoding="utf-8") as file:
        file.write(text)
    with namespace.mounted(folder, "/etc/apt/sources.list.d", flags=namespace.MS_BIND):
        yield


def build_without_lists(test, spec, pattern):
    """A build after the package lists of this pattern are gone."""
    gone = glob.glob(f"{test.store}/cache/apt/lists-*/{pattern}")
    for path in gone:
        os.unlink(path)
    return succeed(test, "build", spec) if gone else f"no list is named {pattern}"


@contextlib.contextmanager
def moved_mirror(test):
    """The host has another mirror, and the one so far is gone."""
    good, second = test.toy.archive_path("good"), test.toy.archive_path("second")
    os.makedirs(second)
    os.rename(good, test.toy.archive_path("moved"))
    os.symlink("../moved", second + "/good")
    try:
        with host_sources(test, f"deb {test.toy.url('second/good')} toy main\n"):
            yield
    finally:
        os.rename(test.toy.archive_path("moved"), good)


def build_without_archives(test):
    """Of what was resolved before, all has to be fetched again."""
    shutil.rmtree(f"{test.store}/cache/packages")
    spec = test.spec("fetched-again", core={"packages": ["toy-lib"], "files": [{"content": "x", "to": "/etc/x"}]})
    return succeed(test, "build", "--refresh", "0", spec)


def show_metadata(test):
    extra = Extra(test, "more", lambda deb: [deb({"Package": name}) for name in ("toy-one", "toy-two")])
    entry = [extra.entry("more.gpg", False)]

    def spec(name, package):
        return test.spec(name, image={"repositories": entry, "packages": [package]})
    test.attempt("a first build brings the metadata", lambda: succeed(test, "build", spec("first", "toy-one")))
    test.attempt("some lists that are gone are brought again within the hour",
                 lambda: build_without_lists(test, spec("some", "toy-two"), "*_more_*"))
    test.attempt("so are all of them", lambda: build_without_lists(
        test, test.spec("all", image={"packages": ["toy-slow"]}), "*_*"))
    with moved_mirror(test):
        test.attempt("another mirror of the host is used within the hour",
                     lambda: succeed(test, "build", test.spec("moved", image={"packages": ["toy-links"]})))
        test.attempt("with newer metadata, also for what was resolved before", lambda: build_without_archives(test))


def make_odd(deb):
    """Packages that do not get on with those of the stages below."""
    deb({"Package": "toy-rival", "Conflicts": "toy-site"})
    deb({"Package": "toy-needed"}, {"/usr/bin/toy-needed": ("#!/bin/sh\nexit 0\n", 0o755)})
    deb({"Package": "toy-caller"}, {}, {"postinst": "#!/bin/sh\nset -e\ntoy-needed\n"})
    deb({"Package": "toy-prior"})
    deb({"Package": "toy-lib", "Version": "2", "Pre-Depends": "toy-prior"}, {"/usr/share/toy/lib": "lib 2\n"})
    deb({"Package": "toy-heir", "Breaks": "toy-lib (<< 2)", "Depends": "toy-lib (>= 2)"})
    deb({"Package": "toy-breaking", "Breaks": "toy-lib (<< 2)"})


def show_changes(test):
    entry = [Extra(test, "odd", make_odd).entry("odd.gpg", False)]

    def attempt(sentence, name, *run, **image):
        spec = test.spec(name, base={"features": ["site"], "repositories": entry, "packages": ["toy-needed"]},
                         image={**image, "run": list(run)})
        test.attempt(sentence, lambda: succeed(test, "build", spec))
    absent, current = "test ! -e /usr/share/toy/site", "grep -qx 'lib 2' /usr/share/toy/lib"
    attempt("a package of a stage below goes where what comes conflicts with it", "rival", absent, packages=["toy-rival"])
    attempt("also where the user names it", "named", absent, packages=["toy-rival"], remove=["toy-site"])
    attempt("what the user removes is there until all is configured", "caller", "test ! -e /usr/bin/toy-needed",
            packages=["toy-caller"], remove=["toy-needed"])
    attempt("a package may break the version below of one that comes with it", "heir", current, packages=["toy-heir"])
    attempt("also of one that comes later", "breaking", current, packages=["toy-breaking", "toy-lib"])


def run(test):
    show_keys(test)
    show_metadata(test)
    show_changes(test)
    kernels.show_kernels(test, Extra(test, "kernels", kernels.make_packages).entry("kernels.gpg", False), succeed)


if __name__ == "__main__":
    os.environ.pop("TMPDIR", None)  # the private view has no such folder
    fixture.main(run)
