#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A third package plugin, which nothing of vmforge knows: the project of `plugins new package` brings a distribution by
its plugin and a profile alone."""
import glob
import json
import os
import shutil
import subprocess

import stranger
from fixture import judge, program
from installed import STAGES, run

NAME = "crate"


def put(*parts, text="", mode=0o644):
    path = os.path.join(*parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


class Crates:
    """The distribution `other`: a repository of this format, its profile and its specs."""

    def __init__(self, test, project):
        self.test, self.project = test, project
        self.folder = os.path.join(test.work, "crates")
        self.packages, self.repository = f"{self.folder}/packages", f"{self.folder}/repository"
        self.profiles, self.plugins = f"{self.folder}/profiles", f"{self.folder}/plugins"
        for folder in (self.packages, self.profiles, self.plugins):
            os.makedirs(folder)
        self.environment = {**os.environ, "VMFORGE_PLUGIN_PATH": self.plugins, "VMFORGE_PROFILE_PATH": self.profiles}

    def package(self, name, depends="", files=None, postinst=None):
        """files: path → text, or '-> target' of a link."""
        put(self.packages, f"{name}.info", text=f"1 all {depends}\n")
        os.makedirs(f"{self.packages}/{name}", exist_ok=True)
        for path, text in (files or {}).items():
            if text.startswith("-> "):
                os.symlink(text[3:], f"{self.packages}/{name}/{path}")
            else:
                put(self.packages, name, path, text=text)
        if postinst:
            put(self.packages, name, f"var/lib/{NAME}/{name}/postinst", text="#!/bin/sh\n" + postinst, mode=0o755)

    def script(self, name, *arguments):
        done = run("sh", os.path.join(self.project.folder, name), *arguments)
        if done.returncode:
            raise RuntimeError(program.said(done))

    def publish(self, repository=None):
        self.script("make-repository.sh", self.packages, repository or self.repository)

    def make(self):
        """Packages of the project's own script, and those that are of interest here."""
        self.script("make-packages.sh", self.packages)
        put(self.packages, "base", "boot/boot.efi", text="no boot program\n")
        self.package("greeting", "words", {"usr/share/greeting": "greeting\n"},
                     "cat /usr/share/words >/usr/share/greeted\n")
        self.package("words", files={"usr/share/words": "words\n"})
        self.package("orphan", "nowhere")
        self.package("failing", postinst="echo the reason >&2; exit 9\n")
        self.package("ring-a", "ring-b", {"usr/share/ring-a": "a\n"})
        self.package("ring-b", "ring-a", {"usr/share/ring-b": "b\n"})
        self.package("networked", postinst="cat /proc/net/dev >/net\n")
        self.package("link", files={"out": "-> " + self.folder})
        self.package("through-link", "link", {"out/escaped": "escaped\n"})
        self.publish()

    def write_profile(self):
        with open(os.path.join(self.project.folder, NAME + ".yaml"), encoding="utf-8") as file:
            text = file.read()
        for old, new in (("@REPOSITORY@", f"file://{self.repository}"), ("@KEYRING@", f"{self.repository}/key.gpg"),
                         (f"id: {NAME}\n", "id: other\n")):
            if old not in text:
                raise RuntimeError(f"the profile has no '{old.strip()}'")
            text = text.replace(old, new)
        put(self.profiles, "other.yaml", text=text)

    def spec(self, name, mirror=None, **keys):
        spec = {"vmforge": 1, "name": name, "distro": {"id": "other", "release": "one", "arch": os.uname().machine},
                "disk": {"size": "320MiB"}, **keys}
        if mirror:
            spec["mirrors"] = [f"file://{mirror}"]
        return self.test.toy.write(f"{name}.yaml", spec)

    def vmforge(self, *arguments, store=None):
        return program.vmforge(*arguments, "--store", store or self.test.store, env=self.environment)

    def states(self, spec, *arguments):
        done = self.vmforge("build", "--json", spec, *arguments)
        if done.returncode:
            raise RuntimeError(program.said(done))
        return list(program.stage_events(done).values())

    def inside(self, image, commands):
        done = subprocess.run([program.PROGRAM, "shell", image, "--store", self.test.store], input=commands,
                              text=True, capture_output=True, check=False, timeout=60, env=self.environment)
        return done.stdout if done.returncode == 0 else program.said(done)


