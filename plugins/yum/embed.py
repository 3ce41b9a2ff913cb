# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A text as string literals of C: embed.py TEXT HEADER"""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as text, open(sys.argv[2], "w", encoding="ascii") as header:
    for line in text:
        header.write(json.dumps(line) + "\n")
