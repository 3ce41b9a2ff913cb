# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""How much memory vmforge takes while a benchmark runs."""
import os
import threading
import time


class Memory(threading.Thread):
    """The largest resident set that any process of ours reached, in MiB: vmforge itself and its workers."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self.ended = {}, False
        self.start()

    def look(self, process):
        with open(f"/proc/{process}/status", encoding="ascii", errors="replace") as file:
            fields = dict(line.split(":", 1) for line in file)
        name = fields["Name"].strip()
        if name.startswith("vmforge") and "VmHWM" in fields:
            self.peak[name] = max(self.peak.get(name, 0), int(fields["VmHWM"].split()[0]) / 1024)

    def run(self):
        while not self.ended:
            for process in filter(str.isdigit, os.listdir("/proc")):
                try:
                    self.look(process)
                except (OSError, KeyError):
                    pass  # it has ended
            time.sleep(0.05)
