#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""storage-lvm in a guest that has a device mapper: run by lvm.py, as root, with a scratch disk that is all ours.

    inside.py DISK [CASE…]"""
import glob
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "vm"), os.path.join(HERE, "..", "root")]

# pylint: disable=wrong-import-position
from program import PROGRAM, said, stage_events, vmforge
from tap import Tap
from toyrepo import Toyland

VG, WORK = "vg0", "/var/tmp/lvm-tests"
PREFIX = "vmforge-"


def call(*argv, check=True):
    done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, argv))} exited {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def volumes(vg=VG):
    """LVM's report of our volumes: name → row."""
    text = call("lvs", "--reportformat", "json", "-o", "lv_name,lv_tags,lv_permissions,lv_active,lv_skip_activation,pool_lv,thin_id", vg)
    rows = json.loads(text)["report"][0]["lv"]
    return {row["lv_name"]: row for row in rows if row["lv_name"].startswith(PREFIX)}


def status(pool, vg=VG):
    """The words of the kernel's line about a pool."""
    return call("dmsetup", "status", f"{vg}-{pool}-tpool").split()


def judge(done, pattern, code=1):
    """Nothing, or why this is not that error, told in one line."""
    lines = [line for line in done.stderr.splitlines() if re.match(r"vmforge: (?!warning)", line)]
    good = done.returncode == code and len(lines) == 1 and re.search(pattern, lines[0])
    return None if good else f"wanted {code} and /{pattern}/\n{said(done)}"


class World:
    def __init__(self, disk):
        shutil.rmtree(WORK, ignore_errors=True)
        os.makedirs(WORK)
        self.tap, self.toy = Tap(), Toyland(f"{WORK}/toy")
        self.number = 0
        self.disk = disk
        call("wipefs", "--all", "--quiet", disk)
        call("pvcreate", "--quiet", "--yes", disk)
        call("vgcreate", "--quiet", VG, disk)

    def place(self, size="2GiB", vg=VG, **more):
        """A store of its own, in a pool of its own."""
        self.number += 1
        return Place(self, f"pool{self.number}", size, vg, more)

    def attempt(self, sentence, function):
        begin = time.monotonic()
        try:
            problem = function(self)
        except Exception:  # a verdict, whatever went wrong
            problem = traceback.format_exc()
        self.tap.ok(not problem, sentence, problem)
        self.tap.diagnose(f"{time.monotonic() - begin:.0f} s")


class Place:
    """With `with`: what is left of it goes, and must have been left as it should be."""

    def __init__(self, world, pool, size, vg, more):
        self.world, self.pool, self.vg = world, pool, vg
        self.store = f"{WORK}/store-{pool}"
        parameters = {"vg": vg, "pool": pool, **({"create_pool": size} if size else {}), **more}
        self.storage = "storage-lvm:" + ",".join(f"{name}={value}" for name, value in parameters.items())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        call("lvremove", "--quiet", "--yes", *[f"{self.vg}/{name}" for name, row in volumes(self.vg).items() if row["pool_lv"] == self.pool],
             f"{self.vg}/{self.pool}", check=False)
        shutil.rmtree(self.store, ignore_errors=True)

    def vmforge(self, *arguments, **options):
        return vmforge(*arguments, "--store", self.store, "--storage", self.storage, env=self.world.toy.environment, **options)

    def spec(self, name, **keys):
        common = {"core": {"packages": ["toy-lib"]}, "base": {"features": ["site"]}, "image": {"packages": ["toy-hello"]},
                  "appliance": {"hostname": "toy"}}
        return self.world.toy.spec(f"{name}-{self.pool}", **{**common, **keys})

    def build(self, *specs, options=()):
        done = self.vmforge("build", "--json", *options, *specs)
        if done.returncode:
            raise RuntimeError(said(done))
        return done

    def volumes(self):
        return {name: row for name, row in volumes(self.vg).items() if row["pool_lv"] == self.pool}

    def unquiet(self):
        """What is not as it should be while nobody builds."""
        found = []
        for name, row in self.volumes().items():
            tags = row["lv_tags"].split(",")
            if "vmforge.state:sealed" not in tags or row["lv_permissions"] != "read-only":
                found.append(f"{name} is not sealed: {row}")
            if row["lv_active"]:
                found.append(f"{name} is active")
            if "skip" not in row["lv_skip_activation"]:
                found.append(f"{name} is activated at boot")
        if os.listdir(f"{self.store}/lvm"):
            found.append(f"in the store: {os.listdir(f'{self.store}/lvm')}")
        if status(self.pool, self.vg)[6] != "-":
            found.append("a metadata snapshot is reserved")
        found += [f"device {path}" for path in glob.glob(f"/dev/mapper/{PREFIX}*")]
        return "\n".join(found)


