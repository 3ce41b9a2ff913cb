# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Every message of the plugin that can be provoked without breaking a disk, each by the real thing that it tells of."""
import contextlib
import os
import shutil
import subprocess
import time

from world import VG, WORK, call, judge, name_of, vmforge
from program import PROGRAM, said

NOBODY = 65534


def first_problem(cases, run):
    """Of rows of what, exit status and pattern: which first is told otherwise."""
    for what, code, pattern in cases:
        problem = judge(run(what), pattern, code)
        if problem:
            return f"{what}: {problem}"
    return None


def refusals(world):
    """A pool that is none, one that is not there, and names that LVM would take for something else."""
    call("lvcreate", "--quiet", "--yes", "-L", "8M", "-n", "plain", VG)
    call("lvcreate", "--quiet", "--yes", "--type", "thin-pool", "-L", "64M", "--zero", "n", "-n", "stale", VG)
    spec, long = world.toy.spec("refused"), 99 * "a"
    cases = (("storage-lvm", 2, "needs a volume group: --storage storage-lvm:vg=NAME"),
             ("storage-lvm:vg=nowhere", 1, "cannot list the volumes of 'nowhere': .*nowhere"),
             (f"storage-lvm:vg={VG},pool=absent", 3, "has no thin pool 'absent'.*create_pool=SIZE"),
             (f"storage-lvm:vg={VG},pool=stale", 3, f"'{VG}/stale' does not zero its chunks.*`lvchange --zero y {VG}/stale`"),
             (f"storage-lvm:vg={VG},pool=plain", 2, f"'{VG}/plain' is no thin pool: name one with pool=NAME"),
             ("storage-lvm:vg=--help", 2, "vg=--help is wrong: LVM's names"),
             (f"storage-lvm:vg={VG},devices=sdb", 2, "devices=sdb is wrong: give paths of devices"),
             (f"storage-lvm:vg={VG},devices=/dev/vda", 1, f"cannot list the volumes of '{VG}': .*not found"),
             (f"storage-lvm:vg={VG},create_pool=1MiB", 2, "64MiB is the least"),
             (f"storage-lvm:vg={VG},full=101", 2, "full=101 is wrong: it is a percentage, from 1 to 100"),
             (f"storage-lvm:vg={long},pool={long}", 3, "cannot speak to the device mapper about"),
             (f"storage-lvm:vg={VG},pool=big,create_pool=900GiB", 1, f"cannot make the thin pool '{VG}/big': "))
    store = f"{WORK}/refused"
    try:
        return first_problem(cases, lambda storage: vmforge("build", spec, "--store", store, "--storage", storage,
                                                            env=world.toy.environment))
    finally:
        call("lvremove", "--quiet", "--yes", f"{VG}/plain", f"{VG}/stale")
        shutil.rmtree(store, ignore_errors=True)


# ---- what is in the way


