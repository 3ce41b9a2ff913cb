#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What the core must not know: the name of a plugin. And what it must not do: call a plugin past its runner."""
import os
import re
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
SOURCE = os.path.realpath(os.path.join(HERE, "..", ".."))
sys.path[:0] = [HERE, os.path.join(SOURCE, "tests", "vm")]

# pylint: disable=wrong-import-position
from header import Header, without_comments
from tap import Tap

RUNNERS = {"core/plugin/storage.c": "vmforge_storage", "core/plugin/backend.c": "vmforge_package_backend",
           "core/plugin/transport.c": "vmforge_transport"}
# Programs of the host and the Debian packages that bring them, for messages.
PROGRAMS = {"core/support/process-find.c"}


def sources(*endings):
    for folder, _, names in os.walk(f"{SOURCE}/core"):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), SOURCE)
            if name.endswith(endings) and "/templates/" not in path:
                with open(f"{SOURCE}/{path}", encoding="utf-8") as file:
                    yield path, file.read()


def named():
    """Plugins that are named where a program would read it."""
    plugins = [name for name in os.listdir(f"{SOURCE}/plugins") if os.path.isdir(f"{SOURCE}/plugins/{name}")]
    word = re.compile(r"(?<![\w/.-])(?:" + "|".join(map(re.escape, plugins)) + r")(?![\w/.-])")
    for path, text in sources(".c", ".h", ".json", ".in", ".build"):
        if path in PROGRAMS:
            continue
        for literal in re.findall(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', without_comments(text)):
            if word.search(literal):
                yield f"{path}: {literal}"


def calls(text, callbacks):
    """Calls of members of a plugin's table."""
    return re.findall(r"(?:table|descriptor|storage|package|transport)\s*(?:->|\.)\s*(?:" + "|".join(callbacks) +
                      r")\s*\(", without_comments(text))


def strays():
    header = Header(f"{SOURCE}/core/include/vmforge/plugin.h")
    for path, text in sources(".c", ".h"):
        for struct in () if path in RUNNERS else RUNNERS.values():
            yield from (f"{path}: {call}" for call in calls(text, header.callbacks(struct)))


def unused():
    """Callbacks that their runner never calls."""
    header = Header(f"{SOURCE}/core/include/vmforge/plugin.h")
    for runner, struct in RUNNERS.items():
        with open(f"{SOURCE}/{runner}", encoding="utf-8") as file:
            text = without_comments(file.read())
        yield from (f"{struct}.{name}" for name in header.callbacks(struct)
                    if not re.search(rf"table->{name}\b", text))


def main():
    tap = Tap()
    found = list(named())
    tap.ok(not found, "no source of core/ names a plugin", "\n".join(found))
    found = list(strays())
    tap.ok(not found, "no callback is called but by its runner", "\n".join(found))
    found = list(unused())
    tap.ok(not found, "every callback has a runner", "\n".join(found))
    tap.ok(calls("x = plugin->descriptor->storage->seal (handle);", ["seal"]), "such a call would be found")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
