#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""storage-lvm in a guest that has a device mapper: run by lvm.py, as root, with a scratch disk that is all ours.

    inside.py DISK OTHER-DISK [CASE…]"""
import contextlib
import glob
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE]

# pylint: disable=wrong-import-position
from world import PROGRAM, VG, WORK, World, call, judge, make_group, name_of, said, status, vmforge
from program import stage_events
import kills
import messages


# ---- what the plugin interface asks for


def tell_case(tap, told):
    if told["event"] != "case":
        return
    sentence = f"plugins check: {told['summary']}"
    if told["outcome"] == "skipped":  # a full disk below a folder: of pools that are full there are tests of their own
        tap.diagnose(f"{sentence}: not asked: {told['note']}")
    else:
        tap.ok(told["outcome"] == "passed", sentence, told["note"])
    tap.diagnose(f"{told['case']}: {told['seconds']:.0f} s")


def check_plugin(tap, disk):
    make_group("vgc", disk)
    call("lvcreate", "--quiet", "--yes", "--type", "thin-pool", "--size", "1G", "--name", "check", "vgc")
    plugin, = glob.glob(os.path.join(os.path.dirname(PROGRAM), "..", "lib*", "**", "vmforge-storage-lvm.so"), recursive=True)
    command = [PROGRAM, "plugins", "check", plugin, "--json", "--time-limit", "600", "--parameters", "vg=vgc,pool=check"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            tell_case(tap, json.loads(line))
    return None if run.returncode == 0 else f"exit status {run.returncode}"


def conformance(tap, disk):
    """Each case is a result of its own. Beside all else: it has a disk for itself."""
    try:
        problem = check_plugin(tap, disk)
    except Exception:  # else the thread ends, and nobody hears of it
        problem = traceback.format_exc()
    tap.ok(not problem, "the plugin interface is kept", problem)


# ---- builds


def four_stages(world):
    """Built, tagged, sealed, asleep; the second time reused; and the same tree as in files."""
    place = world.shared()
    spec = place.spec("four")
    place.build(spec)
    keys = {stage["key"] for stage in json.loads(vmforge("stages", "list", "--json", "--store", place.store).stdout)}
    tagged = {tag.removeprefix("vmforge.stage:") for row in place.volumes().values() for tag in row["lv_tags"].split(",")
              if tag.startswith("vmforge.stage:")}
    if place.unquiet() or len(tagged) != 4 or keys != tagged:
        return f"{place.unquiet()}\n{tagged}\n{keys}"
    if set(stage_events(place.build(spec)).values()) != {"reused"}:
        return "the second build reuses not all"
    files = ("--store", f"{WORK}/files", "--storage", "storage-file:pool=never")
    ours, theirs, qcow2 = f"{WORK}/ours.raw", f"{WORK}/theirs.raw", f"{WORK}/ours.qcow2"
    for done in (vmforge("build", spec, *files, env=world.toy.environment), place.vmforge("export", name_of(spec), "--output", ours),
                 place.vmforge("export", name_of(spec), "--output", qcow2),
                 vmforge("export", name_of(spec), "--output", theirs, *files)):
        if done.returncode:
            return said(done)
    shutil.rmtree(f"{WORK}/files")
    call("qemu-img", "compare", "-f", "raw", "-F", "qcow2", ours, qcow2)
    full_size = os.stat(ours).st_blocks * 512
    problem = compare(ours, theirs) or place.unquiet()
    return problem or (f"the export takes {full_size} bytes: holes were written" if full_size > 200 << 20 else None)


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
                              f"find . -type f -print0 | sort -z | xargs -0 sha256sum; getfattr -h -R -d -m - . 2>/dev/null || true"))
        finally:
            call("umount", mount)
        os.unlink(path)
    return None if trees[0] == trees[1] and trees[0].count("\n") > 100 else "the trees differ"


def root_of(path):
    from disk import Disk  # pylint: disable=import-outside-toplevel
    _, offset, length = Disk(path).partitions[-1]
    return offset, length


def paranoid(world):
    """What thin_delta says of a clone is what reading all of it says; once of a disk that LVM rounds up."""
    place = world.shared()
    for size in ("320MiB", "333MiB", "333MiB"):
        run = [f"dd if=/dev/urandom of=/srv/{size} bs=1000 count={random.randrange(1, 3000)} 2>/dev/null", "rm -f /usr/share/toy/lib"]
        place.build(place.spec("careful", disk={"size": size}, appliance={"run": run}), options=("--paranoid",))
    done = place.vmforge("fsck")
    return said(done) if done.returncode else place.unquiet()


def two_at_once(world):
    place = world.shared()
    place.build(place.spec("one", appliance={"hostname": "zero"}))
    before = len(place.volumes())
    specs = [place.spec(name, image={"packages": ["toy-hello", "toy-site"]}, appliance={"hostname": name}) for name in ("one", "two")]
    runs = [place.start(spec) for spec in specs]
    ends = [run.communicate() for run in runs]
    if any(run.returncode for run in runs):
        return f"{ends}"
    made = len(place.volumes()) - before
    return place.unquiet() or (f"{made} volumes, not 3" if made != 3 else None)


def paths(world):
    """`images path` activates read-only, other commands leave it so, and `store umount` ends it."""
    place = world.shared()
    specs = [place.spec("even", disk={"size": "320MiB"}), place.spec("odd", disk={"size": "333MiB"})]
    place.build(*specs)
    for spec, size in zip(specs, (320 << 20, 333 << 20)):
        device = place.path(spec)
        found = int(call("blockdev", "--getsize64", device)), call("blockdev", "--getro", device).strip()
        if found != (size, "1") or place.path(spec) != device:
            return f"{device}: {found}, then {place.path(spec)}"
    place.build(*specs)
    active = [row for row in place.volumes().values() if row["lv_active"]]
    done = place.vmforge("store", "umount")
    if len(active) != 2 or done.returncode:
        return f"{active}\n{said(done)}"
    return place.unquiet()


# ---- what goes wrong


def foreign(world):
    """A volume of somebody else that has the name of ours is neither read nor removed."""
    place = world.shared()
    before = set(place.volumes())
    spec = place.spec("mine", appliance={"hostname": "mine"})
    place.build(spec)
    name, = set(place.volumes()) - before
    call("lvremove", "--quiet", "--yes", f"{VG}/{name}")
    call("lvcreate", "--quiet", "--yes", "-L", "8M", "-n", name, VG)
    try:
        problem = judge(place.vmforge("images", "path", name_of(spec)), rf"has no volume '{name}' that is tagged as one of this store")
        if problem or place.vmforge("fsck").returncode != 1:
            return problem or "fsck finds nothing"
        for command in ("images", "rm", name_of(spec)), ("gc", "--keep-days", "0"):
            place.vmforge(*command)
        return None if call("lvs", f"{VG}/{name}", check=False) else "it was removed"
    finally:
        call("lvremove", "--quiet", "--yes", f"{VG}/{name}", check=False)


def fill(place, share):
    """Somebody else's volume takes the pool up to this share."""
    used, total = map(int, status(place.pool)[5].split("/"))
    count = int(total * share) - used  # blocks of 64 KiB
    call("lvcreate", "--quiet", "--yes", "-V", "500M", "--thinpool", f"{VG}/{place.pool}", "-n", "filler")
    call("dd", "if=/dev/urandom", f"of=/dev/{VG}/filler", "bs=64K", "oflag=direct", f"count={count}")


