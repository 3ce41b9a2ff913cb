# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Images between stores: push and pull beside rsync -z, casync, zsync and zstd --patch-from.

Pairs (what the receiver has, what it gets): derived, with one package more; independent, two builds of neighbouring specs in two
stores; release, Debian 13 where there is 12; identical; unrelated, where it has nothing. Each from a cold and from a warm page cache, end to end: from the command
until the image is whole at the other end. rsync goes through a pipe, as over ssh; what is fetched by HTTP comes from nginx on
loopback, whose log counts the bytes. What casync and zsync prepare for one image is counted, as it is made for each; our block index
and packs are made by the build. And the memory that a sparse disk of 100 GiB takes. BENCH_ROUNDS says how often, BENCH_PAIRS chooses some. The disks have 1900 MiB, since zstd --patch-from takes no file above 2 GiB."""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "root", "transfer"))

import server  # pylint: disable=wrong-import-position
from memory import Memory  # pylint: disable=wrong-import-position
from program import PROGRAM, SOURCE, close_store, vmforge  # pylint: disable=wrong-import-position

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SPECS = os.path.join(SOURCE, "specs")
SIZES = "".join(f"{stage}: {{size: 1900MiB}}\n" for stage in ("disk", "core", "base", "image"))
MIB = 1 << 20


def call(*argv, **options):
    done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise RuntimeError(f"{argv[0]} exited {done.returncode}: {done.stderr.strip()[-400:]}")
    return done


def seconds(function, *arguments):
    """(how long it takes, what it returns)"""
    begin = time.monotonic()
    found = function(*arguments)
    return time.monotonic() - begin, found


class Place:
    """Where nginx serves from."""

    def __init__(self, folder):
        self.work, self.root = folder, os.path.join(folder, "served")
        os.makedirs(self.root)
        self.log = os.path.join(folder, "access.log")


class Transfers:
    def __init__(self, bench):
        self.bench, self.folder = bench, bench.folder
        self.place, self.raws = Place(bench.folder), {}

    def path(self, name):
        return os.path.join(self.folder, name)

    def vmforge(self, *arguments, store):
        done = vmforge(*arguments, "--store", self.path(store))
        if done.returncode:
            raise RuntimeError(f"vmforge {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def build(self, name, text, store, spec="debian-12.yaml"):
        common, own = self.path("common.yaml"), self.path(f"{name}.yaml")
        with open(common, "w", encoding="utf-8") as file:
            file.write(f"vmforge: 1\nname: common\nextends: {SPECS}/{spec}\n{SIZES}")
        with open(own, "w", encoding="utf-8") as file:
            file.write(f"vmforge: 1\nname: {name}\nextends: common.yaml\n{text}")
        self.vmforge("build", own, store=store)
        self.raws[name] = self.path(f"{name}.raw")
        self.vmforge("export", name, "--output", self.raws[name], store=store)

    def forget(self, store):
        if close_store(self.path(store)):
            shutil.rmtree(self.path(store), ignore_errors=True)

    def receiver(self, has, served):
        """A store that trusts the two others, and has an image, or none."""
        self.forget("target")
        for store in ("store", "other"):
            with open(self.path("key.pub"), "w", encoding="utf-8") as file:
                file.write(self.vmforge("key", "export", store=store))
            self.vmforge("key", "trust", self.path("key.pub"), "--role", "service", store="target")
        if has:
            self.vmforge("pull", f"file://{self.path(served[has])}/repository", has, store="target")

    # ---- one transfer each: bytes on the wire

    def push(self, image, _, served):
        lines = self.vmforge("push", "--json", image, f"file://{self.path('target')}", store=served[image]).splitlines()
        return json.loads(lines[-1])

    def pull(self, image, _, served):
        done = self.vmforge("pull", "--json", f"http://127.0.0.1:{server.PORT}/{served[image]}/repository", image, store="target")
        return json.loads(done.splitlines()[-1])

    def rsync(self, image, has, _):
        shell = self.path("rsh")
        with open(shell, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nshift\nexec sh -c "$*"\n')
        os.chmod(shell, 0o755)
        done = call("rsync", "-z", "--zc=zstd", "--sparse", "--stats", "-e", shell, self.raws[image],
                    f"host:{self.path('received.raw')}")
        return {"wire_bytes": sum(int(number.replace(",", "")) for number in
                                  re.findall(r"Total bytes (?:sent|received): ([\d,]+)", done.stdout))} | {"has": has}

    def served_bytes(self, function):
        open(self.place.log, "w", encoding="utf-8").close()
        function()
        time.sleep(0.1)
        with open(self.place.log, encoding="utf-8") as file:
            return {"wire_bytes": sum(map(int, file.read().split()))}

    def casync(self, image, has, _):
        url = f"http://127.0.0.1:{server.PORT}/served"
        call("casync", "make", f"--store={self.place.root}/chunks.castr", f"{self.place.root}/image.caibx", self.raws[image])
        seed = [f"--seed={self.path('received.raw')}"] if has else []
        return self.served_bytes(lambda: call("casync", "extract", f"--store={url}/chunks.castr", *seed, f"{url}/image.caibx",
                                              self.path("made.raw")))

    def zsync(self, image, has, _):
        url = f"http://127.0.0.1:{server.PORT}/served"
        os.link(self.raws[image], f"{self.place.root}/image.raw")
        call("zsyncmake", "-b", "4096", "-o", f"{self.place.root}/image.zsync", "-u", f"{url}/image.raw", f"{self.place.root}/image.raw")
        seed = ["-i", self.path("received.raw")] if has else []
        return self.served_bytes(lambda: call("zsync", "-q", *seed, "-o", self.path("made.raw"), f"{url}/image.zsync", cwd=self.folder))

    def patch(self, image, has, _):
        """Both ends need both; one that has nothing gets zstd -3 of all."""
        packed, old = self.path("patch.zst"), [f"--patch-from={self.path('received.raw')}", "--long=31"] if has else []
        call("zstd", "-q", "-3", "-f", "-T0", *old, self.raws[image], "-o", packed)
        call("zstd", "-q", "-d", "-f", *old, packed, "-o", self.path("made.raw"))
        return {"wire_bytes": os.path.getsize(packed)}

    def pipe(self, image, _, __):
        """zstd -3 of the image through a pipe."""
        packed = self.path("size")
        call("sh", "-c", f"zstd -q -3 -T0 -c {self.raws[image]} | tee {packed} | zstd -q -d --sparse -o {self.path('made.raw')} -f")
        return {"wire_bytes": os.path.getsize(packed)}

    # ---- all of them

    def prepare(self, way, has, served):
        for name in ("received.raw", "made.raw", "patch.zst", "size"):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        shutil.rmtree(self.place.root)
        os.makedirs(self.place.root)
        if way in ("push", "pull"):
            self.receiver(has, served)
        elif has:
            call("cp", "--sparse=always", self.raws[has], self.path("received.raw"))

    def cache(self, cold, image, served):
        os.sync()
        if cold:
            with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
                file.write("3\n")
            return
        for path in (self.raws[image], self.path("received.raw")):
            if os.path.exists(path):
                subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
        self.vmforge("verify", image, store=served[image])

    def measure(self, way, image, has, cold, served):
        found, taken = None, []
        for _ in range(ROUNDS):
            self.prepare(way, has, served)
            self.cache(cold, image, served)
            took, found = seconds(getattr(self, way), image, has, served)
            taken.append(took)
        return taken, found


PAIRS = (("derived", "more", "plain"), ("independent", "neighbour", "plain"), ("release", "trixie", "plain"),
         ("identical", "plain", "plain"), ("unrelated", "plain", None))
CHOSEN = os.environ.get("BENCH_PAIRS", ",".join([*(name for name, _, _ in PAIRS), "sparse"])).split(",")
PEERS = {"rsync": "rsync -z", "casync": "casync", "zsync": "zsync", "patch": "zstd --patch-from"}


def judge(bench, name, cold, found):
    """Against the bars of the issue."""
    state = f"{name}, {'cold' if cold else 'warm'}"
    for way, (taken, facts) in found.items():
        bench.record(f"{state}: {way}", statistics.median(taken), "s")
        bench.record(f"{state}: {way}, bytes", facts["wire_bytes"] / MIB, "MiB")
    push, pull = found["push"], found["pull"]
    if name == "derived":
        bench.compare(f"{state}: push", push[0], "rsync -z", found["rsync"][0], 0.1)
        bench.compare(f"{state}: push", push[0], "casync", found["casync"][0], 0.05)
        bench.limit(f"{state}: push, bytes of rsync's", [push[1]["wire_bytes"] / found["rsync"][1]["wire_bytes"]], "×", 0.9)
        bench.limit(f"{state}: pull, bytes of rsync's", [pull[1]["wire_bytes"] / found["rsync"][1]["wire_bytes"]], "×", 1.2)
        bench.limit(f"{state}: push, index of the image", [100 * push[1]["index_bytes"] / push[1]["image_bytes"]], "%", 0.05)
    elif name == "independent":
        best = min(facts["wire_bytes"] for way, (_, facts) in found.items() if way in PEERS)
        bench.compare(f"{state}: push", push[0], "rsync -z", found["rsync"][0], 0.3)
        bench.limit(f"{state}: push, bytes of the best peer's", [push[1]["wire_bytes"] / best], "×", 1.0)
    elif name == "unrelated":
        bench.compare(f"{state}: push", push[0], "zstd -3 | zstd -d", found["pipe"][0], 1.1)
        bench.limit(f"{state}: push, bytes of zstd's", [push[1]["wire_bytes"] / found["pipe"][1]["wire_bytes"]], "×", 1.05)


def compare(bench, transfers, served):
    for name, image, has in [pair for pair in PAIRS if pair[0] in CHOSEN]:
        for cold in (True, False):
            ways = ["push", "pull", *(PEERS if has else ("pipe",))]
            judge(bench, name, cold, {way: transfers.measure(way, image, has, cold, served) for way in ways})


def memory_of(bench, transfers):
    """Of both ends, for a disk that is nearly empty and large."""
    spec = transfers.path("sparse.yaml")
    with open(spec, "w", encoding="utf-8") as file:
        file.write(f"vmforge: 1\nname: sparse\nextends: {SPECS}/debian-12.yaml\ndisk: {{size: 100GiB}}\n")
    transfers.vmforge("build", spec, store="store")
    for way in ("push", "pull"):
        transfers.receiver(None, {})
        memory = Memory()
        figures = getattr(transfers, way)("sparse", None, {"sparse": "store"})
        memory.ended = True
        bench.limit(f"sparse, {figures['image_bytes'] >> 30} GiB: {way}, memory of an end", [max(memory.peak.values())], "MiB", 256)


def run(bench):
    transfers = Transfers(bench)
    served = {"plain": "store", "more": "store", "neighbour": "other", "trixie": "store"}
    transfers.build("plain", "", "store")
    transfers.build("more", "image: {packages: [mc]}\n", "store")
    transfers.build("neighbour", "base: {packages: [less, ca-certificates]}\nimage: {packages: [nano]}\n", "other")
    if "release" in CHOSEN:
        transfers.build("trixie", "", "store", "debian-13.yaml")
    print(f"  {PROGRAM}: images of {os.path.getsize(transfers.raws['plain']) // MIB} MiB", flush=True)
    try:
        with server.nginx(transfers.place, bench.folder, log=transfers.place.log):
            compare(bench, transfers, served)
            if "sparse" in CHOSEN:
                memory_of(bench, transfers)
    finally:
        for store in ("target", "other"):
            transfers.forget(store)