# ---- what the plugin interface asks for


def conformance(world):
    """Each case is a result of its own."""
    plugin, = glob.glob(os.path.join(os.path.dirname(PROGRAM), "..", "lib", "**", "vmforge-storage-lvm.so"), recursive=True)
    done = vmforge("plugins", "check", plugin, "--json", "--time-limit", "600", "--parameters", f"vg={VG},pool=check,create_pool=1GiB",
                   timeout=3000)
    for case in json.loads(done.stdout)["cases"]:
        sentence = f"plugins check: {case['name']}"
        if case["result"] == "skipped":
            world.tap.diagnose(f"{sentence}: skipped: {case.get('note', '')}")
        else:
            world.tap.ok(case["result"] == "passed", sentence, json.dumps(case))
    call("lvremove", "--quiet", "--yes", f"{VG}/check")


# ---- builds


def four_stages(world):
    """Built, tagged, sealed, asleep; the second time reused; and the same tree as in files."""
    with world.place() as place:
        spec = place.spec("four")
        place.build(spec)
        keys = {stage["key"] for stage in json.loads(place.vmforge("stages", "list", "--json").stdout)} \
            if place.vmforge("stages", "list", "--json").returncode == 0 else set()
        tagged = {tag.removeprefix("vmforge.stage:") for row in place.volumes().values() for tag in row["lv_tags"].split(",")
                  if tag.startswith("vmforge.stage:")}
        if place.unquiet() or len(tagged) != 4 or (keys and keys != tagged):
            return f"{place.unquiet()}\n{tagged}\n{keys}"
        if set(stage_events(place.build(spec)).values()) != {"reused"}:
            return "the second build reuses not all"
        files = f"{WORK}/files"
        done = vmforge("build", spec, "--store", files, "--storage", "storage-file:pool=never", env=world.toy.environment)
        if done.returncode:
            return said(done)
        image = os.path.basename(spec).removesuffix(".yaml")
        ours, theirs = f"{WORK}/ours.raw", f"{WORK}/theirs.raw"
        for export in (place.vmforge("export", image, "--output", ours),
                       vmforge("export", image, "--output", theirs, "--store", files, "--storage", "storage-file:pool=never")):
            if export.returncode:
                return said(export)
        shutil.rmtree(files)
        return compare(ours, theirs) or place.unquiet()


def compare(ours, theirs):
    """Nothing, or in what the root filesystems of two disks differ."""
    trees = []
    for path in (ours, theirs):
        mount = f"{WORK}/mnt"
        os.makedirs(mount, exist_ok=True)
        offset, length = root_of(path)
        call("mount", "-o", f"ro,loop,offset={offset},sizelimit={length}", path, mount)
        try:
            trees.append(call("sh", "-c", f"cd {mount} && find . -printf '%p %y %m %U %G %l %s\\n' | sort; "
                              f"find . -type f -print0 | sort -z | xargs -0 sha256sum; getfattr -R -d -m - . 2>/dev/null"))
        finally:
            call("umount", mount)
        os.unlink(path)
    return None if trees[0] == trees[1] and trees[0].count("\n") > 100 else "the trees differ"


def root_of(path):
    from disk import Disk  # pylint: disable=import-outside-toplevel
    _, offset, length = Disk(path).partitions[-1]
    return offset, length


def paranoid(world):
    """What thin_delta says of a clone is what reading all of it says."""
    with world.place() as place:
        place.build(place.spec("careful"))
        for number in range(3):
            size = random.randrange(1, 3000)
            run = [f"dd if=/dev/urandom of=/srv/{number} bs=1000 count={size} 2>/dev/null", "rm -f /usr/share/toy/lib"]
            place.build(place.spec("careful", appliance={"run": run}), options=("--paranoid",))
        done = place.vmforge("fsck")
        return said(done) if done.returncode else place.unquiet()