def differs(got, wanted):
    return None if got == wanted else f"{got!r}\ninstead of\n{wanted!r}"


def show_refused(crates):
    """Before the plugin and the profile are in place, vmforge knows neither."""
    done = crates.vmforge("build", crates.spec("early"))
    crates.test.tap.ok(done.returncode == 2 and "unknown distribution 'other'" in done.stderr,
                       "without profile and plugin there is no such distribution", program.said(done))


def show_build(crates):
    spec = crates.spec("first", core={"packages": ["words"]}, base={"run": ["echo base >/base"]},
                       image={"packages": ["greeting", "hello"]}, appliance={"hostname": "crate"})

    def content():
        commands = "cat /usr/share/greeting /usr/share/greeted /usr/share/hello/postinst /etc/hostname /base\n"
        return differs(crates.inside("first", commands), "greeting\nwords\nran\ncrate\nbase\n")

    def database():
        files = crates.inside("first", f"cat /var/lib/{NAME}/greeting/info; cd /var/lib/{NAME}; echo *\n")
        installed = files.splitlines()[-1]
        return differs((files.split()[:3], installed), (["greeting", "1", "all"], "base greeting hello words"))

    def manifest():
        done = crates.vmforge("stages", "show", "--json", stage_key(crates, "image"))
        packages = sorted(f"{one['name']} {one['version']}" for one in json.loads(done.stdout)["packages"]) \
            if done.returncode == 0 else program.said(done)
        return differs(packages, ["base 1", "greeting 1", "hello 1.0", "words 1"])

    def boots():
        line = crates.inside("first", "cat /etc/kernel/cmdline\n")
        if not line.startswith("root=UUID=") or " ro console=tty0 console=ttyS0,115200\n" not in line:
            return line
        raw = os.path.join(crates.folder, "first.raw")
        done = crates.vmforge("export", "first", "--format", "raw", "--output", raw)
        if done.returncode:
            return program.said(done)
        with open(raw, "rb") as file:
            found = b"no boot program\n" in file.read(64 << 20)  # the EFI system partition comes first
        return None if found else "the boot program is not in the EFI system partition"
    test = crates.test
    test.attempt("four stages are built with it", lambda: differs(crates.states(spec), ["built"] * len(STAGES)))
    test.attempt("the image has the packages, what they depend on, and what their scripts did", content)
    test.attempt("it has the database of the plugin", database)
    test.attempt("the record of the stage lists its packages", manifest)
    test.attempt("it has the kernel command line, and the boot program in its place", boots)
    test.attempt("a second build takes all four stages from the cache",
                 lambda: differs(crates.states(spec), ["reused"] * len(STAGES)))
    test.attempt("metadata that were fetched anew, and say the same, change nothing",
                 lambda: differs(crates.states(spec, "--refresh", "0s"), ["reused"] * len(STAGES)))
    test.attempt("without the network too", lambda: differs(crates.states(spec, "--offline"), ["reused"] * len(STAGES)))


def stage_key(crates, name):
    stages = json.loads(crates.vmforge("stages", "list", "--json").stdout)
    return next(stage["key"] for stage in stages if stage["stage"] == name)


