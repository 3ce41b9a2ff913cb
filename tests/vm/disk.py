# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Looks into a raw disk without mounting it: the partition table, and ext4 by debugfs."""
import os
import struct
import subprocess
import uuid

SECTOR = 512


class Disk:
    def __init__(self, path):
        self.path = path
        self.partitions = self.read_table()

    def read_table(self):
        """[(type GUID, offset, length)], lengths in bytes."""
        with open(self.path, "rb") as file:
            file.seek(SECTOR)
            header = file.read(SECTOR)
            if header[:8] != b"EFI PART":
                raise ValueError(f"{self.path} has no GPT")
            first, = struct.unpack_from("<Q", header, 72)
            count, size = struct.unpack_from("<II", header, 80)
            file.seek(first * SECTOR)
            table = file.read(count * size)
        found = []
        for at in range(0, len(table), size):
            kind = uuid.UUID(bytes_le=table[at:at + 16])
            begin, end = struct.unpack_from("<QQ", table, at + 32)
            if kind.int:
                found.append((str(kind), begin * SECTOR, (end - begin + 1) * SECTOR))
        return found

    @property
    def size(self):
        return os.path.getsize(self.path)

    @property
    def root(self):
        """What e2fsprogs call the root filesystem, which is the last partition."""
        return f"{self.path}?offset={self.partitions[-1][1]}"

    def debugfs(self, request):
        done = subprocess.run(["debugfs", "-R", request, self.root], stdin=subprocess.DEVNULL, capture_output=True,
                              check=True)
        return done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")

    def read_file(self, path):
        """None where there is no such file."""
        output, errors = self.debugfs(f'cat "{path}"')
        return None if "File not found" in errors else output

    def list_folder(self, path):
        output, errors = self.debugfs(f'ls -p "{path}"')
        if "File not found" in errors:
            return []
        names = [line.split("/")[5] for line in output.splitlines() if line.startswith("/")]
        return [name for name in names if name not in (".", "..", "")]

    def check_filesystem(self):
        """"" where e2fsck finds nothing, else what it says."""
        done = subprocess.run(["e2fsck", "-fn", self.root], stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              text=True)
        return "" if done.returncode == 0 else done.stdout + done.stderr