def two_at_once(world):
    with world.place() as place:
        specs = [place.spec(name, appliance={"hostname": name}) for name in ("one", "two")]
        runs = [subprocess.Popen([PROGRAM, "build", "--json", spec, "--store", place.store, "--storage", place.storage],
                                 env=world.toy.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for spec in specs]
        ends = [run.communicate() for run in runs]
        if any(run.returncode for run in runs):
            return f"{ends}"
        stages = len(place.volumes())
        return place.unquiet() or (f"{stages} volumes, not 5" if stages != 5 else None)


# ---- what goes wrong


def refusals(world):
    """A pool that is none, one that is not there, and names that LVM would take for something else."""
    call("lvcreate", "--quiet", "--yes", "-L", "8M", "-n", "plain", VG)
    spec = world.toy.spec("refused")
    cases = (("storage-lvm", 2, "needs a volume group"), ("storage-lvm:vg=nowhere", 1, "nowhere"),
             (f"storage-lvm:vg={VG},pool=absent", 3, f"has no thin pool 'absent'.*create_pool=SIZE"),
             (f"storage-lvm:vg={VG},pool=plain", 2, "is no thin pool"), ("storage-lvm:vg=--help", 2, "LVM's names"),
             (f"storage-lvm:vg={VG},create_pool=1MiB", 2, "64MiB is the least"), (f"storage-lvm:vg={VG},full=101", 2, "percentage"),
             (f"storage-lvm:vg={VG},pool=big,create_pool=900GiB", 1, "make the thin pool"))
    try:
        for storage, code, pattern in cases:
            done = vmforge("build", spec, "--store", f"{WORK}/refused", "--storage", storage, env=world.toy.environment)
            problem = judge(done, pattern, code)
            if problem:
                return f"{storage}: {problem}"
    finally:
        call("lvremove", "--quiet", "--yes", f"{VG}/plain")
        shutil.rmtree(f"{WORK}/refused", ignore_errors=True)
    return None


def foreign(world):
    """A volume of somebody else that has the name of ours is neither read nor removed."""
    with world.place() as place:
        place.build(place.spec("mine"))
        name = min(place.volumes())
        call("lvremove", "--quiet", "--yes", f"{VG}/{name}")
        call("lvcreate", "--quiet", "--yes", "-L", "8M", "-n", name, VG)
        try:
            done = place.vmforge("fsck")
            if done.returncode != 1:
                return f"fsck: {said(done)}"
            for image in ("images", "rm", f"mine-{place.pool}"), ("gc", "--keep-days", "0"):
                place.vmforge(*image)
            return None if call("lvs", f"{VG}/{name}", check=False) else "it was removed"
        finally:
            call("lvremove", "--quiet", "--yes", f"{VG}/{name}", check=False)


def full(world):
    """Refused before it begins, and stopped before the pool is full; nothing is left of it, and what was there is whole."""
    with world.place("256MiB") as place:
        place.build(place.spec("fits"))
        before = set(place.volumes())
        greedy = place.spec("greedy", appliance={"run": ["dd if=/dev/urandom of=/srv/big bs=1M count=240; sync; sleep 30"]})
        problem = judge(place.vmforge("build", greedy), "nearly full|is full")
        used, total = map(int, status(place.pool)[5].split("/"))
        if problem or used == total or set(place.volumes()) != before:
            return f"{problem}; {used} of {total}; {set(place.volumes()) - before}"
        call("lvcreate", "--quiet", "--yes", "-V", "250M", "--thinpool", f"{VG}/{place.pool}", "-n", "filler")
        subprocess.run(["dd", "if=/dev/urandom", f"of=/dev/{VG}/filler", "bs=1M", "oflag=direct",
                        f"count={int(total / 16 * 0.92 - used / 16)}"], stderr=subprocess.DEVNULL, check=False)
        problem = judge(place.vmforge("build", place.spec("more", appliance={"hostname": "more"})), r"is 9\d% full of data|space")
        call("lvremove", "--quiet", "--yes", f"{VG}/filler")
        done = place.vmforge("fsck")
        return problem or (said(done) if done.returncode else place.unquiet())


def broken_disk(world):
    """Errors below the pool: the build fails, the pool is told of, nothing sealed is lost."""
    sectors = (1 << 30) // 512
    call("lvcreate", "--quiet", "--yes", "-L", "1100M", "-n", "under", VG)
    call("dmsetup", "create", "frail", "--table", f"0 {sectors} linear /dev/{VG}/under 0")
    good = f"0 {sectors} linear /dev/{VG}/under 0"
    try:
        call("pvcreate", "--quiet", "--yes", "/dev/mapper/frail")
        call("vgcreate", "--quiet", "vg1", "/dev/mapper/frail")
        with world.place("512MiB", vg="vg1") as place:
            place.build(place.spec("sound"))
            bad = place.spec("unlucky", appliance={"run": ["sleep 8; dd if=/dev/urandom of=/srv/big bs=1M count=50; sync"]})
            with subprocess.Popen([PROGRAM, "build", bad, "--store", place.store, "--storage", place.storage],
                                  env=world.toy.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
                while not any("building" in row["lv_tags"] and row["lv_active"] for row in place.volumes().values()):
                    time.sleep(0.5)
                time.sleep(4)
                table(f"0 {sectors} error")
                _, told = run.communicate()
                table(good)
            if run.returncode != 1 or "vmforge: " not in told:
                return f"{run.returncode}: {told}"
            done = place.vmforge("fsck")
            if done.returncode and not re.search("needs a check|has failed", done.stderr):
                return said(done)
            call("vgchange", "-an", "vg1")
            call("lvconvert", "--yes", "--repair", f"vg1/{place.pool}", check=False)
            done = place.vmforge("fsck")
            return said(done) if done.returncode else None
    finally:
        call("vgremove", "--quiet", "--force", "--yes", "vg1", check=False)
        call("dmsetup", "remove", "--retry", "frail", check=False)
        call("lvremove", "--quiet", "--yes", f"{VG}/under", check=False)


def table(text):
    call("dmsetup", "suspend", "--noflush", "--nolockfs", "frail")
    call("dmsetup", "load", "frail", "--table", text)
    call("dmsetup", "resume", "frail")


def killed(world, times=4):
    """What a killed build leaves, the next command that opens the storage removes."""
    with world.place() as place:
        place.build(place.spec("base"))
        before = set(place.volumes())
        for number in range(times):
            spec = place.spec("doomed", appliance={"hostname": f"doomed{number}", "run": ["sleep 1"]})
            with subprocess.Popen([PROGRAM, "build", spec, "--store", place.store, "--storage", place.storage], start_new_session=True,
                                  env=world.toy.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
                time.sleep(random.uniform(0.5, 14))
                run.send_signal(signal.SIGKILL)
            done = place.vmforge("gc", "--keep-days", "1000")
            left = {name for name, row in place.volumes().items() if "building" in row["lv_tags"]}
            if done.returncode or left or place.unquiet():
                return f"after kill {number}: {left}\n{place.unquiet()}\n{said(done)}"
        done = place.vmforge("fsck")
        return said(done) if done.returncode or not before <= set(place.volumes()) else None


def reserved(world):
    """A metadata snapshot that a killed process left is given back; that of another program is not taken."""
    with world.place() as place:
        place.build(place.spec("snap"))
        device = f"{VG}-{place.pool}-tpool"
        call("dmsetup", "message", device, "0", "reserve_metadata_snap")
        with open(f"{place.store}/lvm/reserved", "w", encoding="ascii"):
            pass
        place.build(place.spec("snap", appliance={"hostname": "first"}))
        if place.unquiet():
            return place.unquiet()
        call("dmsetup", "message", device, "0", "reserve_metadata_snap")
        done = place.build(place.spec("snap", appliance={"hostname": "second"}))
        held = status(place.pool)[6] != "-"
        call("dmsetup", "message", device, "0", "release_metadata_snap")
        done = place.vmforge("fsck")
        return (None if held else "it was released") or (said(done) if done.returncode else place.unquiet())


CASES = {
    "conformance": ("the plugin interface is kept", conformance),
    "four_stages": ("four stages are four thin volumes, and the tree is that of storage-file", four_stages),
    "paranoid": ("what is said to differ is what differs", paranoid),
    "two_at_once": ("two builds at once make each stage once", two_at_once),
    "refusals": ("what cannot be is refused, and says what to do", refusals),
    "foreign": ("a volume of others with our name is not touched", foreign),
    "full": ("a pool does not run full", full),
    "broken_disk": ("errors below the pool cost the build and nothing else", broken_disk),
    "killed": ("what a killed build leaves is found and removed", killed),
    "reserved": ("metadata snapshots are reserved one at a time, and given back", reserved),
}


def main():
    world = World(sys.argv[1])
    for name in sys.argv[2:] or CASES:
        world.attempt(*CASES[name])
    world.toy.__exit__()
    return world.tap.done()


if __name__ == "__main__":
    sys.exit(main())
