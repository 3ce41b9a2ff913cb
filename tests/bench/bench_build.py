# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Building: cold, unchanged, changed in one place, several specs at once; beside debvm-create, mmdebstrap and apt-get."""
import json
import os
import shutil
import subprocess
import time

import cache
import peers
from memory import Memory
from program import BUILD, PROGRAM, SOURCE, close_store, vmforge

SPEC = os.path.join(SOURCE, "specs", "debian-12.yaml")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))  # of what takes half a minute
MANY = 10  # of what takes less than a second
ADDED = "vim"


class Builds:
    """Builds of one environment in one folder, each into the store that it names."""

    def __init__(self, bench, environment):
        self.bench, self.environment = bench, environment

    def store(self, name):
        return os.path.join(self.bench.folder, name)

    def build(self, store, *arguments):
        done = vmforge("build", *arguments, "--store", store, env=self.environment)
        if done.returncode:
            raise RuntimeError(f"a build failed: {done.stderr.strip()}")

    def forget(self, name):
        if close_store(self.store(name)):
            shutil.rmtree(self.store(name), ignore_errors=True)

    def spec(self, name, text, extends=SPEC):
        path = os.path.join(self.bench.folder, f"{name}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"vmforge: 1\nname: {name}\nextends: {extends}\n{text}")
        return path


def seconds(function, *arguments):
    begin = time.monotonic()
    function(*arguments)
    return time.monotonic() - begin


def packages_of(store):
    """Names of the packages of the Base stage."""
    listed = json.loads(vmforge("stages", "list", "--json", "--store", store).stdout)
    key = next(stage["key"] for stage in listed if stage["stage"] == "base")
    shown = json.loads(vmforge("stages", "show", "--json", key, "--store", store).stdout)
    return sorted(package["name"] for package in shown["packages"])


def bench_cold(bench, builds):
    """Ours and the peers take turns. The first round, which also fills the cache, does not count."""
    times = {"vmforge": [], "mmdebstrap": [], "debvm-create": []}
    memory = Memory()
    packages = None
    for number in range(ROUNDS + 1):
        builds.forget("cold")
        took = {"vmforge": seconds(builds.build, builds.store("cold"), SPEC, "--until", "base")}
        packages = packages or packages_of(builds.store("cold"))
        took["mmdebstrap"] = seconds(peers.mmdebstrap, bench.folder, packages, builds.environment)
        took["debvm-create"] = seconds(peers.debvm, bench.folder, packages, builds.environment)
        for name in times if number > 0 else ():
            times[name].append(took[name])
    memory.ended = True
    memory.join()
    what = f"cold Core+Base of Debian 12, {len(packages)} packages"
    bench.compare(what, times["vmforge"], "debvm-create", times["debvm-create"], 0.5)
    bench.compare(what, times["vmforge"], "mmdebstrap", times["mmdebstrap"], 0.6)
    for name, peak in sorted(memory.peak.items()):
        bench.limit(f"peak memory of {name}", [peak], "MiB", 200)


def bench_unchanged(bench, builds):
    large = builds.spec("large", "disk: {size: 40GiB}\n")
    for what, spec in (("2 GiB", SPEC), ("40 GiB", large)):
        builds.build(builds.store("cold"), spec)
        times = [seconds(builds.build, builds.store("cold"), spec) for _ in range(MANY)]
        bench.limit(f"nothing changed, image of {what}", times, "s", 0.05)


def bench_appliance(bench, builds):
    times = []
    for number in range(MANY):
        spec = builds.spec("changed", f"appliance:\n  files:\n    - {{content: '{number}', to: /etc/changed}}\n")
        times.append(seconds(builds.build, builds.store("cold"), spec))
    bench.limit("one file of the appliance changed", times, "s", 1.5)


def bench_package(bench, builds):
    """Both fetch from the cache and have fresh metadata; apt-get works in a clone of the same Base."""
    ours, bare = [], []
    image = os.path.join(bench.folder, "base.raw")
    for number in range(ROUNDS):
        spec = builds.spec("added", f"base:\n  run: ['echo {number} >/etc/round']\nimage:\n  packages: [{ADDED}]\n")
        builds.build(builds.store("cold"), spec, "--until", "base")
        shutil.rmtree(os.path.join(builds.store("cold"), "cache", "packages"))
        ours.append(seconds(builds.build, builds.store("cold"), spec, "--until", "image"))
        done = vmforge("build", spec, "--until", "base", "--output", image, "--format", "raw", "--store",
                       builds.store("cold"), env=builds.environment)
        if done.returncode:
            raise RuntimeError(done.stderr)
        with peers.chroot(image, bench.folder) as root:
            peers.apt_get(root, bench.folder, builds.environment, "update")
            bare.append(seconds(peers.apt_get, root, bench.folder, builds.environment, "install",
                                "--no-install-recommends", ADDED))
        os.unlink(image)
    bench.compare(f"{ADDED} added in Image", ours, "apt-get in a chroot", bare, 1.3, extra=1.0)


def bench_clones(bench):
    """By the storage plugin itself, on its pool."""
    store = os.path.join(bench.folder, "clones")
    os.makedirs(store)
    environment = {**os.environ, "VMFORGE_PLUGIN_PATH": os.path.join(BUILD, "plugins", "storage-file")}
    program = os.path.join(BUILD, "tests", "bench", "bench-clone")
    done = subprocess.run([program, "storage-file", store, str(MANY), "1", "10", "50"], capture_output=True, text=True, check=False,
                          env=environment)
    subprocess.run(["umount", f"{store}/pool"], check=False, capture_output=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    for line in done.stdout.splitlines():
        size, *times = line.split()
        bench.limit(f"clone of a volume of {size} GiB", [float(word) for word in times], "s", 0.05)


def bench_several(bench, builds):
    texts = [f"image:\n  packages: [{name}]\nappliance: {{hostname: {name}}}\n" for name in ("less", "tree", "bc", "file")]
    specs = [builds.spec(f"several{number}", text) for number, text in enumerate(texts)]
    one, four = [], []
    for _ in range(ROUNDS):
        for times, some in ((one, specs[:1]), (four, specs)):
            builds.forget("several")
            times.append(seconds(builds.build, builds.store("several"), *some))
    builds.forget("several")
    bench.compare("4 specs that share Base, cold", four, "1 of them", one, 1.5)


def run(bench):
    print(f"  program: {PROGRAM}")
    with cache.running(os.path.join(bench.folder, "cache")) as environment:
        builds = Builds(bench, environment)
        try:
            bench_cold(bench, builds)
            bench_unchanged(bench, builds)
            bench_appliance(bench, builds)
            bench_package(bench, builds)
            bench_several(bench, builds)
        finally:
            builds.forget("cold")
        bench_clones(bench)
