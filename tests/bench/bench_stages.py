# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""The stages of specs/debian-12.yaml: cold, again, and with another appliance."""
import os

from program import SOURCE

SPEC = os.path.join(SOURCE, "specs", "debian-12.yaml")


def run(bench):
    changed = os.path.join(bench.folder, "changed.yaml")
    with open(changed, "w", encoding="utf-8") as file:
        file.write(f"vmforge: 1\nname: changed\nextends: {SPEC}\nappliance:\n  files:\n"
                   "    - {content: changed, to: /etc/changed}\n")
    bench.time("build into an empty store", lambda: bench.vmforge("build", SPEC))
    bench.time("the same build again", lambda: bench.vmforge("build", SPEC))
    bench.time("build with one file more in the appliance", lambda: bench.vmforge("build", changed))
