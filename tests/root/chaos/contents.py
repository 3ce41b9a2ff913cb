# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What is in a volume, as lines: paths, types, modes, owners, attributes and contents of its root filesystem, and
what lies before that on the disk. Times are left out: those that vmforge does not set are of the day."""
import hashlib
import os
import stat
import struct
import subprocess
import tempfile


def partition(path):
    """First byte and length of the last partition, which is the root filesystem's."""
    with open(path, "rb") as file:
        file.seek(512)
        header = file.read(92)
        if header[:8] != b"EFI PART":
            raise ValueError(f"{path} has no partition table")
        table, count, size = struct.unpack_from("<QII", header, 72)
        file.seek(table * 512)
        entries = file.read(count * size)
    used = [i for i in range(count) if any(entries[i * size:i * size + 16])]
    spans = [struct.unpack_from("<QQ", entries, i * size + 32) for i in used]
    first, last = max(spans)
    return first * 512, (last - first + 1) * 512


BLOCK = 1 << 16


def data_blocks(file, end):
    """Offsets of the blocks that may hold something else than zeros."""
    offset = 0
    while offset < end:
        try:
            data = os.lseek(file.fileno(), offset, os.SEEK_DATA)
        except OSError:  # ENXIO: none behind
            return
        hole = os.lseek(file.fileno(), data, os.SEEK_HOLE)
        first = max(offset, data // BLOCK * BLOCK)
        yield from range(first, min(hole, end), BLOCK)
        offset = max(first, -(-hole // BLOCK) * BLOCK)


def fingerprint(path, end=1 << 62):
    """Of the bytes up to `end`, of which a hole and zeros are the same."""
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        for offset in data_blocks(file, min(end, os.path.getsize(path))):
            data = os.pread(file.fileno(), min(BLOCK, end - offset), offset)
            if data.strip(b"\0"):
                digest.update(struct.pack("<Q", offset) + data)
    return digest.hexdigest()


def content_of(path, status):
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(path)
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return str(status.st_rdev)


def lines_of(root):
    """One for each file, sorted."""
    lines = []
    for folder, names, others in os.walk(root):
        for name in names + others:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            attributes = {key: os.getxattr(path, key, follow_symlinks=False).hex()
                          for key in sorted(os.listxattr(path, follow_symlinks=False))}
            size = None if stat.S_ISDIR(status.st_mode) else status.st_size
            lines.append(f"{os.path.relpath(path, root)} {oct(status.st_mode)} {status.st_uid}:{status.st_gid} {size} "
                         f"{attributes} {content_of(path, status) if size is not None else ''}")
    return sorted(lines)


def tree_of(path):
    """The lines of a sealed volume, the last about what is before its root filesystem."""
    first, length = partition(path)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["mount", "-o", f"ro,loop,offset={first},sizelimit={length}", path, folder],
                              check=False, capture_output=True, text=True)
        if done.returncode:
            raise ValueError(done.stderr.strip())
        try:
            lines = lines_of(folder)
        finally:
            subprocess.run(["umount", folder], check=True, capture_output=True, text=True)
    return [*lines, f"before the root filesystem: {fingerprint(path, first)}"]


def difference(wanted, found):
    """Nothing, or what differs, in a few lines."""
    left, right = set(wanted), set(found)
    lines = [f"- {line}" for line in wanted if line not in right] + [f"+ {line}" for line in found if line not in left]
    return "\n".join(lines[:20]) or None


class Known:
    """Volumes that were found right, which must not change. A stage is right if it holds what the reference has."""

    def __init__(self, reference):
        self.reference, self.fingerprints = reference, {}

    def problems(self, stages):
        """stages: key → path of its volume."""
        found = []
        for key, path in stages.items():
            if path is None or key not in self.reference:
                continue
            name, mark = os.path.basename(path), fingerprint(path)
            if name not in self.fingerprints:
                try:
                    other = difference(self.reference[key], tree_of(path))
                except (OSError, ValueError) as error:
                    other = str(error)
                found += [f"stage {key[:12]} is not what it should be:\n{other}"] if other else []
                self.fingerprints[name] = mark
            elif self.fingerprints[name] != mark:
                found.append(f"the sealed volume {name} of stage {key[:12]} has changed")
        return found
