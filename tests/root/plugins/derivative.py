#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A site's own rebuild of a distribution, with a mirror and a key of its own: one more profile, and no program."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import fixture
import toyrepo
from fixture import judge, program
from toyrepo import debrepo

STAGES = ("core", "base", "image", "appliance")


class Site:
    """The rebuild: toyland's packages, one of them with a change, and one more."""

    def __init__(self, test):
        self.test, self.toy = test, test.toy
        self.signer = self.toy.make_signer("the site")
        self.key = self.signer.export(os.path.join(self.toy.folder, "site.gpg"), armoured=False)
        archive = self.toy.archive_path("site")
        pool = archive + "/pool"
        os.makedirs(pool)
        for name in os.listdir(self.toy.pool):
            if not name.startswith("toy-hello_"):
                os.link(f"{self.toy.pool}/{name}", f"{pool}/{name}")
        debrepo.make_deb(pool, {"Package": "toy-hello", "Version": "1+site1", "Depends": "toy-lib (>= 1)"},
                         {"/usr/share/toy/hello": "of the site\n"})
        debrepo.make_deb(pool, {"Package": "site-agent"}, {"/usr/share/toy/agent": "agent\n"})
        debrepo.publish(archive, self.signer, "stable", arch=toyrepo.ARCH, pool="pool")

    def write_profile(self, identity, keyring):
        """As a site does: a copy of the distribution's profile, with its own name, mirror, key, suite and role."""
        with open(os.path.join(self.toy.folder, "profiles", "toyland.yaml"), encoding="utf-8") as file:
            profile = json.load(file)
        profile |= {"id": identity, "hostname": "site", "bootstrap_packages": ["toy-base", "site-agent"],
                    "releases": {"stable": {"aliases": ["1"], "arches": {"x86_64": None}}}}
        profile["settings"] |= {"mirror": self.toy.url("site"), "suites": ["stable"],
                           "keyring": {"path": keyring, "package": "site-keyring"}}
        self.toy.write(f"profiles/{identity}.yaml", profile)

    def spec(self, name, identity, **keys):
        return self.test.spec(name, distro={"id": identity, "release": "1", "arch": "x86_64"}, **keys)


def build(test, spec, wanted):
    """Nothing, or how the build went wrong; wanted: the state of each stage."""
    done = test.vmforge("build", "--json", spec)
    got = program.stage_events(done)
    return None if done.returncode == 0 and got == dict.fromkeys(STAGES, wanted) else f"{got}\n{program.said(done)}"


def inside(test, image, commands):
    done = subprocess.run([program.PROGRAM, "shell", image, "--store", test.store], input=commands, text=True,
                          capture_output=True, check=False, timeout=60, env=test.toy.environment)
    return done.stdout if done.returncode == 0 else program.said(done)


def show(test):
    site = Site(test)
    spec = site.spec("derived", "toyland-site", appliance={})
    done = test.vmforge("build", spec)
    test.tap.ok(done.returncode == 2 and "unknown distribution 'toyland-site'" in done.stderr,
                "without its profile the derivative is unknown", program.said(done))
    site.write_profile("toyland-site", site.key)
    test.toy.server.log.clear()
    test.attempt("with its profile alone, four stages of it are built", lambda: build(test, spec, "built"))
    asked = {path.split("/")[1] for path in test.toy.server.log}
    test.tap.ok(asked == {"site"}, "its mirror alone is asked", asked)

    def content():
        text = inside(test, "derived", "cat /usr/share/toy/hello /usr/share/toy/agent /etc/hostname\n")
        return None if text == "of the site\nagent\nsite\n" else text

    def sources():
        text = inside(test, "derived", "cat /etc/apt/sources.list.d/* /etc/apt/sources.list 2>&1\n")
        return None if test.toy.url("site") in text and "stable" in text and test.toy.url("good") not in text else text
    test.attempt("it has the packages and the name of the site", content)
    test.attempt("the image is told the mirror and the suite of the site", sources)
    test.attempt("a second build makes nothing", lambda: build(test, spec, "reused"))
    test.attempt("the distribution that it derives from is built as ever",
                 lambda: build(test, test.spec("plain"), "built"))

    def untrusted():
        site.write_profile("toyland-forged", test.toy.key)
        done = test.vmforge("build", site.spec("forged", "toyland-forged"))
        return judge(done, 1, r".*NO_PUBKEY.*signature.*|.*signature.*NO_PUBKEY.*|.*not signed.*")
    test.attempt("with the key of the distribution instead of its own it is refused", untrusted)


if __name__ == "__main__":
    fixture.main(show)