def show_packages(crates):
    def refuse(sentence, name, status, message):
        spec = crates.spec("refused", image={"packages": [name]})
        crates.test.attempt(sentence, lambda: judge(crates.vmforge("build", spec), status, message))

    def ring():
        spec = crates.spec("ring", image={"packages": ["ring-a"]})
        crates.states(spec)
        return differs(crates.inside("ring", "cat /usr/share/ring-*\n"), "a\nb\n")

    def escapes():
        spec = crates.spec("escapes", image={"packages": ["through-link"]})
        done = crates.vmforge("build", spec)
        out = os.path.exists(crates.folder + "/escaped")
        return f"a package wrote to {crates.folder}: {program.said(done)}" if out else None

    def has_no_network():
        crates.states(crates.spec("networked", image={"packages": ["networked"]}))
        lines = crates.inside("networked", "cat /net\n").splitlines()
        return differs([line.split(":")[0].strip() for line in lines if ":" in line], ["lo"])
    refuse("an unknown package is named with its stage", "nonesuch", 2,
           rf".*stage 'image': {NAME}: unknown package 'nonesuch'.*")
    refuse("a dependency that nobody has is named", "orphan", 2,
           rf".*stage 'image': {NAME}: package 'orphan' needs 'nowhere'.*")
    refuse("a package whose script fails is named", "failing", 1,
           rf"stage 'image': {NAME}: package 'failing' cannot be installed: exit status 9 .*")
    removing = crates.spec("removing", core={"packages": ["words"]}, image={"remove": ["words"]})
    crates.test.attempt("what it cannot do is refused: to remove a package", lambda: judge(
        crates.vmforge("build", removing), 2, rf".*stage 'image': {NAME}: package 'words' cannot be removed.*"))
    crates.test.attempt("packages that need each other are installed", ring)
    crates.test.attempt("a link of one package does not lead another out of the image", escapes)
    crates.test.attempt("a script of a package has no network", has_no_network)


def show_mirrors(crates):
    """Repositories that are not what they were, or are not there."""
    def changed(name, change, status, message, packages=()):
        mirror, store = f"{crates.folder}/{name}", f"{crates.folder}/store-{name}"
        shutil.copytree(crates.repository, mirror)
        change(mirror)
        spec = crates.spec("mirror-" + name, mirror=mirror, image={"packages": list(packages)})
        try:
            return judge(crates.vmforge("build", spec, store=store), status, message)
        finally:
            program.close_store(store)

    def offline():
        done = crates.vmforge("build", "--offline", crates.spec("offline"), store=crates.folder + "/store-offline")
        program.close_store(crates.folder + "/store-offline")
        return judge(done, 3, rf".*{NAME}: there is no index of '.*' yet.*--offline.*")

    def edit_index(mirror):
        with open(f"{mirror}/index.asc", "r+", encoding="utf-8") as file:
            text = file.read().replace("greeting 1 all", "greeting 2 all")
            file.seek(0)
            file.write(text)

    def unsign(mirror):
        put(mirror, "index.asc", text="base 1 all\n")

    def edit_archive(mirror):
        with open(glob.glob(f"{mirror}/hello-*.tar")[0], "r+b") as file:
            file.write(b"?")

    test = crates.test
    test.attempt("an index that was changed is refused",
                 lambda: changed("edited", edit_index, 1, rf".*{NAME}: the index of '.*' is not signed .*BAD.*"))
    test.attempt("an index that is not signed is refused",
                 lambda: changed("unsigned", unsign, 1, rf".*{NAME}: the index of '.*' is not signed .*"))
    test.attempt("an index with the signature of another is refused",
                 lambda: changed("stranger", crates.publish, 1, rf".*{NAME}: the index of '.*' is not signed .*"))
    test.attempt("an archive that was changed is refused",
                 lambda: changed("damaged", edit_archive, 1, rf".*{NAME}: .*has SHA-256 .*, not .*", ["hello"])
                 or leftovers(crates))
    test.attempt("without the network a new store is told what it lacks", offline)
    test.attempt("a repository that is not there is named",
                 lambda: changed("absent", shutil.rmtree, 3, rf".*{NAME}: cannot fetch 'file://.*/absent/index.asc': .*"))


def leftovers(crates):
    left = [path for path in glob.glob(f"{crates.folder}/store-damaged/cache/{NAME}/*") if not path.endswith(".asc")]
    return "left in the cache: " + " ".join(left) if left else None


def show(test):
    problem = stranger.enter(test)
    if not test.tap.ok(not problem, "vmforge is installed, and its source is not to be seen", problem):
        return
    project = stranger.show_project(test, "package", NAME)
    if not project:
        return
    crates = Crates(test, project)
    show_refused(crates)
    crates.make()
    crates.write_profile()
    shutil.copy(project.plugin, crates.plugins)
    show_build(crates)
    show_packages(crates)
    show_mirrors(crates)
    stranger.show_own_tests(test, project)


if __name__ == "__main__":
    stranger.main(show)
