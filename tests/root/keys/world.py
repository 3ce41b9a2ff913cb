# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Toyland with something of everything that a spec can say, a spec that says it, and its stages, built."""
import copy
import json
import os
import shutil

import fixture
from fixture import program
from toyrepo import ARCH, EXT4, debrepo

STAGES = ("core", "base", "image", "appliance")
XFS = ["-b", "size=4096"]


class World:
    """Files of a stage have its name behind theirs: path("file") is that of world.stage, "file-base"."""

    def __init__(self, test):
        self.test, self.stage = test, "core"
        self.folder = test.toy.folder
        self.environment = dict(test.toy.environment)
        self.make_packages()
        self.make_extra()
        self.originals = {}
        for stage in STAGES:
            self.stage = stage
            for name, text, mode in (("file", "text", 0o644), ("tree/deep/a", "a", 0o644), ("script", "#!/bin/sh\nexit 0\n", 0o755)):
                self.write(name, text, mode)
                self.originals[self.path(name)] = (text, mode)
        for name, text in (("file-copy", "text"), ("key.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB7K8F8J key\n"), ("other.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB7K8F8K another\n")):
            test.toy.write(name, text)
            os.chmod(os.path.join(self.folder, name), 0o644)
        self.restore()
        self.profile = self.make_profile()
        self.spec = self.make_spec()
        self.write_profile(self.profile)

    def make_packages(self):
        names = [f"toy-{kind}-{stage}" for stage in STAGES for kind in ("feature", "package")]
        for name in (*names, "toy-more", "toy-spare", "toy-unused"):
            debrepo.make_deb(self.test.toy.pool, {"Package": name}, {f"/usr/share/toy/{name}": name})
        self.test.toy.publish_again("good")

    def make_extra(self):
        """A second archive: two suites, some URLs, its key in three files."""
        root = self.test.toy.archive_path("extra")
        os.makedirs(root + "/pool")
        debrepo.make_deb(root + "/pool", {"Package": "toy-extra"}, {"/usr/share/toy/extra": "extra"})
        signer = self.test.toy.make_signer("extra")
        for suite in ("toy", "toy2"):
            debrepo.publish(root, signer, suite, arch=ARCH, pool="pool")
        for name in ("again", *STAGES):  # one URL has one key, so each stage has its own
            os.symlink("extra", self.test.toy.archive_path(f"extra-{name}"))
        key = signer.export(os.path.join(self.folder, "extra.gpg"), armoured=False)
        shutil.copy(key, os.path.join(self.folder, "extra-copy.gpg"))
        other = self.test.toy.make_signer("other").export(os.path.join(self.folder, "other.gpg"), armoured=False)
        with open(os.path.join(self.folder, "extra-more.gpg"), "wb") as file:
            for part in (key, other):
                with open(part, "rb") as source:
                    file.write(source.read())

    def make_profile(self):
        roles = {f"of-{stage}": [f"toy-feature-{stage}"] for stage in STAGES}
        return {
            "profile": 1, "id": "toyland", "plugin": "apt", "arches": {"x86_64": ARCH, "i386": ARCH},
            "network_backend": "systemd-networkd", "hostname": "toy", "bootstrap_packages": ["toy-base"],
            "disk": {"nominal_size": "256MiB", "filesystem": "ext4",
                     "filesystems": {"ext4": {"mkfs": EXT4}, "xfs": {"mkfs": XFS}}},
            "roles": {**roles, "more": ["toy-more"], "unused": ["toy-unused"]}, "kernel_arguments": [],
            "settings": {"mirror": self.test.toy.url("good"), "suites": ["toy"], "components": ["main"],
                         "keyring": {"path": self.test.toy.key, "package": "toyland-keyring"}},
            "releases": {name: {"arches": {"x86_64": None, "i386": None}} for name in ("toy", "toys")},
        }

    def make_stage(self, stage):
        more = ["toy-spare"] if stage == "core" else []
        return {
            "repositories": [{"url": self.test.toy.url(f"extra-{stage}"), "suite": "toy", "components": ["main"], "key": "extra.gpg",
                              "name": f"extra-{stage}"}],
            "features": [f"of-{stage}"], "packages": [f"toy-package-{stage}", *more],
            "users": [{"name": f"user-{stage}", "groups": ["sudo"], "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB7K8F8J key"]}],
            "files": [{"from": f"file-{stage}", "to": f"/srv/{stage}/file"}, {"from": f"tree-{stage}", "to": f"/srv/{stage}/tree"},
                      {"content": "text", "to": f"/srv/{stage}/content"}, {"link": "/srv", "to": f"/srv/{stage}/link"}],
            "run": [{"script": f"script-{stage}"}, f"echo {stage} >/srv/{stage}/ran"],
        }

    def make_spec(self):
        spec = {"vmforge": 1, "name": "mutated", "distro": {"id": "toyland", "release": "toy", "arch": "x86_64"},
                "disk": {"size": "512MiB", "firmware": ["bios", "uefi"]}}
        for stage in STAGES:
            spec[stage] = self.make_stage(stage)
        spec["appliance"]["hostname"] = "toy"
        return spec

    def url(self, name):
        return self.test.toy.url(name)

    def path(self, name):
        head, _, rest = name.partition("/")
        return os.path.join(self.folder, f"{head}-{self.stage}", rest) if rest else os.path.join(
            self.folder, name if name.endswith(".json") else f"{head}-{self.stage}")

    def to_text(self, value):
        return json.dumps(value, indent=1)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def restore(self):
        """The files beside the spec as they were, but for their times."""
        for stage in STAGES:
            shutil.rmtree(os.path.join(self.folder, f"tree-{stage}"), ignore_errors=True)
        for path, (text, mode) in self.originals.items():
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, mode)

    def write_profile(self, profile):
        """And the same for another distribution."""
        for name in ("toyland", "toyworld"):
            self.test.toy.write(f"profiles/{name}.yaml", {**profile, "id": profile["id"] if name == "toyland" else name})

    def write_spec(self, spec):
        return self.test.toy.write("mutated.json", spec)

    def plan(self, spec, *arguments, store=None):
        """(the stages in order or None, the finished process)."""
        done = program.vmforge("plan", "--json", *arguments, self.write_spec(spec), "--store", store or self.test.store,
                               env=self.environment)
        return (json.loads(done.stdout) if done.returncode == 0 else None), done

    def build(self, spec):
        done = self.test.vmforge("build", self.write_spec(spec))
        if done.returncode:
            raise RuntimeError(program.said(done))

    def copies(self):
        return copy.deepcopy(self.spec), copy.deepcopy(self.profile)


__all__ = ["STAGES", "World", "fixture"]
