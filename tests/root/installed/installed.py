#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What `meson install` brings, at the place that it is compiled for: complete, able to build without the build tree,
and of use to embedders and to authors of plugins."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import fixture
from fixture import namespace, program

STAGES = ("core", "base", "image", "appliance")
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
ALIEN = ("VMFORGE_PLUGIN_PATH", "VMFORGE_STORE", "LD_PRELOAD")


def run(*command, **options):
    """The finished process, with text."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)


def failure(done):
    """Nothing, or what a program that failed said."""
    return program.said(done) if done.returncode else None


def exported(library):
    """Names that a shared object defines for others."""
    done = run("nm", "-D", "--defined-only", library)
    if done.returncode:
        raise RuntimeError(program.said(done))
    return {line.split()[-1].split("@")[0] for line in done.stdout.splitlines()}


def strangers(names, pattern):
    """Nothing, or the names that do not match; none at all is as bad."""
    wrong = sorted(name for name in names if not re.fullmatch(pattern, name))
    return f"it exports {', '.join(wrong) or 'nothing'}" if wrong or not names else None


class Installation:
    """The build under test, installed into a folder that then stands where the prefix is."""

    def __init__(self, work):
        path = os.path.join(program.BUILD, "meson-info", "intro-buildoptions.json")
        with open(path, encoding="utf-8") as file:
            self.options = {option["name"]: option["value"] for option in json.load(file)}
        self.prefix, self.destination = self.options["prefix"], os.path.join(work, "destination")
        self.libraries = self.place("libdir")
        self.plugins = os.path.join(self.prefix, self.options["plugin_dir"] or self.place("libdir", "vmforge/plugins"))

    def place(self, option, *names):
        return os.path.join(self.prefix, self.options[option], *names)

    def install(self):
        """Nothing, or why it failed."""
        return failure(run(shutil.which("meson"), "install", "-C", program.BUILD, "--no-rebuild", "--destdir",
                           self.destination))

    def enter(self, empty):
        """For good: the prefix is what was installed, and the build tree is empty."""
        for folder in {self.prefix, *(self.place(name) for name in ("sysconfdir", "localstatedir"))}:
            source = self.destination + folder
            if os.path.isdir(source) and os.path.isdir(folder):
                namespace.mount(source, folder, flags=namespace.MS_BIND)
        namespace.mount(empty, program.BUILD, flags=namespace.MS_BIND)
        for name in ALIEN:
            os.environ.pop(name, None)
        os.environ["LD_LIBRARY_PATH"] = self.libraries
        os.environ["PKG_CONFIG_PATH"] = os.path.join(self.libraries, "pkgconfig")
        program.PROGRAM = self.place("bindir", "vmforge")

    def expected(self):
        """Path → what it is for. The manual pages follow what the program and its plugins call themselves."""
        plugins = [os.path.basename(path)[:-3] for path in glob.glob(f"{self.plugins}/*.so")]
        commands = re.findall(r"^  ([a-z]+) {2,}", run(program.PROGRAM, "help").stdout.partition("Commands:")[2]
                              .partition("Options:")[0], re.MULTILINE)
        pages = ["vmforge.1", "vmforge-spec.5", "vmforge.yaml.5", "vmforge-plugin.3",
                 *(f"{name}.1" for name in plugins), *(f"vmforge-{name}.1" for name in commands if name != "help")]
        return {
            "the program and its helpers": [self.place("bindir", "vmforge"), *(
                self.place("libexecdir", "vmforge", name) for name in ("vmforge-worker", "vmforge-check"))],
            "the library": glob.glob(f"{self.libraries}/libvmforge.so.*.*.*") + [f"{self.libraries}/libvmforge.so"],
            "the headers": [self.place("includedir", "vmforge", name) for name in ("plugin.h", "vmforge.h")],
            "the pkg-config files": [f"{self.libraries}/pkgconfig/{name}.pc" for name in ("vmforge", "vmforge-plugin")],
            "the plugins": [f"{self.plugins}/vmforge-{name}.so" for name in ("apt", "storage-file")],
            "the profiles": [self.place("datadir", "vmforge/profiles", name)
                             for name in ("debian.yaml", "ubuntu.yaml")],
            "the projects of `plugins new`": [
                self.place("datadir", "vmforge/templates", name)
                for name in ("storage/NAME.c", "storage/meson.build", "package/NAME.c", "package/meson.build")],
            "a manual page for each command and plugin": [
                self.place("mandir", f"man{page[-1]}", page) for page in pages],
            "the guide for authors of plugins": [self.place("datadir", "doc/vmforge/plugin-guide.md")],
            "completions for bash, zsh and fish": [
                self.place("datadir", "bash-completion/completions/vmforge"),
                self.place("datadir", "zsh/site-functions/_vmforge"),
                self.place("datadir", "fish/vendor_completions.d/vmforge.fish")],
            "the specs": [self.place("datadir", "vmforge/specs", name + ".yaml") for name in (
                "debian-12", "debian-13", "debian-12-i386", "web-server", "ubuntu-22.04", "ubuntu-24.04")],
            "the configuration": [self.place("sysconfdir", "vmforge/vmforge.yaml")],
        }


def show_files(test, installation):
    for what, paths in installation.expected().items():
        missing = [path for path in paths if not os.path.isfile(path) or not os.path.getsize(path)]
        test.tap.ok(paths and not missing, f"`meson install` brings {what}",
                    "missing or empty: " + " ".join(missing))
    link = f"{installation.libraries}/libvmforge.so"
    soname = re.search(r"SONAME\s+(\S+)", run("objdump", "-p", link).stdout)
    test.tap.ok(soname and os.path.islink(f"{installation.libraries}/{soname[1]}")
                and os.path.samefile(f"{installation.libraries}/{soname[1]}", link),
                "the library has a link of its soname", soname)
    with open(installation.place("sysconfdir", "vmforge/vmforge.yaml"), encoding="utf-8") as file:
        text = file.read()
    test.tap.ok(re.search(r"^storage: storage-file$", text, re.MULTILINE), "the configuration names storage-file", text)


def show_interface(test, installation):
    """The library to embedders, the header to authors of plugins, the plugins to the loader."""
    names = exported(f"{installation.libraries}/libvmforge.so")
    problem = strangers(names, "vmforge_[a-z_]+")
    test.tap.ok(not problem, "the library exports names that begin with vmforge_ alone", problem)
    for path in sorted(glob.glob(f"{installation.plugins}/*.so")):
        problem = strangers(exported(path), "vmforge_plugin")
        test.tap.ok(not problem, f"{os.path.basename(path)} exports vmforge_plugin alone", problem)
    flags = run("pkg-config", "--cflags", "vmforge-plugin").stdout.split()
    for sentence, compiler in (("C11", ("cc", "-std=c11", "-xc")), ("C++17", ("c++", "-std=c++17", "-xc++"))):
        source = os.path.join(test.work, "plugin.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <vmforge/plugin.h>\nint main (void) { return 0; }\n")
        problem = failure(run(*compiler, *STRICT, "-fsyntax-only", source, *flags))
        test.tap.ok(not problem, f"plugin.h compiles alone as {sentence}, with all warnings", problem)
    places = {name: run("pkg-config", f"--variable={name}", "vmforge-plugin").stdout.strip()
              for name in ("plugindir", "profiledir")}
    test.tap.ok(all(os.path.isdir(place) for place in places.values()),
                "vmforge-plugin.pc names the folders of plugins and profiles", places)


def show_build(test, spec):
    def build():
        done = test.vmforge("build", "--json", spec)
        states = program.stage_events(done)
        return failure(done) or (None if states == dict.fromkeys(STAGES, "built") else str(states))
    test.attempt("the installed program builds four stages without the build tree", build)


class Embedder:
    """embed.c, compiled against the installation."""

    def __init__(self, test):
        self.test, self.program = test, os.path.join(test.work, "embed")

    def compile(self):
        flags = run("pkg-config", "--cflags", "--libs", "vmforge").stdout.split()
        return failure(run("cc", "-Wall", "-Werror", "-o", self.program, os.path.join(HERE, "embed.c"),
                           *flags))

    def build(self, store, spec):
        """Nothing, or what is wrong: an image, and no word but its own line."""
        done = run(self.program, store, spec, env=self.test.toy.environment)
        line = re.fullmatch(r"embedded:\S+@x86_64 (/\S+)\n", done.stdout)
        if done.returncode or done.stderr or not line:
            return program.said(done)
        return None if os.path.isfile(line[1]) else f"there is no image at {line[1]}"

    def refuse(self, store):
        """Nothing, or what is wrong: of a spec that is none, the error that the library returned, and no more."""
        spec = self.test.toy.write("broken.yaml", "vmforge: [\n")
        done = run(self.program, store, spec, env=self.test.toy.environment)
        good = done.returncode == 1 and not done.stdout and re.fullmatch(r"\S+broken\.yaml:\d+:\d+: .*\n", done.stderr)
        return None if good else program.said(done)


def show_embedder(test):
    embedder, new_store = Embedder(test), os.path.join(test.work, "embedded-store")
    problem = embedder.compile()
    if not test.tap.ok(not problem, "an embedder compiles with the flags of vmforge.pc alone", problem):
        return
    with open(os.path.join(HERE, "embed.c"), encoding="utf-8") as file:
        includes = re.findall(r"^#include <(.*)>", file.read(), re.MULTILINE)
    test.tap.ok(includes == ["stdio.h", "vmforge/vmforge.h"], "it needs no header but vmforge.h", includes)
    spec = test.spec("embedded")

    def reuse():
        before = os.listdir(f"{test.store}/stages")
        return embedder.build(test.store, spec) or (
            None if os.listdir(f"{test.store}/stages") == before else "it built stages that were there")
    test.attempt("the embedder reuses the stages of the program, and prints its own line alone", reuse)
    try:
        test.attempt("the embedder builds four stages in a new store, and prints its own line alone",
                     lambda: embedder.build(new_store, spec) or (
                         None if len(os.listdir(f"{new_store}/stages")) == len(STAGES) else "not four stages"),
                     new_store)
        test.attempt("the library prints no error, but returns it", lambda: embedder.refuse(new_store), new_store)
    finally:
        test.tap.ok(program.close_store(new_store), "the store of the embedder can be closed")


def show(test):
    installation = Installation(test.work)
    problem = installation.install()
    if not test.tap.ok(not problem, "`meson install` succeeds", problem):
        return
    nothing = os.path.join(test.work, "nothing")
    os.mkdir(nothing)
    installation.enter(nothing)
    show_files(test, installation)
    show_interface(test, installation)
    show_build(test, test.spec("installed"))
    show_embedder(test)


if __name__ == "__main__":
    os.environ.pop("TMPDIR", None)  # the private view has no such folder
    fixture.main(show)
