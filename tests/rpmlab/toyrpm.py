# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Toyland (tests/root/toyrepo.py) as an RPM distribution: the same packages, names, mirrors and specs."""
import functools
import glob
import os
import shutil
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "vm"), os.path.join(HERE, "..", "root")]

# pylint: disable=wrong-import-position
import rpmrepo
import toyrepo

RPM_PROGRAMS = ["rpm", "rpmkeys", "rpmdb"]
DATABASE = "/usr/lib/sysimage/rpm"


def base_files():
    files = {path: content for path, content in toyrepo.base_files(RPM_PROGRAMS).items() if "dpkg" not in path}
    for folder, _, names in os.walk("/usr/lib/rpm"):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.basename(path) in ("macros", "rpmrc", "rpmpopt-4.18.0") or path.endswith("/x86_64-linux/macros"):
                with open(path, "rb") as file:
                    files[path] = file.read()
    files["/usr/lib/rpm/macros.d/macros.toyland"] = f"%_dbpath {DATABASE}\n"
    files["/etc/rpm"] = None
    return files


def links():
    return {f"/{name}": f"-> usr/{name}" for name in ("bin", "sbin", "lib", "lib64")} | {
        f"/usr/{name}": None for name in ("", "bin", "sbin", "lib", "lib64", "share")} | {"/etc": None, "/var": None, "/var/lib": None}


def make_packages(pool):
    rpm = functools.partial(rpmrepo.make_rpm, pool)
    rpm("filesystem", {path: content for path, content in links().items() if path != "/usr/"}, version="3")
    rpm("toy-base", base_files(), arch="x86_64", tags=["Requires: filesystem", "Provides: rpm", "Provides: /bin/sh", "Provides: /usr/bin/sh"])
    rpm("toy-hello", {"/usr/bin/toy-hello": toyrepo.SUCCEEDS}, epoch=1, tags=["Requires: toy-lib >= 1"],
        scripts={"post": "touch /var/lib/toy-hello"})
    rpm("toy-lib", {"/usr/share/toy/lib": "lib\n"}, version="1.2")
    rpm("toy-site", {"/usr/share/toy/site": "site\n"})


class RpmToyland(toyrepo.Toyland):
    def make_packages(self):
        make_packages(self.pool)

    def make_odd_packages(self):
        rpm = functools.partial(rpmrepo.make_rpm, self.pool)
        rpm("toy-slow", {"/usr/share/toy/slow": "slow\n"}, scripts={"post": "echo toy-slow begins\nsleep 3"})
        rpm("toy-failing", scripts={"post": "echo the reason of toy-failing >&2\nexit 9"})
        rpm("toy-orphan", tags=["Requires: toy-nowhere"])
        rpm("toy-huge", {"/usr/share/toy/huge": bytes(200 << 20)})

    def make_archive(self, name, signer, valid_for=None):
        folder = self.archive_path(name)
        shutil.copytree(self.pool, folder)
        if signer:
            rpmrepo.sign([f"{folder}/{file}" for file in sorted(os.listdir(folder)) if file.endswith(".rpm")], signer)
        rpmrepo.publish(folder)

    def make_odd_archives(self, signer):
        self.make_archive("stranger", self.make_signer("a stranger"))
        self.make_archive("unsigned", None)
        self.make_archive("damaged", signer)
        self.make_archive("broken", signer)
        for name in os.listdir(self.archive_path("damaged")):
            if name.endswith(".rpm"):
                with open(f"{self.archive_path('damaged')}/{name}", "r+b") as file:
                    file.seek(-1, os.SEEK_END)
                    last = file.read(1)[0]
                    file.seek(-1, os.SEEK_END)
                    file.write(bytes([last ^ 1]))
        for path in glob.glob(f"{self.archive_path('broken')}/repodata/*primary*"):
            with open(path, "wb") as file:
                file.write(b"nothing")

    def profile_settings(self):
        return {"mirror": self.url("good"), "repositories": [{"id": "toy", "path": ""}],
                "keys": [{"path": self.key, "fingerprint": self.signers[0].fingerprint()}]}

    def pin(self, fingerprint):
        """Another fingerprint in the profile; None: no key at all."""
        keys = [{"path": self.key, "fingerprint": fingerprint}] if fingerprint else []
        settings = self.profile_settings()
        self.profile_settings = lambda: {**settings, "keys": keys}
        self.write_profile()

    def profile_names(self):
        return {"plugin": "yum", "purl": "rpm/toyland", "arches": {"x86_64": "x86_64"}}