@contextlib.contextmanager
def folder_at(path):
    """A folder where a file is expected."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    os.mkdir(path)
    try:
        yield
    finally:
        os.rmdir(path)


@contextlib.contextmanager
def file_at(path):
    """A file where a folder is expected."""
    os.rename(path, path + ".away")
    with open(path, "w", encoding="ascii"):
        pass
    try:
        yield
    finally:
        os.unlink(path)
        os.rename(path + ".away", path)


@contextlib.contextmanager
def without_links(volume):
    """udev runs, but makes no links of this device."""
    rules = "/etc/udev/rules.d/99-vmforge-test.rules"
    with open(rules, "w", encoding="ascii") as file:
        file.write(f'ENV{{DM_NAME}}=="{VG}-{volume.replace("-", "--")}", SYMLINK=""\n')
    call("udevadm", "control", "--reload")
    try:
        yield
    finally:
        os.unlink(rules)
        call("udevadm", "control", "--reload")


@contextlib.contextmanager
def tagged(volume, old, new):
    call("lvchange", "--quiet", "--yes", "--deltag", old, "--addtag", new, f"{VG}/{volume}")
    try:
        yield
    finally:
        call("lvchange", "--quiet", "--yes", "--deltag", new, "--addtag", old, f"{VG}/{volume}")


@contextlib.contextmanager
def held(device):
    with subprocess.Popen(["sleep", "1000"], stdin=open(device, "rb")) as sleeper:
        try:
            yield
        finally:
            sleeper.kill()
            sleeper.wait()


def obstacles(world):
    place = world.shared()
    even, odd = place.spec("even", disk={"size": "320MiB"}), place.spec("odd", disk={"size": "333MiB"})
    place.build(even, odd)
    volume = os.path.basename(place.path(even))
    ident = volume.removeprefix("vmforge-")
    problem = in_use(place, (even, odd))
    place.vmforge("store", "umount")
    folder, show = f"{place.store}/lvm", ("images", "path", name_of(even))
    export, lock = ("export", name_of(even), "--output", f"{WORK}/x"), f"/run/lock/vmforge-lvm-{VG}-{place.pool}"
    nothing = contextlib.nullcontext()
    cases = (
        (folder_at(f"{folder}/{ident}"), None, show, 1, rf"cannot lock '{folder}/{ident}': Is a directory"),
        (file_at(folder), None, show, 1, rf"cannot open '{folder}': Not a directory"),
        (folder_at(lock), None, export, 1, rf"cannot open '{lock}': Is a directory"),
        (folder_at(f"{folder}/reserved"), None, export, 1, rf"cannot write '{folder}/reserved': Is a directory"),
        (nothing, ("thin_dump", "/bin/false"), export, 1, "'thin_dump' exited 1: the metadata of the pool may be damaged"),
        (nothing, ("lvs", "/bin/true"), show, 1, f"what lvs says of volume group '{VG}' is no JSON"),
        (without_links(volume), None, show, 3, rf"'/dev/{VG}/{volume}' did not appear: is udev running\?"),
        (tagged(volume, f"vmforge.bytes:{320 << 20}", "vmforge.bytes:100"), None, show, 1,
         rf"cannot map '/dev/{VG}/{volume}' with 100 bytes"),
    )
    for obstacle, stand_in, command, code, pattern in cases:
        with obstacle:
            done = place.vmforge(*command, stand_in=stand_in)
        problem = problem or judge(done, pattern, code)
        place.vmforge("store", "umount")
    return problem or too_full(world, even) or without_root(place) or place.unquiet()


def in_use(place, specs):
    """A device that somebody has open is not taken from him: neither that of LVM nor the one of the exact size."""
    for spec in specs:
        with held(place.path(spec)):
            problem = judge(place.vmforge("store", "umount"), r"volume '?\S+ (is still in use|.*in use)")
            if problem:
                return problem
    return None


def without_root(place):
    """In a store of their own other storages need none."""
    folder = f"{WORK}/of-nobody"
    os.mkdir(folder)
    with open(f"{folder}/service.pub", "w", encoding="ascii") as file:
        file.write(vmforge("key", "export", "--store", place.store).stdout)
    os.chown(folder, NOBODY, NOBODY)

    def as_nobody(*arguments):
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", PROGRAM, *arguments, "--store", f"{folder}/store"]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    done = as_nobody("key", "trust", f"{folder}/service.pub", "--role", "service")
    if done.returncode:
        return said(done)
    return judge(as_nobody("fsck", "--storage", f"storage-lvm:vg={VG}"), "storage-lvm: it needs root, as LVM does", 3)


def too_full(world, spec):
    """The threshold holds of data and, in a pool that has nothing but metadata, of that."""
    def build():
        return vmforge("build", spec, "--store", f"{WORK}/little", "--storage", f"storage-lvm:vg={VG},pool=little,full=1",
                       env=world.toy.environment)
    told = rf"thin pool '{VG}/little' is \d+% full of {{}}: remove images \('vmforge gc'\), or 'lvextend --{{}} \+SIZE {VG}/little'"
    call("lvcreate", "--quiet", "--yes", "--type", "thin-pool", "-L", "512M", "--poolmetadatasize", "2M", "-n", "little", VG)
    try:
        call("lvcreate", "--quiet", "--yes", "-V", "64M", "--thinpool", f"{VG}/little", "-n", "filler")
        call("dd", "if=/dev/urandom", f"of=/dev/{VG}/filler", "bs=1M", "count=32", "oflag=direct")
        problem = judge(build(), told.format("data", "size"))
        call("lvremove", "--quiet", "--yes", f"{VG}/filler")
        return problem or judge(build(), told.format("metadata", "poolmetadatasize"))
    finally:
        call("lvremove", "--quiet", "--yes", f"{VG}/little")
        shutil.rmtree(f"{WORK}/little", ignore_errors=True)
