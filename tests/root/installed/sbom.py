#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""`vmforge images sbom`: the packages of an image with the digests of the archives that they came from."""
import glob
import hashlib
import json
import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import fixture
from fixture import program

# What a step of a spec may do behind the back of the package plugin.
STRAY = """mkdir -p /tmp/stray/DEBIAN
printf 'Package: stray\\nVersion: 1:1.0+x\\nArchitecture: all\\nMaintainer: nobody\\nDescription: stray\\n' >/tmp/stray/DEBIAN/control
dpkg-deb --build /tmp/stray /tmp/stray.deb && dpkg -i /tmp/stray.deb && rm -r /tmp/stray /tmp/stray.deb
"""


def sbom(test, store=None):
    done = test.vmforge("images", "sbom", "listed", store=store)
    if done.returncode:
        raise RuntimeError(program.said(done))
    return done.stdout


def digest_of(test, name):
    path = glob.glob(f"{test.toy.pool}/{name}_*.deb")[0]
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def build(test, store=None):
    spec = test.spec("listed", base={"packages": ["toy-site"]},
                     image={"packages": ["toy-hello"], "remove": ["toy-site"], "run": [STRAY]})
    done = test.vmforge("build", spec, store=store)
    if done.returncode:
        raise RuntimeError(program.said(done))


def packages(test):
    """Those of all stages, with what was removed left out."""
    document = json.loads(sbom(test))
    manifest = json.loads(test.vmforge("images", "show", "--json", "listed").stdout)["manifest"]
    found = {package["name"]: package for package in document["packages"][1:]}
    wanted = {"toy-base", "toy-lib", "toy-hello"}
    if set(found) != {*wanted, "stray"} or len(manifest["packages"]) != len(found):
        return f"{list(found)}"
    for name in wanted:
        checksums = [{"algorithm": "SHA256", "checksumValue": digest_of(test, name)}]
        if found[name].get("checksums") != checksums:
            return f"{name}: {found[name]}"
    if "checksums" in found["stray"]:
        return f"nobody knows the archive of {found['stray']}"
    purl = found["stray"]["externalRefs"][0]["referenceLocator"]
    return None if purl == "pkg:deb/toyland/stray@1:1.0%2Bx?arch=all" else purl


def everywhere(test):
    """The same bytes in a store that the image was pushed to."""
    target = os.path.join(test.work, "sbom-target")
    key = os.path.join(test.work, "service.pub")
    with open(key, "w", encoding="utf-8") as file:
        file.write(test.vmforge("key", "export").stdout)
    test.vmforge("key", "trust", key, "--role", "service", store=target)
    done = test.vmforge("push", "listed", f"file://{target}")
    try:
        return program.said(done) if done.returncode else None if sbom(test) == sbom(test, target) else "they differ"
    finally:
        program.close_store(target)


def stage(test):
    key = json.loads(test.vmforge("images", "show", "--json", "listed").stdout)["stage"]
    return fixture.judge(test.vmforge("images", "sbom", key), 2, f"'{key}' is a stage: only images that have a name .*")


def run(test):
    build(test)
    test.attempt("it has each package with the digest of its archive", lambda: packages(test))
    test.attempt("it is the same wherever the image is", lambda: everywhere(test))
    test.attempt("a stage has none", lambda: stage(test))


if __name__ == "__main__":
    fixture.main(run)
