# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What docs/plugin-guide.md shows, taken out of it."""
import re


def blocks(guide, language):
    """The code of this language, in the order of the text."""
    return re.findall(rf"^```{language}\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)


def plugins(guide):
    """Name → source of each plugin that is shown as a whole."""
    return {name: block for block in blocks(guide, "c")
            for name in re.findall(r'VMFORGE_PLUGIN \(.*?\.name = "([a-z-]+)"', block, re.DOTALL)}
