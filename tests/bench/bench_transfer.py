# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Transfers of real images to another store, beside rsync, casync, zsync and zstd: bytes on the wire and seconds, end to end,
with a cold and a warm page cache.

Pairs: an image built upon another by one package more; two independent builds of neighbouring specs; a release upgrade; the
same image again; an image that nothing is known of. BENCH_ROUNDS says how often; BENCH_PAIRS and BENCH_PEERS choose some by
name."""
import contextlib
import os
import statistics

import transfers
from program import PROGRAM, SOURCE, close_store, vmforge

SPECS = os.path.join(SOURCE, "specs")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
ADDED = "vim"
# Pair → (image of the sender, its store, image of the receiver or None).
PAIRS = {"derived": ("more", "here", "plain"), "independent": ("more", "apart", "plain"), "release": ("trixie", "here", "plain"),
         "identical": ("plain", "here", "plain"), "unrelated": ("plain", "here", None)}
# What it is compared with → bars of seconds and bytes, as parts of theirs, by pair.
BARS = {"derived": {"rsync": (0.1, 0.9), "casync": (0.05, None)}, "independent": {"rsync": (0.3, None)},
        "unrelated": {"zstd -3": (1.1, 1.05)}}


def spec(bench, name, text, extends="debian-12.yaml"):
    path = os.path.join(bench.folder, f"{name}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"vmforge: 1\nname: {name}\nextends: {os.path.join(SPECS, extends)}\n{text}")
    return path


def build(bench, store, path):
    done = vmforge("build", path, "--store", store)
    if done.returncode:
        raise RuntimeError(f"a build failed: {done.stderr.strip()}")
    print(f"  built {os.path.basename(path)} in {os.path.relpath(store, bench.folder)}", flush=True)


def make_images(bench, stores, pairs):
    texts = {"plain": ("",), "more": (f"image:\n  packages: [{ADDED}]\n",), "trixie": ("", "debian-13.yaml")}
    wanted = {("plain", "here")} | {(image, store) for image, store, _ in pairs.values()}
    for image, store in sorted(wanted):
        build(bench, stores[store], spec(bench, image, *texts[image]))


def chosen(variable, known):
    """Those that it names, by commas; all where it is not set."""
    names = os.environ.get(variable)
    return {name: known[name] for name in names.split(",") if name in known} if names else known


def tell(bench, pair, cache, results):
    """results: peer → runs. One row for each, with its relation to ours where there is a bar."""
    medians = {peer: (statistics.median(run.seconds for run in runs), statistics.median(run.bytes for run in runs))
               for peer, runs in results.items()}
    ours = medians["vmforge"]
    for peer, (seconds, count) in medians.items():
        slower, more = BARS.get(pair, {}).get(peer, (None, None))
        what = f"{pair}, {cache}: {peer}"
        beside = "" if peer == "vmforge" else f"vmforge: {ours[0] / seconds:.3f} × time, {ours[1] / max(count, 1):.3f} × bytes"
        wanted = ", ".join(f"{bar:g} × {unit}" for bar, unit in ((slower, "time"), (more, "bytes")) if bar)
        met = None if not wanted else ((slower is None or ours[0] <= slower * seconds) and
                                       (more is None or ours[1] <= more * count))
        bench.add(what, [run.seconds for run in results[peer]], f"{seconds:.2f} s, {count / 1e6:.3f} MB", beside, wanted, met,
                  bytes=[run.bytes for run in results[peer]])
    index = statistics.median(run.index for run in results["vmforge"])
    size = results["vmforge"][0].image
    if pair == "derived":
        bench.limit(f"{pair}, {cache}: index of the image", [100 * index / size], "%", 0.05)


def measure(bench, pair, stores):
    image, store, before = PAIRS[pair]
    with contextlib.closing(transfers.Pairing(bench.folder, stores[store], image, stores["here"], before)) as pairing:
        for cache in ("cold", "warm"):
            tell(bench, pair, cache, measure_peers(pairing, pair, cache))


def measure_peers(pairing, pair, cache):
    results = {}
    senders = {"vmforge": transfers.by_vmforge, **chosen("BENCH_PEERS", transfers.peers_of(pairing))}
    for peer, send in senders.items():
        runs = [transfers.timed(send, pairing, cache) for _ in range(ROUNDS)]
        if None in runs:
            print(f"  {pair}, {cache}: {peer} cannot do it", flush=True)
        else:
            results[peer] = runs
    return results


def run(bench):
    print(f"  program: {PROGRAM}")
    stores = {name: os.path.join(bench.folder, name) for name in ("here", "apart")}
    try:
        pairs = chosen("BENCH_PAIRS", PAIRS)
        make_images(bench, stores, pairs)
        for pair in pairs:
            measure(bench, pair, stores)
    finally:
        for store in (*stores.values(), os.path.join(bench.folder, "pair", "store")):
            close_store(store)
