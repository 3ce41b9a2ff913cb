#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What the apt plugin does with repositories, metadata and packages that are out of the ordinary, in toyland."""
import os
import shutil
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import fixture
from fixture import program
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


def run(test):
    show_keys(test)


if __name__ == "__main__":
    os.environ.pop("TMPDIR", None)  # the private view has no such folder
    fixture.main(run)
