#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What a run leaves behind: mounts, loop and device-mapper devices, processes and temporary files, compared before
and after.

A test makes a Snapshot and asks it later for leaks(). A whole test run does the same through two commands,
`leaks.py save FILE` and `leaks.py compare FILE`; the latter writes TAP. Both live beside other users of the
machine: only what can be theirs counts."""
import glob
import json
import os
import sys
import time


def read_text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def mounts():
    """Mount points of this namespace with what is there: a list, for one place can hold several."""
    found = []
    for line in read_text("/proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        found.append(f"{left.split()[4]} ({' '.join(right.split()[:2])})")
    return sorted(found)


def loops(under):
    """Loop devices whose file lies below one of these folders: device → file."""
    found = {}
    for path in glob.glob("/sys/block/loop*/loop/backing_file"):
        file = read_text(path).strip()
        if any(file.startswith(folder.rstrip("/") + "/") for folder in under):
            found[path.split("/")[3]] = file
    return found


def mapped(devices):
    """Device-mapper devices that lie on one of these block devices, at whatever depth."""
    found, grew = set(), True
    while grew:
        more_found = {path.split("/")[3] for path in glob.glob("/sys/block/dm-*/slaves/*")
                      if os.path.basename(path) in found | set(devices)}
        found, grew = found | more_found, bool(more_found - found)
    return sorted(f"{name} ({read_text(f'/sys/block/{name}/dm/name').strip()})" for name in found)


KERNEL_THREAD = 0x00200000  # PF_KTHREAD of include/linux/sched.h, in the ninth field of /proc/PID/stat


def process_table():
    """pid → (parent, session, name) of every process but zombies and the kernel's own threads, which come and go
    with its work and which a test started as init of a machine shares session 0 with."""
    table = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        head, _, tail = read_text(path).rpartition(")")
        fields = tail.split()
        if fields and fields[0] != "Z" and not int(fields[6]) & KERNEL_THREAD:
            pid, _, name = head.partition(" (")
            table[int(pid)] = (int(fields[1]), int(fields[3]), name)
    return table


def descendants(table=None):
    """Processes below this one: pid → name. Complete once this process is a subreaper (see namespace.py)."""
    table = table or process_table()
    found, grew = {os.getpid()}, True
    while grew:
        more = {pid for pid, row in table.items() if row[0] in found and pid not in found}
        found, grew = found | more, bool(more)
    return {pid: table[pid][2] for pid in found if pid in table and pid != os.getpid()}


def session_processes():
    """Processes of this session but this one and those that started it: pid → name."""
    table = process_table()
    session, own, pid = os.getsid(0), set(), os.getpid()
    while pid in table:
        own.add(pid)
        pid = table[pid][0]
    return {pid: row[2] for pid, row in table.items() if row[1] == session and pid not in own}


def files(folders, keep=lambda path: True):
    """Everything below these folders for which keep(path) holds."""
    found = []
    for folder in folders:
        for path, names, others in os.walk(folder):
            found += [os.path.join(path, name) for name in names + others]
    return sorted(path for path in found if keep(path))


def more(before, after):
    """Members of the list `after` beyond those of `before`, doubles counted."""
    rest = list(before)
    extra = []
    for item in after:
        if item in rest:
            rest.remove(item)
        else:
            extra.append(item)
    return extra


class Snapshot:
    """folders: whose files count. loop_folders: whose files may back a loop device of ours. allow(text): what may
    stay, such as the pool of a store. processes: a function that gives pid → name."""

    def __init__(self, folders=(), loop_folders=(), allow=lambda text: False, processes=descendants,
                 keep=lambda path: True):
        self.folders, self.loop_folders, self.allow = list(folders), list(loop_folders), allow
        self.processes, self.keep = processes, keep
        self.before = self.take()

    def take(self):
        return {
            "mount": mounts(),
            "loop device": [f"{device} ({file})" for device, file in sorted(loops(self.loop_folders).items())],
            "mapped device": mapped(loops(self.loop_folders)),
            "process": [f"{pid} ({name})" for pid, name in sorted(self.processes().items())],
            "file": files(self.folders, self.keep),
        }

    def leaks(self, patience=3.0):
        """What is there now that was not before, as lines; what is just ending gets `patience` seconds to end."""
        end = time.monotonic() + patience
        while True:
            after = self.take()
            found = [f"{kind} {item}" for kind, items in self.before.items() for item in more(items, after[kind])
                     if not self.allow(item)]
            if not found or time.monotonic() > end:
                return found
            time.sleep(0.1)


def run_snapshot():
    """Of a whole test run: its own folder, and what vmforge may have left in the usual temporary ones."""
    own = os.environ["VMFORGE_TEST_RUN"]
    temporary = [folder for folder in ("/tmp", "/var/tmp") if os.path.isdir(folder)]

    def is_ours(path):
        parent, name = os.path.split(path)
        if path.startswith(own + "/tmp/"):
            return True
        return parent in temporary and path != own and name.startswith(("vmforge", "vf-"))

    def is_elsewhere(text):
        return text.startswith("/") and not text.startswith((own, os.getcwd(), "/tmp/", "/var/tmp/", "/run/"))

    return Snapshot([own + "/tmp", *temporary], [own, os.getcwd(), *temporary], is_elsewhere, session_processes,
                    is_ours)


def main(arguments):
    if len(arguments) != 2 or arguments[0] not in ("save", "compare"):
        sys.exit("usage: leaks.py save|compare FILE")
    snapshot = run_snapshot()
    if arguments[0] == "save":
        with open(arguments[1], "w", encoding="utf-8") as file:
            json.dump(snapshot.before, file)
        return 0
    with open(arguments[1], encoding="utf-8") as file:
        snapshot.before = json.load(file)
    found = snapshot.leaks()
    print(("not ok" if found else "ok") + " 1 - the test run left nothing behind")
    print("".join(f"# {line}\n" for line in found) + "1..1")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
