#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A bad link, in place of ssh: `vmforge push --rsh "relay.py MODE AT"`. What both ends say passes through here; the command
is run by a shell.

    cut AT      both ways end after so many bytes
    end AT      this way ends there, and what comes behind is lost; the other way stays
    flip AT     one bit of the byte there is another
    swap AT     the bytes from there on, in one reading, come in another order
    twice AT    the bytes from there on, in one reading, come twice
    slow AT     every AT bytes it waits for a tenth of a second
    late AT     all bytes of both ways arrive a tenth of a second after they were sent, whatever AT is
    stall AT    there it waits for three seconds
    hang AT     there it waits for good
    count FILE  how many bytes passed is written there

This is done to what the sender says; with `-back` behind the mode, to what it is answered. The command is
run by VMFORGE_RELAY_SHELL, `ssh -F FILE` or so, if there is one."""
import collections
import os
import shlex
import socket
import stat
import subprocess
import sys
import threading
import time

SHELL = "VMFORGE_RELAY_SHELL"
STEP = 4096
LATE = 0.1
STALL = 3


class Way:
    """One direction, from a descriptor to another. cut() ends both."""

    def __init__(self, source, sink, mode, at, cut):
        self.source, self.sink, self.mode, self.at, self.cut = source, sink, mode, at, cut
        self.passed, self.waits = 0, 0

    def spoil(self, data, here):
        """What becomes of the bytes of the reading that the place is in."""
        tail = data[here:]
        if self.mode == "flip":
            return data[:here] + bytes([data[here] ^ 0x10]) + data[here + 1:]
        if self.mode == "swap":
            half = len(tail) // 2
            return data[:here] + tail[half:2 * half] + tail[:half] + tail[2 * half:]
        return data + tail if self.mode == "twice" else data

    def stop(self, data):
        """The place is here, and what comes behind does not pass, or not now."""
        self.say(data)
        if self.mode == "cut":
            self.cut()
        if self.mode == "end":
            end(self.sink)
            while os.read(self.source, STEP):
                pass
        time.sleep(STALL if self.mode == "stall" else 1e6 if self.mode == "hang" else 0)

    def pass_on(self, data):
        begin, self.passed = self.passed, self.passed + len(data)
        if self.mode == "slow" and self.passed // self.at > self.waits:
            self.waits = self.passed // self.at
            time.sleep(0.1)
        if self.mode in (None, "slow", "late", "count") or not begin <= self.at < self.passed:
            self.say(data)
        elif self.mode in ("flip", "swap", "twice"):
            self.say(self.spoil(data, self.at - begin))
        else:
            self.stop(data[:self.at - begin])
            self.say(data[self.at - begin:])

    def say(self, data):
        while data:
            data = data[os.write(self.sink, data):]

    def readings(self):
        while data := os.read(self.source, STEP):
            yield data

    def late_readings(self):
        """What was read, after it has been on its way for so long; more may be on the way meanwhile."""
        waiting, changed = collections.deque(), threading.Semaphore(0)

        def read():
            for data in self.readings():
                waiting.append((time.monotonic() + LATE, data))
                changed.release()
            waiting.append((0, b""))
            changed.release()

        threading.Thread(target=read, daemon=True).start()
        while changed.acquire():  # pylint: disable=consider-using-with
            due, data = waiting.popleft()
            if not data:
                return
            time.sleep(max(0, due - time.monotonic()))
            yield data

    def run(self):
        try:
            for data in self.late_readings() if self.mode == "late" else self.readings():
                self.pass_on(data)
        except OSError:
            pass  # one of the ends is gone
        close(self.sink)


def end(descriptor):
    """Of a socket this way alone: it may be open elsewhere, for the other way."""
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        close(descriptor)
        return
    with socket.socket(fileno=os.dup(descriptor)) as both:
        both.shutdown(socket.SHUT_WR)


def close(descriptor):
    try:
        os.close(descriptor)
    except OSError:
        pass  # it is cut already


def main():
    given, at, *destination, command = sys.argv[1:]
    shell = shlex.split(os.environ.get(SHELL, ""))
    mode, back = given.removesuffix("-back"), given.endswith("-back")
    place = 0 if mode == "count" else int(at)
    # pylint: disable=consider-using-with  # it ends by os._exit, since a thread may still read what nobody sends
    child = subprocess.Popen([*shell, *destination, command] if shell else ["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    ends = [0, child.stdin.fileno(), child.stdout.fileno(), 1]
    ways = [Way(*ends[:2], mode if not back or mode == "late" else None, place, lambda: [close(end) for end in ends]),
            Way(*ends[2:], mode if back or mode == "late" else None, place, lambda: [close(end) for end in ends])]
    threads = [threading.Thread(target=way.run, daemon=True) for way in ways]
    for thread in threads:
        thread.start()
    status = child.wait()
    if mode != "hang" and mode != "cut":
        threads[1].join()
    if mode == "count":
        with open(at, "w", encoding="utf-8") as file:
            file.write(str(ways[back].passed))
    os._exit(status)  # pylint: disable=protected-access


if __name__ == "__main__":
    main()
