# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A folder whose filesystem fails when it is told to: failing-fs.c, and how a test controls it."""
import errno
import mmap
import os
import struct
import subprocess
import time

from fixture import namespace, program

PROGRAM = os.path.join(program.BUILD, "tests", "root", "chaos", "failing-fs")
WRITE, SYNC, NAME, REMOVE, META = 1, 2, 4, 8, 16
EVERY = WRITE | SYNC | NAME | REMOVE | META
LAYOUT = struct.Struct("=QQQQIi256s64s")  # struct control
LAST = (1 << 64) - 1

KINDS = {"write": WRITE, "fallocate": WRITE, "fsync": SYNC, "fsyncdir": SYNC, "create": NAME, "mkdir": NAME, "rename": NAME,
         "link": NAME, "symlink": NAME, "unlink": REMOVE, "rmdir": REMOVE, "chmod": META, "chown": META,
         "truncate": META, "utimens": META, "setxattr": META}

# What can go wrong: kinds of operations, errno (0: short writes), and whether it stays so.
FAULTS = {
    "an error": (EVERY, errno.EIO, False),
    "a full disk": (WRITE | NAME, errno.ENOSPC, True),
    "a short write": (WRITE, 0, False),
    "a dead disk": (WRITE, errno.EIO, True),
}


class Disk:
    """path: where it is mounted. trace: whether operations are recorded."""

    def __init__(self, folder, trace=False):
        self.path, self.trace_path = os.path.join(folder, "disk"), os.path.join(folder, "trace")
        for name in ("disk", "behind"):
            os.makedirs(os.path.join(folder, name))
        control = os.path.join(folder, "control")
        with open(control, "w+b") as file:
            file.truncate(LAYOUT.size)
            self.control = mmap.mmap(file.fileno(), LAYOUT.size)
        self.process = subprocess.Popen([PROGRAM, os.path.join(folder, "behind"), self.path, control,
                                         *([self.trace_path] if trace else [])], stdin=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while not os.path.ismount(self.path):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("failing-fs could not be mounted: see above")
            time.sleep(0.01)

    def arm(self, fault, number, within=""):
        """The operation of this number fails, counted from now and among those of the fault's kinds on paths that contain
        `within`; and those that follow, if it stays. 0: none, only counted."""
        kinds, error, stays = FAULTS[fault]
        last = 0 if number == 0 else LAST if stays else number
        self.control[:] = LAYOUT.pack(0, number, last, 0, kinds, error, b"", within.encode())

    def disarm(self):
        """Operations that were counted, and what failed first, if any did."""
        count, _, _, failed, _, _, what, _ = LAYOUT.unpack(self.control[:])
        self.control[:] = LAYOUT.pack(0, 0, 0, 0, 0, 0, b"", b"")
        return count, what.rstrip(b"\0").decode("utf-8", "replace") if failed else None

    def operations(self):
        """Lines "KIND PATH" that were traced."""
        with open(self.trace_path, encoding="utf-8", errors="replace") as file:
            return [line.split(" ", 1)[1].strip() for line in file]

    def close(self):
        namespace.umount(self.path)
        self.process.wait(10)
        self.control.close()
