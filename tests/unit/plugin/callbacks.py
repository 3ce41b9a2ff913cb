#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""The callbacks of plugin.h's tables and which of them are MANDATORY, as C for test-descriptor.c.

usage: callbacks.py PLUGIN.H OUTPUT"""
import re
import sys

COMMENTED = re.compile(r"(?:/\*(?P<comment>(?:(?!\*/).)*)\*/\s*)?\w[\w *]*\(\*(?P<name>\w+)\) \(", re.DOTALL)


def main(header, output):
    with open(header, encoding="utf-8") as file:
        text = file.read()
    lines = ["/* Made by callbacks.py. */"]
    for table in ("vmforge_storage", "vmforge_package_backend"):
        body = re.search(rf"^struct {table} \{{\n(.*?)^\}};", text, re.DOTALL | re.MULTILINE)[1]
        lines.append(f"static const Callback {table}_callbacks[] = {{")
        for found in COMMENTED.finditer(body):
            mandatory = "TRUE" if "MANDATORY" in (found["comment"] or "").split("Default:")[0] else "FALSE"
            lines.append(f'    {{"{found["name"]}", offsetof (struct {table}, {found["name"]}), {mandatory}}},')
        lines.append("};")
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main(*sys.argv[1:])
