#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""The binary layout of plugin.h is the one that layout.txt has: every offset, size, type and constant.

    tests/abi/layout.py             compares, and writes TAP
    tests/abi/layout.py --write     writes layout.txt anew, after a change that was meant"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
SOURCE = os.path.realpath(os.path.join(HERE, "..", ".."))
INCLUDE = os.path.join(SOURCE, "core", "include")
STORED = os.path.join(HERE, "layout.txt")
sys.path[:0] = [HERE, os.path.join(SOURCE, "tests", "vm")]

# pylint: disable=wrong-import-position
from header import Header
from tap import Tap

STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")


def program(header):
    """C that prints the layout."""
    lines = ["#include <vmforge/plugin.h>", "#include <stdio.h>", "int main (void) {"]
    for struct, members in header.structs().items():
        lines.append(f'  printf ("struct {struct} %zu\\n", sizeof (struct {struct}));')
        types = header.types(struct)
        for member in members:
            place = f"offsetof (struct {struct}, {member}), sizeof (((struct {struct} *)0)->{member})"
            lines.append(f'  printf ("{struct}.{member} %zu %zu %s\\n", {place}, "{types[member]}");')
    for constant in header.constants():
        lines.append(f'  printf ("{constant} %lld\\n", (long long){constant});')
    return "\n".join([*lines, "  return 0;", "}", ""])


def layout(include=INCLUDE):
    """Name → what is printed behind it."""
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "layout.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(program(Header(f"{include}/vmforge/plugin.h")))
        subprocess.run(["cc", "-std=c11", *STRICT, f"-I{include}", "-o", f"{folder}/layout", source], check=True)
        text = subprocess.run([f"{folder}/layout"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return text


def name_of(line):
    words = line.split()
    return " ".join(words[:2]) if words[0] == "struct" else words[0]


def judge(stored, present, abi):
    """(what breaks the promise, what was added) between two layouts."""
    old, new = ({name_of(line): line for line in text.splitlines()} for text in (stored, present))
    broken = [f"{old[name]} became {new.get(name, 'nothing')}" for name in old
              if new.get(name) != old[name] and not (name.startswith("struct ") and grown(name, old, new))]
    broken += [f"{new[name]} is where older plugins have something else" for name in new
               if name not in old and inside(new[name], old)]
    added = [line for name, line in new.items() if old.get(name) != line]
    if not abi:
        broken = [line for line in broken if not line.startswith("VMFORGE_PLUGIN_ABI ")]
    return broken, added


def grown(name, old, new):
    """A struct that says its size may become larger, by members at its end."""
    return name in new and f"{name.split()[1]}.size" in old and int(new[name].split()[-1]) > int(old[name].split()[-1])


def inside(line, old):
    """Whether a new member lies within what its struct was, say in its padding."""
    member, *numbers = line.split()
    struct = old.get(f"struct {member.split('.')[0]}")
    return "." in member and struct is not None and int(numbers[0]) < int(struct.split()[-1])


def show(tap):
    header = Header(f"{INCLUDE}/vmforge/plugin.h")
    members = sum(len(members) for members in header.structs().values())
    tap.ok(len(header.structs()) > 15 and members > 100 and len(header.constants()) > 25,
           "structs, members and constants are found in plugin.h", (len(header.structs()), members))
    with open(STORED, encoding="utf-8") as file:
        stored = file.read()
    present = layout()
    abi = int(present.rsplit("VMFORGE_PLUGIN_ABI ", 1)[1].split()[0])
    broken, added = judge(stored, present, abi)
    what = ("the promise of this ABI number is broken" if abi else "while the ABI is 0 it may change, knowingly") + \
        ": tests/abi/layout.py --write\n"
    tap.ok(not broken, "no member moved, changed its size or went away, and no constant changed", what +
           "\n".join(broken))
    tap.ok(not added or broken, "what was added is in layout.txt: tests/abi/layout.py --write", "\n".join(added))
    show_judgement(tap, stored)


def show_judgement(tap, stored):
    """The comparison finds what it must."""
    lines = stored.splitlines()
    moved = stored.replace(lines[2], lines[2].replace(" 4 ", " 40 ", 1), 1)
    tap.ok(judge(stored, moved, 1)[0], "a member that moved is found")
    narrow = stored.replace("const char *, uint64_t)", "const char *, uint32_t)", 1)
    tap.ok(judge(stored, narrow, 1)[0], "a parameter of another type is found")
    tap.ok(judge(stored, stored + "vmforge_root.more 20 4 int\n", 1)[0], "a member in what was padding is found")
    tap.ok(judge(stored, "\n".join(lines[:-1]), 1)[0], "a constant that went away is found")
    table = next(line for line in lines if line.startswith("struct vmforge_parameter "))
    tap.ok(judge(stored, stored.replace(table, table + "0", 1), 1)[0], "growth of a struct that says no size is found")
    size = next(line for line in lines if line.startswith("struct "))
    larger = stored.replace(size, f"{size.rsplit(' ', 1)[0]} 4096", 1) + "VMFORGE_NEW 1\n"
    broken, added = judge(stored, larger, 1)
    tap.ok(not broken and len(added) == 2, "growth at the end breaks nothing", (broken, added))


def main():
    if sys.argv[1:] == ["--write"]:
        with open(STORED, "w", encoding="utf-8") as file:
            file.write(layout())
        return 0
    tap = Tap()
    show(tap)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
