#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""`distro: {snapshot: …}`: packages of one moment, from every archive of a distribution, in the layout of the public
snapshot service: /archive/NAME/MOMENT/."""
import json
import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import fixture
from locking import build, expect, keys, publish, read, run
from toyrepo import ARCH, EXT4, debrepo

MOMENT = "20201101T000000Z"
YEAR = 365 * 86400


class Pinned:
    """A distribution with two archives, pinland and pinland-security, as they were and as they are."""

    def __init__(self, test):
        self.test, self.toy = test, test.toy
        self.archive("security", "pin-security", [{"Package": "toy-secured", "Version": "1.1"}])
        self.archive(f"snapshot/archive/security/{MOMENT}", "pin-security",
                     [{"Package": "toy-secured", "Version": "1.0"}], valid_for=-YEAR)
        for name in ("main", f"snapshot/archive/main/{MOMENT}"):
            os.makedirs(self.toy.archive_path(name))
            os.symlink(self.toy.pool, self.toy.archive_path(name) + "/pool")
        self.sign("main", "pin")
        self.sign(f"snapshot/archive/main/{MOMENT}", "pin", valid_for=-YEAR)
        publish(test, ({"Package": "toy-lib", "Version": "2"}, {}))
        self.sign("main", "pin")
        os.symlink("snapshot", self.toy.archive_path("another"))

    def archive(self, name, suite, packages, **options):
        os.makedirs(self.toy.archive_path(name) + "/pool")
        for fields in packages:
            debrepo.make_deb(self.toy.archive_path(name) + "/pool", fields)
        self.sign(name, suite, **options)

    def sign(self, name, suite, valid_for=None):
        debrepo.publish(self.toy.archive_path(name), self.toy.signers[0], suite, arch=ARCH, pool="pool",
                        valid_for=valid_for)

    def profile(self, service="snapshot"):
        url = self.toy.url
        snapshots = {url(name): url(f"{service}/archive/{name}/@SNAPSHOT@") for name in ("main", "security")}
        self.toy.write("profiles/pinland.yaml", {
            "profile": 1, "id": "pinland", "plugin": "apt", "arches": {"x86_64": ARCH},
            "network_backend": "systemd-networkd", "hostname": "toy", "bootstrap_packages": ["toy-base"],
            "disk": {"nominal_size": "256MiB", "filesystem": "ext4", "filesystems": {"ext4": {"mkfs": EXT4}}},
            "roles": {}, "kernel_arguments": [], "snapshots": snapshots,
            "settings": {"mirror": url("main"), "security_mirror": url("security"),
                         "suites": ["pin", "pin-security"], "components": ["main"],
                         "keyring": {"path": self.toy.key, "package": "toyland-keyring"}},
            "releases": {"pin": {"arches": {"x86_64": None}}}})

    def spec(self, name, moment=MOMENT, **more):
        distro = {"id": "pinland", "release": "pin", "arch": "x86_64", **({"snapshot": moment} if moment else {})}
        return self.toy.spec(name, distro=distro, core={"packages": ["toy-lib", "toy-secured"]}, **more)


def versions(pinned, spec):
    run(pinned.test, "lock", "--update", spec)
    packages = read(spec)["stages"]["core"]["packages"]
    return {package["name"]: package["version"] for package in packages if package["name"] != "toy-base"}


def urls(pinned, spec):
    return sorted(package["url"] for package in read(spec)["stages"]["core"]["packages"])


def pinned_alone(pinned):
    """Nothing, or what else than the snapshot was asked."""
    spec = pinned.spec("pinned")
    pinned.toy.server.log.clear()
    build(pinned.test, spec)
    strange = [path for path in pinned.toy.server.log if f"/{MOMENT}/" not in path]
    return f"{strange} of {len(pinned.toy.server.log)}" if strange or not pinned.toy.server.log else None


def repository(pinned, name, moment):
    """A repository of a spec beside the archives; expired in either case."""
    path = f"more/{moment}" if moment else "more/today"
    if not os.path.exists(pinned.toy.archive_path(path)):
        pinned.archive(path, "toy", [{"Package": "toy-more"}], valid_for=-YEAR)
    entry = {"url": pinned.toy.url(path), "suite": "toy", "components": ["main"], "key": pinned.toy.key, "name": "more"}
    return pinned.spec(name, moment, image={"repositories": [entry], "packages": ["toy-more"]})


def show(test):
    pinned = Pinned(test)
    pinned.profile()
    today, then = pinned.spec("today", None), pinned.spec("then")
    test.attempt("a build of a snapshot asks no other archive, although its metadata have long expired",
                 lambda: pinned_alone(pinned))
    test.attempt("without a snapshot the packages are today's", lambda: expect(
        versions(pinned, today), {"toy-lib": "2", "toy-secured": "1.1"}))
    test.attempt("with one they are of that moment, those of the security suite too", lambda: expect(
        versions(pinned, then), {"toy-lib": "1", "toy-secured": "1.0"}))
    place = pinned.toy.url("snapshot/archive")
    test.attempt("a lock has the URLs of the snapshot", lambda: expect(urls(pinned, then), [
        f"{place}/main/{MOMENT}/pool/toy-base_1_amd64.deb", f"{place}/main/{MOMENT}/pool/toy-lib_1_all.deb",
        f"{place}/security/{MOMENT}/pool/toy-secured_1.0_all.deb"]))
    test.attempt("a lock of today is not one of the snapshot", lambda: os.replace(today + ".lock", then + ".lock") or (
        fixture.judge(test.vmforge("plan", then), 2,
                      r".*stage 'core' takes packages from other sources than its lock \(.*snapshot.*\).*")))
    os.unlink(then + ".lock")
    show_keys(test, pinned, then)
    test.attempt("a repository of the snapshot may have expired too", lambda: build(
        test, repository(pinned, "repository", MOMENT)) and None)
    test.attempt("one that is of no snapshot may not", lambda: fixture.judge(
        test.vmforge("build", repository(pinned, "expired", None)), 1, r".*more/today.* is expired.*"))


def show_keys(test, pinned, spec):
    told = keys(test, spec)
    pinned.spec("then", "20201102T000000Z")
    os.symlink(MOMENT, pinned.toy.archive_path("snapshot/archive/main/20201102T000000Z"))
    os.symlink(MOMENT, pinned.toy.archive_path("snapshot/archive/security/20201102T000000Z"))
    test.attempt("the moment enters the keys", lambda: (
        "they are the same" if set(keys(test, spec)) & set(told) else None))
    pinned.spec("then")
    pinned.profile("another")
    test.attempt("where snapshots are kept does not", lambda: expect(keys(test, spec, "--refresh", "0"), told))


if __name__ == "__main__":
    fixture.main(show)
