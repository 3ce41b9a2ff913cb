# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""One image to a place that has another one, or none: by vmforge, and by what else does it. All end with the image on stable
storage; none is told what its neighbour knows.

`casync` and `zsync` chunk or index the image first, which counts, as it does when an image goes out once. What casync's receiver
fetches are the chunks that its seed does not have; rsync runs through a shell that stands for ssh, without its cost."""
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import types
from dataclasses import dataclass

from program import PROGRAM, close_store, said, vmforge

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.append(os.path.join(HERE, "..", "root", "transfer"))

MIB = 1 << 20


@dataclass
class Run:
    seconds: float
    bytes: int
    index: int = 0
    image: int = 0


class Failed(RuntimeError):
    pass


def run(*argv, **options):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise Failed(said(done))
    return done.stdout


def forget_pages(*places):
    """Of the page cache: what belongs to files below these, and to nobody else's."""
    os.sync()
    for place in filter(None, places):
        paths = [place] if os.path.isfile(place) else [os.path.join(folder, name) for folder, _, names in os.walk(place)
                                                       for name in names]
        for path in filter(os.path.isfile, paths):
            with contextlib.suppress(OSError), open(path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Pairing:
    """image: in the store `ours`. before: in the store `theirs`, whose copy the receivers have; or None."""

    def __init__(self, folder, ours, image, theirs, before):
        self.folder, self.ours, self.image, self.before = os.path.join(folder, "pair"), ours, image, before
        os.makedirs(self.folder)
        self.store = os.path.join(self.folder, "store")
        self.there = os.path.join(self.folder, "there.raw")
        self.old = self.path_of(before, theirs) if before else None
        self.new = self.path_of(image, ours)
        for store in {ours, theirs}:
            self.trust(store)
        if before:
            run(PROGRAM, "push", before, f"file://{self.store}", "--store", theirs)
        self.seed_store = os.path.join(self.folder, "seed.castr")
        self.compressed = 0

    @staticmethod
    def path_of(image, store):
        return run(PROGRAM, "images", "path", image, "--store", store).strip()

    def trust(self, store):
        key = os.path.join(self.folder, "key.pub")
        with open(key, "w", encoding="utf-8") as file:
            file.write(run(PROGRAM, "key", "export", "--store", store))
        run(PROGRAM, "key", "trust", key, "--role", "service", "--store", self.store)

    def reset(self):
        """What the receivers have is `before`, and nothing of what came."""
        if self.image != self.before:
            vmforge("images", "rm", self.image, "--store", self.store)
            vmforge("gc", "--keep-days", "0", "--store", self.store)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.there)
        for name in ("image.castr", "image.caibx", "image.zsync", "image.zst"):
            path = os.path.join(self.folder, name)
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):
                os.unlink(path)
        if self.old:
            run("cp", "--sparse=always", self.old, self.there)

    def prepare(self, cache):
        self.reset()
        if cache == "cold":
            forget_pages(self.new, self.old, self.folder, self.ours)
        else:
            for path in filter(None, (self.new, self.old, self.there if self.old else None)):
                run("dd", f"if={path}", "of=/dev/null", "bs=1M", "status=none")

    def close(self):
        if close_store(self.store):
            shutil.rmtree(self.folder, ignore_errors=True)


# ---- who sends: each gives the bytes that travelled, or a whole Run but for its seconds

def by_vmforge(pair):
    lines = run(PROGRAM, "push", "--json", pair.image, f"file://{pair.store}", "--store", pair.ours).splitlines()
    last = json.loads(lines[-1])
    run("sync", "-f", pair.store)
    return Run(0, last["wire_bytes"], last["index_bytes"], last["image_bytes"])


def by_rsync(pair):
    shell = os.path.join(pair.folder, "shell")
    with open(shell, "w", encoding="ascii") as file:
        os.chmod(shell, 0o755)
        file.write('#!/bin/sh\nshift\nexec "$@"\n')
    text = run("rsync", "-z", "--zc=zstd", "--sparse", "--no-whole-file", "--ignore-times", "--stats", "-e", shell, pair.new,
               f"host:{pair.there}")
    run("sync", pair.there)
    counts = re.findall(r"Total bytes (?:sent|received): ([0-9,.]+)", text)
    return Run(0, sum(int(re.sub("[,.]", "", count)) for count in counts))


