#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""`vmforge diff --tree`: what two images differ in, and that two cold builds of one spec do not differ."""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import fixture
from fixture import program


def build(test, spec, store=None):
    done = test.vmforge("build", spec, store=store)
    if done.returncode:
        raise RuntimeError(program.said(done))


def diff(test, *words, store=None):
    """(exit status, lines)"""
    done = test.vmforge("diff", "--tree", *words, store=store)
    if done.returncode not in (0, 1) or re.search("^vmforge: ", done.stderr, re.MULTILINE):
        raise RuntimeError(program.said(done))
    return done.returncode, done.stdout.splitlines()


def without_times(lines):
    return [line for line in lines if ": mtime " not in line]


def show_differences(test):
    files = [{"to": "/srv/same", "content": "same\n"}, {"to": "/srv/text", "content": "one\n"}]
    build(test, test.spec("one", appliance={"files": files}))
    files[1] = {"to": "/srv/text", "content": "two\n", "mode": "0600"}
    build(test, test.spec("two", appliance={"files": [*files, {"to": "/srv/up", "link": "/etc"}]}))
    status, lines = diff(test, "one", "two")
    wanted = ["/srv/text: mode 0644, 0600", "/srv/text: content from byte 0 on (4 bytes, 4 bytes)",
              "/srv/up: only in the second (symbolic link)"]
    test.tap.ok((status, without_times(lines)) == (1, wanted), "two images differ in what their specs say", lines)
    status, lines = diff(test, "one", "one")
    test.tap.ok((status, lines) == (0, []), "an image is equal to itself", lines)
    found = json.loads(test.vmforge("diff", "--tree", "--json", "one", "two").stdout)
    wanted = {"path": "/srv/text", "what": "content", "a": "4 bytes", "b": "4 bytes", "offset": 0}
    test.tap.ok(wanted in found, "--json tells the same", found)


def show_sharing(test):
    """toy-huge has a file of 200 MiB, which both stages share with a stage below."""
    specs = [test.spec(name, base={"packages": ["toy-site"]}, disk={"size": "640MiB"},
                       core={"packages": ["toy-huge"], "size": "600MiB"}, appliance={"hostname": name})
             for name in ("big-one", "big-two")]
    for spec in specs:
        build(test, spec)

    def count(*options):
        done = test.vmforge("diff", "--tree", "--verbose", "big-one", "big-two", *options)
        found = re.search(r"pairs of files that had to be read: (\d+)", done.stderr)
        if not found or "/etc/hostname: content" not in done.stdout:
            raise RuntimeError(program.said(done))
        return int(found[1])
    few, all_files = count(), count("--store-b", test.store)  # of another store nothing is known
    test.tap.ok(0 < few < 20 < 60 < all_files, "files that the storage knows to be shared are not read",
                f"{few} of {all_files}")


def show_boot(test):
    """What is in front of the partitions, and in the EFI system partition, of a copy that was tampered with."""
    path = test.vmforge("images", "path", "one").stdout.strip()
    inode = os.stat(path)

    def tamper(offset):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0] ^ 1
            file.seek(offset)
            file.write(bytes([byte]))
    for offset, sentence in ((100, "boot sector: content from byte 100 on"),
                             ((1 << 20) + 7, "BIOS boot partition: content from byte 7 on")):
        tamper(offset)
        _, lines = diff(test, "one", "two")
        tamper(offset)
        test.tap.ok(sentence in lines, f"{sentence.split(':')[0]}: a byte that differs is told", lines[:5])
    show_esp(test, path)
    os.utime(path, ns=(inode.st_atime_ns, inode.st_mtime_ns))


def show_esp(test, path):
    with open(path, "r+b") as disk:
        disk.seek(2 << 20)
        before = disk.read(64 << 20)
        added = os.path.join(test.work, "added.efi")
        with open(added, "w", encoding="utf-8") as file:
            file.write("added\n")
        done = subprocess.run(["mcopy", "-i", f"{path}@@{2 << 20}", added, "::ADDED.EFI"], capture_output=True,
                              text=True, check=False, env={"MTOOLS_SKIP_CHECK": "1", "PATH": os.environ["PATH"]})
        _, lines = diff(test, "one", "two")
        disk.seek(2 << 20)
        disk.write(before)
    test.tap.ok("ESP:/ADDED.EFI: only in the first (file)" in lines,
                "a file of the EFI system partition is told", done.stderr + str(lines[:5]))


def show_refusals(test):
    test.attempt("without --tree it is refused", lambda: fixture.judge(
        test.vmforge("diff", "one", "two"), 2, ".*add --tree: see 'vmforge diff --help'"))
    test.attempt("an image that is not there is named", lambda: fixture.judge(
        test.vmforge("diff", "--tree", "one", "nothing"), 2, "no image or stage 'nothing'.*"))
    test.attempt("a comparison leaves nothing", lambda: None if diff(test, "one", "two")[0] == 1 else "equal")


def show(test):
    show_differences(test)
    show_boot(test)
    show_sharing(test)
    show_refusals(test)


if __name__ == "__main__":
    fixture.main(show)
