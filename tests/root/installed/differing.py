#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""`vmforge diff --tree`: what two images differ in, and that two cold builds of one spec do not differ."""
import calendar
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time

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
    test.attempt("--matrix compares no files", lambda: fixture.judge(
        test.vmforge("diff", "--tree", "--matrix"), 2, ".*leave out --tree: see 'vmforge diff --help'"))
    test.attempt("an image that is not there is named", lambda: fixture.judge(
        test.vmforge("diff", "--tree", "one", "nothing"), 2, "no image or stage 'nothing'.*"))
    test.attempt("a comparison leaves nothing", lambda: None if diff(test, "one", "two")[0] == 1 else "equal")


def epochs(test, name, store):
    """Stage → the time that it is dated by, of the stages of an image; without what was built without a parent's."""
    known = {}
    for folder in os.listdir(f"{store}/stages"):
        with open(f"{store}/stages/{folder}/stage.json", encoding="utf-8") as file:
            stage = json.load(file)
        if stage["spec"] == name:
            known[stage["stage"]] = stage["source_date_epoch"]
    return known


def archive_time(test, package):
    """The newest time of the members of toyland's archive."""
    path = glob.glob(f"{test.toy.pool}/{package}_*.deb")[0]
    listing = subprocess.run(["ar", "tv", path], capture_output=True, text=True, check=True,
                             env={**os.environ, "TZ": "UTC", "LC_ALL": "C"}).stdout
    times = [re.search(r"(\w{3} +\d+ \d\d:\d\d \d{4})", line)[1] for line in listing.splitlines()]
    return max(calendar.timegm(time.strptime(one, "%b %d %H:%M %Y")) for one in times)


def date_archives(test):
    """Archives as a distribution has them, built years apart; `ar tv` tells minutes."""
    for path in glob.glob(f"{test.toy.pool}/*.deb"):
        name = os.path.basename(path).split("_")[0]
        built = 1600000020 + 60 * {"toy-base": 1, "toy-lib": 3, "toy-hello": 2}.get(name, 9)
        with tempfile.TemporaryDirectory(dir=test.work) as tree:
            subprocess.run(["dpkg-deb", "--raw-extract", path, tree], check=True)
            os.chmod(tree, 0o755)
            subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, path], check=True, capture_output=True,
                           env={**os.environ, "SOURCE_DATE_EPOCH": str(built)})
    test.toy.publish_again("good")


def show_same(test):
    """Two cold builds of one spec, seconds apart, with all that stages do."""
    date_archives(test)
    stores = [os.path.join(test.work, name) for name in ("first", "second")]
    spec = test.spec("cold", core={"packages": ["toy-lib"]}, base={"packages": ["toy-site"]},
                     image={"packages": ["toy-hello"], "run": ["date >/srv/date-of-nothing; rm /srv/date-of-nothing",
                                                               "mkdir -p /srv/a/b; echo x >/srv/a/b/c; ln /srv/a/b/c /srv/d"]},
                     appliance={"hostname": "cold", "users": [{"name": "ada", "password": "$6$salt$x"}],
                                "files": [{"to": "/etc/motd", "content": "hello\n"}]})
    for store in stores:
        build(test, spec, store=store)
        time.sleep(1.1)
    try:
        status, lines = diff(test, "cold", "cold", "--store-b", stores[1], store=stores[0])
        test.tap.ok((status, lines) == (0, []), "two cold builds of one spec in two stores give the same tree",
                    "\n".join(lines[:40]))
        show_epochs(test, stores[0])
    finally:
        for store in stores:
            program.close_store(store)


def show_epochs(test, store):
    base, lib, hello, site = (archive_time(test, f"toy-{name}") for name in ("base", "lib", "hello", "site"))
    wanted = {"core": max(base, lib), "base": site, "image": max(site, hello), "appliance": max(site, hello)}
    got = epochs(test, "cold", store)
    test.tap.ok(got == wanted and lib > base and site > lib,
                "a stage is dated by its newest package, or as the stage below", f"{got} {wanted}")
    found = json.loads(subprocess.run([program.PROGRAM, "plan", "--json", "--store", store, f"{test.toy.folder}/cold.yaml"],
                                      env={**test.toy.environment, "SOURCE_DATE_EPOCH": "1700000000"},
                                      capture_output=True, text=True, check=True).stdout)
    test.tap.ok(not any(stage["hit"] for stage in found), "SOURCE_DATE_EPOCH in the environment is in the keys")


def show(test):
    show_same(test)
    show_differences(test)
    show_boot(test)
    show_sharing(test)
    show_refusals(test)


if __name__ == "__main__":
    fixture.main(show)
