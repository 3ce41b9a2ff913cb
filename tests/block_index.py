# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A second implementation of docs/block-index.md, written from that page alone.

    block_index.py make VOLUME INDEX     writes the index of a file, prints its root
    block_index.py check INDEX [VOLUME]  prints the root, or what is wrong (status 1)
"""
import hashlib
import os
import struct
import sys

BLOCK, HASH, FAN, LEVELS = 4096, 32, 128, 7
ZERO, HEADER = bytes(HASH), struct.Struct("<16sQII32s")
MAGIC = b"vmforge-index 1\n"


class Wrong(Exception):
    """What is wrong with an index or a volume."""


def digest(page):
    return hashlib.sha256(page).digest() if page.count(0) < BLOCK else ZERO


def blocks_of(size):
    return -(-size // BLOCK)


def depth_of(size):
    depth = 1
    while FAN ** depth < blocks_of(size):
        depth += 1
    return depth


def pages_of(size, level):
    return max(1, -(-blocks_of(size) // FAN ** (level + 1)))


def place(level, number):
    first = number * FAN ** level
    return BLOCK * (LEVELS - level + sum(first // FAN ** k for k in range(LEVELS)))


def length_of(size):
    return place(0, pages_of(size, 0) - 1) + BLOCK


def data_blocks(file, size):
    """Numbers of the blocks that are no holes."""
    block = 0
    while block < blocks_of(size):
        try:
            block = max(block, os.lseek(file.fileno(), block * BLOCK, os.SEEK_DATA) // BLOCK)
        except OSError:
            return
        yield block
        block += 1


def hashes_of_volume(path):
    size = os.path.getsize(path)
    found = {}
    with open(path, "rb") as file:
        for block in data_blocks(file, size):
            file.seek(block * BLOCK)
            found[block] = digest(file.read(BLOCK).ljust(BLOCK, b"\0"))
    return size, {block: value for block, value in found.items() if value != ZERO}


def write(path, size, hashes):
    with open(path, "wb") as file:
        file.truncate(length_of(size))
        for level in range(depth_of(size)):
            pages = {}
            for number, value in hashes.items():
                start = number % FAN * HASH
                pages.setdefault(number // FAN, bytearray(BLOCK))[start:start + HASH] = value
            for number, page in pages.items():
                file.seek(place(level, number))
                file.write(page)
            hashes = {number: digest(page) for number, page in pages.items()}
        header = HEADER.pack(MAGIC, size, BLOCK, depth_of(size), hashes.get(0, ZERO))
        file.seek(0)
        file.write(header)
    return hashlib.sha256(header).hexdigest()


class Index:
    """Reads an index page by page, each checked against the one above."""

    def __init__(self, file):
        self.file = file
        header = file.read(HEADER.size)
        if len(header) < HEADER.size:
            raise Wrong("the header is cut off")
        magic, self.size, block, self.depth, self.top = HEADER.unpack(header)
        if magic != MAGIC or block != BLOCK or self.depth != depth_of(self.size) or self.depth > LEVELS:
            raise Wrong("the header is damaged")
        if os.fstat(file.fileno()).st_size != length_of(self.size):
            raise Wrong("the file has the wrong length")
        self.root = hashlib.sha256(header).hexdigest()

    def hashes(self, level=None, number=0, wanted=None):
        """Pairs (block, hash), zeros left out, below a page."""
        level, wanted = (self.depth - 1, self.top) if level is None else (level, wanted)
        if wanted == ZERO:
            return
        self.file.seek(place(level, number))
        page = self.file.read(BLOCK)
        if digest(page) != wanted:
            raise Wrong(f"page {number} of level {level} is damaged")
        for i in range(FAN):
            value = page[i * HASH:(i + 1) * HASH]
            if value != ZERO and level == 0:
                yield number * FAN + i, value
            elif value != ZERO:
                yield from self.hashes(level - 1, number * FAN + i, value)


def check(path, volume=None):
    with open(path, "rb") as file:
        index = Index(file)
        hashes = dict(index.hashes())
    if volume is not None:
        size, wanted = hashes_of_volume(volume)
        if size != index.size:
            raise Wrong(f"the volume has {size} bytes, not {index.size}")
        bad = sorted(block for block in hashes.keys() | wanted.keys() if hashes.get(block) != wanted.get(block))
        if bad:
            raise Wrong(f"blocks that differ: {' '.join(map(str, bad))}")
    return index.root


def main(arguments):
    try:
        if arguments[:1] == ["make"] and len(arguments) == 3:
            print(write(arguments[2], *hashes_of_volume(arguments[1])))
        elif arguments[:1] == ["check"] and len(arguments) in (2, 3):
            print(check(*arguments[1:]))
        else:
            sys.exit(__doc__)
    except Wrong as wrong:
        sys.exit(str(wrong))


if __name__ == "__main__":
    main(sys.argv[1:])
