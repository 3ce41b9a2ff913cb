#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A bad link, in place of ssh: `vmforge push --rsh "relay.py MODE AT"`. What is sent passes through here, to a shell that
runs the command; what is answered passes untouched.

    cut AT      the stream ends after so many bytes
    flip AT     one bit of the byte there is another
    swap AT     the bytes from there on, in one reading, come in another order
    twice AT    4096 bytes from there on come twice
    slow AT     every AT bytes it waits for a tenth of a second
    count FILE  how many bytes passed is written there"""
import os
import subprocess
import sys
import threading
import time

STEP = 4096


class Bad:
    def __init__(self, mode, at):
        self.mode, self.at = mode, at
        self.passed, self.waits = 0, 0

    def pass_on(self, data):
        """What becomes of these bytes; None: the link is cut."""
        begin, self.passed = self.passed, self.passed + len(data)
        if self.mode == "slow":
            if self.passed // self.at > self.waits:
                self.waits = self.passed // self.at
                time.sleep(0.1)
            return data
        if self.mode == "count" or not begin <= self.at < self.passed:
            return None if self.mode == "cut" and begin > self.at else data
        here = self.at - begin
        if self.mode == "cut":
            return data[:here]
        if self.mode == "flip":
            return data[:here] + bytes([data[here] ^ 0x10]) + data[here + 1:]
        if self.mode == "swap":
            half = (len(data) - here) // 2
            return data[:here] + data[here + half:here + 2 * half] + data[here:here + half] + data[here + 2 * half:]
        return data + data[here:]


def forward(bad, child):
    while data := os.read(0, STEP):
        changed = bad.pass_on(data)
        try:
            if changed:
                child.stdin.write(changed)
                child.stdin.flush()
        except OSError:
            break
        if bad.mode == "cut" and bad.passed > bad.at:
            break
    try:
        child.stdin.close()
    except OSError:
        pass
    if bad.mode == "cut" and bad.passed > bad.at:
        os.close(1)


def main():
    mode, at, _, command = sys.argv[1:]
    bad = Bad(mode, 0 if mode == "count" else int(at))
    with subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=None if mode != "cut" else subprocess.PIPE) as child:
        thread = threading.Thread(target=forward, args=(bad, child), daemon=True)
        thread.start()
        if mode == "cut":
            while data := os.read(child.stdout.fileno(), STEP):
                try:
                    os.write(1, data)
                except OSError:
                    break
        status = child.wait()
    if mode == "count":
        with open(at, "w", encoding="utf-8") as file:
            file.write(str(bad.passed))
    os._exit(status)  # pylint: disable=protected-access  # the thread may still read what nobody sends


if __name__ == "__main__":
    main()
