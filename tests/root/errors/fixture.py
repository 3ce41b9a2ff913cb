# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What the tests of this folder share: toyland in a private view of the machine, a store whose lower stages are built,
and the comparison of what is there before and after."""
import contextlib
import glob
import json
import os
import re
import shutil
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
TESTS = os.path.join(HERE, "..", "..")
sys.path[:0] = [TESTS, os.path.join(TESTS, "vm"), os.path.join(TESTS, "root")]

# pylint: disable=wrong-import-position
import leaks
import program
import namespace
from program import vmforge
from tap import Tap, skip_all
from toyrepo import Toyland

if os.environ.get("VMFORGE_TEST_PACKAGES") == "rpm":  # the same tests, of the other family
    sys.path.insert(0, os.path.join(TESTS, "rpmlab"))
    from toyrpm import RpmToyland as Toyland

VOLUME = re.compile(r"^[0-9a-f]{32}")
STRICT_APT = 'Acquire::Check-Valid-Until "true";\nAcquire::Check-Date "true";\n'


def orphans(store):
    """What lies in a store that no record accounts for: volumes, temporaries, building records."""
    known = set()
    for path in glob.glob(f"{store}/stages/*/*.json"):
        with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
            known.add(json.load(file).get("volume"))
    found = []
    for path in leaks.files([store]):
        name, folder = os.path.basename(path), os.path.basename(os.path.dirname(path))
        volume = VOLUME.match(name)
        in_volumes = folder in ("volumes", "pool") or "/pool/" in path
        if in_volumes and volume and not name.endswith(".log") and volume[0] not in known:
            found.append(path)
        elif folder == "building" or name.startswith(".tmp-") or (folder == "partial" and os.path.isfile(path)):
            found.append(path)
    return found


class Fixture:
    """attempt() and refuse() write one result each."""

    def __init__(self, work):
        self.work, self.tap = work, Tap()
        self.store = os.path.join(work, "store")
        self.empty = os.path.join(work, "empty")
        with open(self.empty, "w", encoding="utf-8"):
            os.chmod(self.empty, 0o644)
        self.toy = Toyland(os.path.join(work, "toyland"))

    def vmforge(self, *arguments, store=None, **options):
        return vmforge(*arguments, "--store", store or self.store, env=self.toy.environment, **options)

    def spec(self, name, **keys):
        """Over the four stages of the common one, so that those below what `keys` changes are there already."""
        common = {"core": {"packages": ["toy-lib"]}, "base": {"features": ["site"]},
                  "image": {"packages": ["toy-hello"]}, "appliance": {"hostname": "toy"}}
        return self.toy.spec(name, **{**common, **keys})

    def snapshot(self, store=None):
        pool = re.compile(re.escape(store or self.store) + r"/pool(\.img)?\b")
        return leaks.Snapshot(["/tmp", "/var/tmp", "/run"], [self.work], allow=pool.search,
                              keep=lambda path: not path.startswith((self.work, program.SOURCE, program.BUILD)) and
                              (not path.startswith("/run/") or "/vmforge" in path or "/vf-" in path))

    def left_behind(self, before, store=None):
        """Lines; what lies in the store counts as well."""
        namespace.reap()
        return before.leaks() + [f"in the store: {path}" for path in orphans(store or self.store)]

    def attempt(self, sentence, function, store=None):
        """Passed where function() returns nothing and leaves nothing."""
        before = self.snapshot(store)
        try:
            problem = function()
        except Exception as error:  # a verdict, whatever went wrong
            problem = f"{type(error).__name__}: {error}"
        left = self.left_behind(before, store)
        return self.tap.ok(not problem and not left, sentence,
                           "\n".join([str(problem or ""), *(f"left: {line}" for line in left)]).strip())

    def refuse(self, sentence, spec, status, message, *arguments, store=None, lines=1):
        """A build that fails: with this status, and one line of error that matches all of it."""
        def build():
            done = self.vmforge("build", *arguments, spec, store=store)
            return judge(done, status, message, lines)
        return self.attempt(sentence, build, store)

    def close(self):
        program.close_store(self.store)
        self.toy.__exit__()


def judge(done, status, message, lines=1):
    """Nothing, or what is wrong with how a program failed. The error is the line that begins with 'vmforge: '."""
    errors = [line for line in done.stderr.splitlines() if re.match(r"vmforge: (?!warning: )", line)]
    wrong = []
    if done.returncode != status:
        wrong.append(f"exit status {done.returncode}, not {status}")
    if len(errors) != lines:
        wrong.append(f"{len(errors)} lines of error, not {lines}")
    elif not re.fullmatch("vmforge: " + message, errors[-1]):
        wrong.append(f"the error is not /{message}/")
    return "\n".join([*wrong, "it printed:", done.stdout[-1500:], done.stderr[-1500:]]) if wrong else None


def run_privately(test):
    """Runs test(fixture) in a private view of the machine. Its exit status."""
    parent = os.environ.get("VMFORGE_TEST_RUN") or "/var/tmp"
    work = tempfile.mkdtemp(prefix="vmforge-errors.", dir=parent)
    child = os.fork()  # the private view ends with it, and the folder can be removed from outside
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        shutil.rmtree(work, ignore_errors=True)
        return status if status >= 0 else 128 - status
    status = 1
    try:
        status = run_here(test, work)
    except BaseException:  # what the caller would do about it is the parent's business
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(status)


def run_here(test, work):
    namespace.enter(work, program.SOURCE, program.BUILD)
    fixture = Fixture(work)
    try:
        with namespace.apt_settings(work, STRICT_APT):
            test(fixture)
    finally:
        fixture.close()
    return fixture.tap.done()


def main(test):
    """Runs test(fixture) where it can be run, and exits."""
    if os.geteuid():
        skip_all("needs root")
    sys.exit(run_privately(test))