def wait_for_building(place):
    while not any("building" in row["lv_tags"] and row["lv_active"] for row in place.volumes().values()):
        time.sleep(0.3)


def finish(run):
    out, errors = run.communicate(timeout=300)
    return subprocess.CompletedProcess(run.args, run.returncode, out, errors)


def full(world):
    """A build is stopped before the pool is full, and refused where it is nearly; what was there is whole."""
    with world.place("512MiB", devices=world.disk) as place:
        place.build(place.spec("fits"))
        before = set(place.volumes())
        with place.start(place.spec("stopped", appliance={"run": ["sleep 100"]})) as run:
            wait_for_building(place)
            fill(place, 0.92)
            problem = judge(finish(run), rf"thin pool '{VG}/{place.pool}' is 9\d% full of data: remove images")
        used, total = map(int, status(place.pool)[5].split("/"))
        if problem or used == total or set(place.volumes()) != before:
            return f"{problem}; {used} of {total}; {set(place.volumes()) - before}"
        problem = judge(place.vmforge("build", place.spec("more", appliance={"hostname": "more"})), r"is 9\d% full of data")
        call("lvremove", "--quiet", "--yes", f"{VG}/filler")
        done = place.vmforge("fsck")
        return problem or (said(done) if done.returncode else place.unquiet())


@contextlib.contextmanager
def frail_group():
    """A volume group vg1 on a device that can be made to fail; gives the number of its sectors."""
    sectors = (1 << 30) // 512
    call("lvcreate", "--quiet", "--yes", "-L", "1100M", "-n", "under", VG)
    call("dmsetup", "create", "frail", "--table", good_table(sectors))
    try:
        call("pvcreate", "--quiet", "--yes", "/dev/mapper/frail")
        call("vgcreate", "--quiet", "vg1", "/dev/mapper/frail")
        yield sectors
    finally:
        call("vgremove", "--quiet", "--force", "--yes", "vg1", check=False)
        call("dmsetup", "remove", "--retry", "frail", check=False)
        call("lvremove", "--quiet", "--yes", f"{VG}/under", check=False)


