# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A sender that is not vmforge: says to `vmforge receive` what no vmforge would (docs/wire.md)."""
import hashlib
import json
import struct
import subprocess

from common import program

HELLO, OFFER, ANSWER, BEGIN, ZERO, END, DONE, ERROR, ALIVE = 1, 2, 3, 4, 5, 10, 11, 12, 13
NOBODY = 2**32 - 1


def number(value):
    """As COPY and runs have it."""
    text = b""
    while value > 0x7f:
        text += bytes([value & 0x7f | 0x80])
        value >>= 7
    return text + bytes([value])


class Sender:
    """One connection, ended by leaving it."""

    def __init__(self, test, target):
        # pylint: disable=consider-using-with  # close() waits for it
        self.process = subprocess.Popen([program.PROGRAM, "receive", "--store", target], env=test.toy.environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.said = 0
        self.say(HELLO, b"vmforge-cbt 1\n")
        self.hear(HELLO)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.process.communicate()

    def say(self, kind, content=b""):
        head = struct.pack("<BIQ", kind, len(content), self.said)
        self.said += 1
        self.process.stdin.write(bytes([kind]) + hashlib.sha256(head).digest()[:3] + struct.pack("<I", len(content)) + content)
        self.process.stdin.flush()

    def hear(self, wanted):
        """The content of the next frame, or RuntimeError with what the receiver says instead."""
        kind = ALIVE
        while kind == ALIVE:
            head = self.process.stdout.read(8)
            if len(head) < 8:
                raise RuntimeError(self.process.stderr.read().decode())
            kind, content = head[0], self.process.stdout.read(struct.unpack("<I", head[4:])[0])
        if kind != wanted:
            told = content.decode(errors="replace") + self.process.stderr.read().decode()
            raise RuntimeError(told if kind == ERROR else f"frame {kind}")
        return content

    def offer(self, manifest, signatures, **more):
        """The ANSWER."""
        text = json.dumps({"format": 1, "manifest": manifest, "signatures": signatures, **more}).encode()
        packed = subprocess.run(["zstd", "-qc"], input=text, stdout=subprocess.PIPE, check=True).stdout
        self.say(OFFER, struct.pack("<I", len(text)) + packed)
        return self.hear(ANSWER)
