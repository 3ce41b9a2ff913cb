#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""`plugins check` finds each fault of plugins that are wrong on purpose, and names plugin and callback.

Which callbacks there are is read from plugin.h: one without faults fails this test."""
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
SOURCE = os.path.realpath(os.path.join(HERE, "..", "..", ".."))
sys.path[:0] = [os.path.join(HERE, "..", ".."), os.path.join(HERE, "..", "..", "vm")]

# pylint: disable=wrong-import-position
import program
from tap import Tap, skip_all

LIMIT = "10"  # seconds that a case may take where a callback hangs
# Callback → the case that uses it first. leaks uses all of them.
STORAGE = {
    "open": "open", "close": "open", "create": "create", "clone": "clone", "map": "write", "unmap": "write",
    "grow": "grow", "seal": "seal", "remove": "remove", "list": "open", "extents": "extents",
    "differences": "differences", "capacity": "capacity", "deactivate": "deactivate", "can_snapshot": "clone",
    "granularity": "differences", "sync": "write", "discard": "discard", "place": "open", "label": "create",
}
PACKAGE = {"open": "open", "close": "open", "refresh": "refresh", "resolve": "resolve", "fetch": "fetch",
           "install": "install", "manifest": "install", "boot": "boot", "metadata_date": "date",
           "build_time": "dated"}
# What a callback gets wrong in its own way: fault → (case, callback to be blamed, words)
STORAGE_NONSENSE = {
    "close:nothing": ("leaks", "open", r"leaks|leaves \d+ descriptors"),
    "create:nothing": ("create", "create", "not listed"),
    "create:dirty": ("create", "create", "does not read as zeros"),
    "create:size": ("create", "create", "is listed with"),
    "clone:nothing": ("clone", "clone", "not listed"),
    "clone:empty": ("clone", "clone", "not what was written"),
    "clone:shared": ("isolation", "clone", "."),
    "clone:twice": ("twice", "clone", "is not refused"),
    "clone:full": ("full", "clone", "another code than NO_SPACE"),
    "map:relative": ("write", "map", "no absolute path"),
    "map:absent": ("write", "map", "cannot be opened"),
    "map:sealed": ("seal", "map", "is not refused"),
    "unmap:lost": ("write", "unmap", "not what was written"),
    "grow:nothing": ("grow", "map", "has 16777216 bytes"),
    "grow:garbage": ("grow", "grow", "does not read as zeros"),
    "grow:shrink": ("grow", "grow", "is not refused"),
    "seal:nothing": ("seal", "seal", "listed as writable"),
    "remove:nothing": ("remove", "remove", "volumes are listed"),
    "remove:absent": ("remove", "remove", "cannot find volume"),
    "list:empty": ("create", "create", "not listed"),
    "list:less": ("create", "create", "not listed"),
    "list:id": ("create", "list", "."),
    "list:size": ("create", "create", "is listed with"),
    "list:double": ("create", "create|list", "."),
    "extents:hole": ("extents", "extents", "is called a hole"),
    "extents:overlap": ("extents", "extents", "out of order"),
    "differences:same": ("differences", "differences", "called the same"),
    "differences:shifted": ("differences", "differences", "called the same"),
    "capacity:impossible": ("capacity", "capacity", "are available"),
    "deactivate:destroys": ("deactivate", "map", "."),
    "granularity:three": ("differences", "granularity", "no power of two"),
    "place:moving": ("open", "place", "another place a moment later"),
    "place:nothing": ("open", "place", "no text"),
    "discard:nothing": ("discard", "discard", "does not read as zeros"),
    "discard:more": ("discard", "discard", "not what was written"),
}
FILES_NONSENSE = {
    "folder:relative": ("open", "folder", "no absolute path"),
    "folder:absent": ("open", "list|folder", "nonexistent"),
    "folder:silent": ("open", "folder", "without saying why"),
    "folder:crash": ("open", "folder", "crashed"),
    "folder:leak": ("leaks", "folder", "leaks"),
}
PACKAGE_NONSENSE = {
    "close:nothing": ("leaks", "open", "leaks"),
    "refresh:moving": ("refresh", "refresh", "another one a moment later"),
    "refresh:nonsense": ("refresh", "refresh", "no SHA-256"),
    "metadata_date:moving": ("date", "metadata_date", "another one a moment later"),
    "metadata_date:negative": ("date", "metadata_date", "no number of seconds"),
    "resolve:random": ("resolve", "resolve", "something else"),
    "resolve:offline": ("offline", "resolve", "something else"),
    "resolve:credentials": ("resolve", "resolve", "credentials"),
    "resolve:undigested": ("resolve", "resolve", "no digest"),
    "resolve:unsized": ("resolve", "resolve", "size of 'one' is unknown"),
    "resolve:twice": ("resolve", "resolve", "twice"),
    "resolve:empty": ("resolve", "resolve", "nothing is installed"),
    "resolve:more": ("closed", "resolve", "besides"),
    "resolve:accepts": ("unknown", "resolve", "is not refused"),
    "resolve:unquoted": ("unknown", "resolve", "does not quote"),
    "resolve:code": ("unknown", "resolve", "not of the code INVALID"),
    "fetch:nothing": ("fetch", "fetch", "not in the cache"),
    "fetch:offline": ("absent", "fetch", "is not refused"),
    "fetch:accepts": ("damaged", "fetch", "is not refused"),
    "install:nothing": ("install", "install", "is not installed"),
    "install:more": ("install", "manifest", "was not resolved"),
    "install:outside": ("scripts", "install", "outside of the sandbox"),
    "install:full": ("full", "install", "is not refused"),
    "manifest:empty": ("install", "install", "is not installed"),
    "manifest:version": ("install", "manifest", "was not resolved"),
    "build_time:moving": ("dated", "build_time", "another one a moment later"),
    "build_time:oldest": ("dated", "build_time", "is newer than"),
    "build_time:milliseconds": ("dated", "build_time", "no time in seconds"),
    "boot:absent": ("boot", "boot", "nothing"),
    "boot:half": ("boot", "boot", "come together"),
    "boot:outside": ("boot", "boot", "."),
}


def callbacks(table):
    """Names of the callbacks of a table in plugin.h."""
    with open(f"{SOURCE}/core/include/vmforge/plugin.h", encoding="utf-8") as file:
        body = re.search(r"\nstruct " + table + r" \{\n(.*?)\n\};", file.read(), re.DOTALL)[1]
    return set(re.findall(r"^  (?:int|void) \(\*(\w+)\)", body, re.MULTILINE))


class Suite:
    """A plugin of a kind, and how it is told what to do wrong."""

    def __init__(self, name, places, nonsense, work):
        self.name, self.places, self.nonsense, self.work = name, places, nonsense, work
        self.file = f"{program.BUILD}/tests/root/check/vmforge-{name}.so"

    def arguments(self, fault):
        return ["--parameters", f"fault={fault}"]

    def environment(self, _):
        return os.environ

    def faults(self):
        """Fault → (case, callbacks to be blamed, words)."""
        found = dict(self.nonsense)
        for callback, case in self.places.items():
            found[f"{callback}:crash"] = (case, callback, "crashed by signal 11")
            found[f"{callback}:abort"] = (case, callback, "crashed by signal 6")
            found[f"{callback}:exit"] = (case, callback, "ended the process")
            found[f"{callback}:hang"] = (case, callback, f"no answer within {LIMIT} s")
            # The suite itself may stumble over it first, when it unmounts what the process still uses.
            found[f"{callback}:child"] = (case, ".*", "leaves a process behind|still used by 'vmforge-check'")
            found[f"{callback}:thread"] = (case, ".*", "leaves a thread behind")
            if callback != "close":
                found[f"{callback}:silent"] = (case, callback, "without saying why")
            found.update(self.leaks(callback))
        return found

    def leaks(self, callback):
        blamed = "open" if callback == "close" else callback
        return {f"{callback}:leak": ("leaks", blamed, "it leaks"),
                f"{callback}:descriptor": ("leaks", blamed, "descriptors open")}

    def check(self, *arguments, fault="none"):
        done = subprocess.run([program.PROGRAM, "plugins", "check", "--json", "--seed", "1", "--work", self.work, *arguments,
                               *self.arguments(fault), self.file], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, env=self.environment(fault), timeout=300)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        return done, [event for event in events if event["event"] == "case"]


class PackageSuite(Suite):
    def folder(self, fault):
        return f"{self.work}/{fault.replace(':', '-')}"

    def arguments(self, fault):
        folder = self.folder(fault)
        os.makedirs(folder, exist_ok=True)
        profile = {
            "profile": 1, "id": "faultland", "plugin": self.name, "arches": {"x86_64": "x86_64"},
            "network_backend": "systemd-networkd", "hostname": "toy", "bootstrap_packages": [],
            "disk": {"nominal_size": "256MiB", "filesystem": "ext4",
                     "filesystems": {"ext4": {"mkfs": ["-b", "4096", "-O", "none,has_journal,extent,64bit,filetype"]}}},
            "roles": {}, "kernel_arguments": [], "settings": {"fault": fault},
            "releases": {"1": {"arches": {"x86_64": None}}},
        }
        spec = {"vmforge": 1, "name": "faults", "distro": {"id": "faultland", "release": "1", "arch": "x86_64"},
                "disk": {"size": "320MiB"}, "base": {"packages": ["two"]}}
        for name, content in (("faultland", profile), ("spec", spec)):
            with open(f"{folder}/{name}.yaml", "w", encoding="utf-8") as file:
                json.dump(content, file)
        return ["--spec", f"{folder}/spec.yaml"]

    def environment(self, fault):
        return {**os.environ, "VMFORGE_PROFILE_PATH": self.folder(fault)}

    def leaks(self, callback):
        if callback in ("install", "manifest", "boot"):  # the suite calls these too seldom to measure
            return {}
        return super().leaks(callback)


def judge(suite, fault, case, blamed, words):
    """Nothing, or what is wrong with what the check says of this fault."""
    limit = ["--time-limit", LIMIT] if fault.endswith(":hang") else []
    done, results = suite.check("--case", case, *limit, fault=fault)
    notes = [result["note"] or "" for result in results if result["outcome"] == "failed"]
    text = f"exit status {done.returncode}: {' '.join(notes)} {done.stderr.strip()}"
    if done.returncode != 1 or len(notes) != 1:
        return text
    if suite.name not in notes[0] or not re.search(rf"\b(?:{blamed})\b", notes[0]) or not re.search(words, notes[0]):
        return f"{text}\nwhich does not match '{blamed}' and '{words}'"
    return None


def judge_sound(suite):
    done, results = suite.check()
    bad = [result for result in results if result["outcome"] != "passed"]
    return None if results and not bad and done.returncode == 0 else f"{bad} {done.stderr}"


def judge_start(kind, words):
    file = f"{program.BUILD}/tests/root/check/vmforge-start-{kind}.so"
    check = subprocess.run([program.PROGRAM, "plugins", "check", file], capture_output=True, text=True, check=False)
    listed = subprocess.run([program.PROGRAM, "plugins", "list", "--plugin", file], capture_output=True, text=True,
                            check=False)
    if check.returncode != 3 or not re.search(rf"start-{kind}: .*{words}", check.stderr):
        return f"check exited {check.returncode}: {check.stderr}"
    line = re.search(rf"^start-{kind} .*broken: .*{words}.*$", listed.stdout, re.MULTILINE)
    return None if listed.returncode == 0 and line and "storage-file" in listed.stdout else listed.stdout


def show(tap, work):
    storage = Suite("faulty", STORAGE, STORAGE_NONSENSE, work)
    files = Suite("faulty-files", {}, FILES_NONSENSE, work)
    package = PackageSuite("faulty-packages", PACKAGE, PACKAGE_NONSENSE, work)
    for suite, table in ((storage, "vmforge_storage"), (package, "vmforge_package_backend")):
        known = set(suite.places) | ({"folder"} if suite is storage else set())
        tap.ok(callbacks(table) == known, f"every callback of {table} has faults", callbacks(table) ^ known)
    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        waiting = {}
        for kind, words in (("crash", "crashed by signal 11"), ("hang", "no answer within"),
                            ("exit", "ended the process")):
            waiting[f"a plugin that goes wrong when it is loaded ({kind}) is told, and listed"] = \
                pool.submit(judge_start, kind, words)
        for suite in (storage, files, package):
            waiting[f"{suite.name} without a fault passes its whole suite"] = pool.submit(judge_sound, suite)
            for fault, wanted in sorted(suite.faults().items()):
                waiting[f"{suite.name} is found out: {fault}"] = pool.submit(judge, suite, fault, *wanted)
        for sentence, result in waiting.items():
            problem = result.result()
            tap.ok(not problem, sentence, problem)


def main():
    if os.geteuid() != 0:
        skip_all("needs root")
    tap = Tap()
    work = tempfile.mkdtemp(prefix="vmforge-faults.", dir="/var/tmp")
    try:
        show(tap, work)
    finally:
        shutil.rmtree(work)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