def good_table(sectors):
    return f"0 {sectors} linear /dev/{VG}/under 0"


def load_table(text):
    call("dmsetup", "suspend", "--noflush", "--nolockfs", "frail")
    call("dmsetup", "load", "frail", "--table", text)
    call("dmsetup", "resume", "frail")


def fail_while_building(place, bad, good):
    """Nothing, or how the build of which the disk fails ends otherwise than by saying so."""
    command = f"dd if=/dev/urandom of=/srv/big bs=1M count=50; sync; sleep 30; : {bad}"
    with place.start(place.spec("unlucky", appliance={"run": [command]})) as run:
        wait_for_building(place)
        time.sleep(2)
        load_table(bad)
        try:
            done = finish(run)
            # Makes the pool write its metadata, which a build that failed at its data may have left.
            call("dmsetup", "message", f"vg1-{place.pool}-tpool", "0", "reserve_metadata_snap", check=False)
        finally:
            load_table(good)
            call("dmsetup", "message", f"vg1-{place.pool}-tpool", "0", "release_metadata_snap", check=False)
    return judge(done, "vmforge: ")


def follow_advice(place, wanted):
    """Runs what the messages say until there are none; nothing if the first was the wanted one and all is whole then."""
    done = place.vmforge("fsck")
    problem = judge(done, f"thin pool 'vg1/{place.pool}' {wanted}")
    for _ in range(3):
        advice = re.findall("`([^`]+)`", done.stderr)
        if not advice:
            break
        for command in advice:
            call("sh", "-c", command)
        done = place.vmforge("fsck")
    return problem or (said(done) if done.returncode else None)


def broken_disk(world):
    """Below the pool writes fail, so that the kernel wants its metadata checked; then all fails. The build fails, the pool is
    told of, and nothing sealed is lost once its user did what the message says."""
    with frail_group() as sectors, world.place("512MiB", vg="vg1") as place:
        place.build(place.spec("sound"))
        for bad, wanted in ((f"0 {sectors} flakey /dev/{VG}/under 0 0 1 1 error_writes", r"needs a check \(needs_check is set\): run"),
                            (f"0 {sectors} error", "has failed: see the kernel's log, then run")):
            problem = fail_while_building(place, bad, good_table(sectors)) or follow_advice(place, wanted)
            if problem:
                return f"{bad}: {problem}"
        return None


def reserved(world):
    """A metadata snapshot that a killed process left is given back; that of another program is not taken."""
    place = world.shared()
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
    if not held or "another program holds the metadata snapshot" not in done.stdout + done.stderr:
        return f"held: {held}\n{said(done)}"
    done = place.vmforge("fsck")
    return said(done) if done.returncode else place.unquiet()


def debian(world):
    """A distribution, from a lock file and the archives that the host fetched: here is no network."""
    with world.place("6GiB") as place:
        place.build(place.spec("first"))
        shutil.rmtree(f"{place.store}/cache")
        shutil.move("/srv/cache", f"{place.store}/cache")
        place.build("/srv/debian/debian-12.yaml", options=("--offline", "--locked"))
        for command in ("verify", "debian-12"), ("fsck",):
            done = place.vmforge(*command)
            if done.returncode:
                return said(done)
        return place.unquiet()


CASES = {
    "four_stages": ("four stages are four thin volumes, and the tree is that of storage-file", four_stages),
    "paranoid": ("what is said to differ is what differs", paranoid),
    "two_at_once": ("two builds at once make each stage once", two_at_once),
    "paths": ("`images path` activates, and `store umount` deactivates", paths),
    "refusals": ("what cannot be is refused, and says what to do", messages.refusals),
    "obstacles": ("what is in the way is named", messages.obstacles),
    "killed": ("what a killed build leaves is found and removed", kills.killed),
    "reserved": ("metadata snapshots are reserved one at a time, and given back", reserved),
    "foreign": ("a volume of others with our name is not touched", foreign),
    "full": ("a pool does not run full", full),
    "broken_disk": ("errors below the pool cost the build, are named, and nothing else is lost", broken_disk),
}
# By tests/bench/bench_lvm.py alone.
LONG = {
    "debian": ("Debian is built from a lock file, in thin volumes", debian),
    "every_step": ("a build can be killed before and after each of its commands", kills.every_step),
}


def main():
    world, wanted = World(sys.argv[1]), sys.argv[3:] or ["conformance", *CASES]
    beside = [threading.Thread(target=conformance, args=(world.tap, sys.argv[2]))] if "conformance" in wanted else []
    for thread in beside:
        thread.start()
    for name in wanted:
        if name != "conformance":
            world.attempt(*{**CASES, **LONG}[name])
    for thread in beside:
        thread.join()
    world.toy.__exit__()
    return world.tap.done()


if __name__ == "__main__":
    sys.exit(main())