def chunks(folder):
    return {name: os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names}


def by_casync(pair):
    index, store = os.path.join(pair.folder, "image.caibx"), os.path.join(pair.folder, "image.castr")
    run("casync", "make", f"--store={store}", index, pair.new)
    seed = [f"--seed={pair.there}"] if pair.old else []
    run("casync", "extract", f"--store={store}", *seed, index, pair.there + ".new")
    os.rename(pair.there + ".new", pair.there)
    run("sync", pair.there)
    return Run(0, os.path.getsize(index))


def count_casync(pair, result):
    """Of what was made for it, what the receiver's own image does not have."""
    if pair.old and not os.path.exists(pair.seed_store):
        run("casync", "make", f"--store={pair.seed_store}", os.path.join(pair.folder, "seed.caibx"), pair.old)
    had = chunks(pair.seed_store)
    result.bytes += sum(size for name, size in chunks(os.path.join(pair.folder, "image.castr")).items() if name not in had)


def by_zsync(pair):
    import server  # pylint: disable=import-outside-toplevel  # of the tests of transfers
    index = os.path.join(pair.folder, "image.zsync")
    root = os.path.dirname(pair.new)
    with server.nginx(types.SimpleNamespace(work=pair.folder), root) as url:
        run("zsyncmake", "-u", f"{url}/{os.path.basename(pair.new)}", "-o", index, pair.new)
        text = run("zsync", *(["-i", pair.there] if pair.old else []), "-o", pair.there + ".new", index, cwd=pair.folder)
    os.rename(pair.there + ".new", pair.there)
    run("sync", pair.there)
    return Run(0, int(re.findall(r"fetched (\d+)", text)[-1]) + os.path.getsize(index))


def by_patch(pair):
    """The sender has to have the receiver's image as well, as a file."""
    patch = os.path.join(pair.folder, "image.zst")
    run("zstd", "-q", "-3", "-T0", "--long=31", f"--patch-from={pair.old}", pair.new, "-o", patch)
    run("zstd", "-q", "-d", "--long=31", f"--patch-from={pair.there}", patch, "-o", pair.there + ".new")
    os.rename(pair.there + ".new", pair.there)
    run("sync", pair.there)
    return Run(0, os.path.getsize(patch))


def by_zstd(pair):
    with subprocess.Popen(["zstd", "-q", "-3", "-c", pair.new], stdout=subprocess.PIPE) as sender:
        done = subprocess.run(["zstd", "-q", "-d", "-f", "-o", pair.there], stdin=sender.stdout, check=False)
    if done.returncode or sender.returncode:
        raise Failed("zstd failed")
    run("sync", pair.there)
    return Run(0, 0)


def count_zstd(pair, result):
    if not pair.compressed:
        pair.compressed = int(run("sh", "-c", 'zstd -q -3 -c "$1" | wc -c', "sh", pair.new))
    result.bytes = pair.compressed


PEERS = {"rsync": by_rsync, "casync": by_casync, "zsync": by_zsync, "zstd --patch-from": by_patch}
COUNTS = {by_casync: count_casync, by_zstd: count_zstd}


def peers_of(pair):
    """Name → function, beside vmforge."""
    return PEERS if pair.old else {"zstd -3": by_zstd}


def timed(send, pair, cache):
    """None, and the reason on standard error, where it cannot do it."""
    pair.prepare(cache)
    begin = time.monotonic()
    try:
        result = send(pair)
        result.seconds = time.monotonic() - begin
        COUNTS.get(send, lambda *_: None)(pair, result)
    except Failed as error:
        print(f"  {error}", file=sys.stderr, flush=True)
        return None
    if send is not by_vmforge and subprocess.run(["cmp", "-s", pair.new, pair.there], check=False).returncode:
        raise RuntimeError(f"{send.__name__} made something else")
    return result
