# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What a stranger does: a project of `plugins new`, built where there is nothing of vmforge but what `meson install`
brought."""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "errors"), os.path.join(HERE, "..", "installed")]

# pylint: disable=wrong-import-position
import fixture
import installed
from fixture import namespace, program
from installed import run

COMPILERS = ("gcc", "clang")


def enter(test):
    """For good: the build under test is installed, neither it nor its source is to be seen. Nothing, or why not."""
    installation = installed.Installation(test.work)
    problem = installation.install()
    if problem:
        return problem
    nothing = os.path.join(test.work, "nothing")
    os.mkdir(nothing)
    installation.enter(nothing)
    namespace.mount(nothing, program.SOURCE, flags=namespace.MS_BIND)
    os.environ["PATH"] = os.path.dirname(program.PROGRAM) + ":" + os.environ["PATH"]
    return None


class Project:
    """kind: as `plugins new` takes it."""

    def __init__(self, test, kind, name):
        self.kind, self.name = kind, name
        self.folder = os.path.join(test.work, "strangers", f"vmforge-{name}")
        self.build = os.path.join(self.folder, "build")

    @property
    def plugin(self):
        return os.path.join(self.build, f"vmforge-{self.name}.so")

    def write(self):
        """Nothing, or why it failed. In the default folder, as a user does."""
        os.makedirs(os.path.dirname(self.folder), exist_ok=True)
        done = program.vmforge("plugins", "new", self.kind, self.name, cwd=os.path.dirname(self.folder))
        if done.returncode or not os.path.isfile(os.path.join(self.folder, self.name + ".c")):
            return program.said(done)
        return None

    def compile(self, compiler):
        """Nothing, or what it says: warnings are errors."""
        shutil.rmtree(self.build, ignore_errors=True)
        environment = {**os.environ, "CC": compiler}
        for command in (["meson", "setup", "-Dwerror=true", self.build, self.folder], ["ninja", "-C", self.build]):
            done = run(*command, env=environment)
            if done.returncode:
                return program.said(done)
        return None

    def test(self):
        """Nothing, or what fails in its own tests."""
        # Where this program was started is not to be seen any more, and meson goes back there.
        done = run("meson", "test", "-C", self.build, "--print-errorlogs", cwd=self.folder)
        skipped = re.search(r"^Skipped: +[1-9]", done.stdout, re.MULTILINE)
        return program.said(done, 60) if done.returncode or skipped else None


def show_project(test, kind, name):
    """The project, built, or nothing. Its last compiler is the first of COMPILERS."""
    project = Project(test, kind, name)
    problem = project.write()
    if not test.tap.ok(not problem, f"`plugins new {kind}` writes a project", problem):
        return None
    for compiler in reversed(COMPILERS):
        sentence = f"it builds against the installed header alone, without a warning of {compiler}"
        if not shutil.which(compiler):
            test.tap.skip(sentence, f"there is no {compiler}")
            continue
        problem = project.compile(compiler)
        if not test.tap.ok(not problem, sentence, problem):
            return None
    symbols = installed.exported(project.plugin)
    test.tap.ok(symbols == {"vmforge_plugin"}, "it exports vmforge_plugin alone", symbols)
    needed = re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", project.plugin).stdout)
    test.tap.ok(needed and not [one for one in needed if not one.startswith("libc.")],
                "it needs no library but the C library", needed)
    with open(os.path.join(project.folder, f"vmforge-{name}.1"), encoding="utf-8") as file:
        page = file.read()
    test.tap.ok(f".Dt VMFORGE-{name.upper()} 1\n" in page and f".Nm vmforge-{name}\n" in page and "@" not in page,
                "it has a manual page of its own", page)
    return project


def show_own_tests(test, project):
    """Last, as they are the plugin's own."""
    test.attempt("its own tests pass, `plugins check` among them", project.test)


def shell(test, store, word, commands, *options):
    """What they print in `vmforge shell`."""
    done = subprocess.run([program.PROGRAM, "shell", word, "--store", store, *options], input=commands, text=True,
                          capture_output=True, check=False, timeout=60, env=test.toy.environment)
    return done.stdout if done.returncode == 0 else program.said(done)


def main(show):
    os.environ.pop("TMPDIR", None)  # the private view has no such folder
    fixture.main(show)
