#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Makes a C file of JSON files: embed.py OUTPUT NAME=FILE…, each as `const char vf_embedded_NAME[]`."""
import json
import sys


def literal(line):
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?") + '\\n"'


def main():
    output, *pairs = sys.argv[1:]
    parts = ["/* Made by embed.py. */\n"]
    for pair in pairs:
        name, path = pair.split("=", 1)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        json.loads(text)  # a broken schema stops the build, not a program
        lines = "\n".join("  " + literal(line) for line in text.splitlines())
        parts.append(f"extern const char vf_embedded_{name}[];\nconst char vf_embedded_{name}[] =\n{lines};\n")
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(parts))


main()
