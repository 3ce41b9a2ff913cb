# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A guest with a device mapper, vmforge and its tests installed, and a scratch disk: what the suite and the benchmark run in."""
import contextlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "vm"))

# pylint: disable=wrong-import-position
from guest import Guest, make_overlay
from program import BUILD, PASSWORD, SOURCE, said, vmforge

SPECS = {"12": "lvm.yaml", "13": "lvm-13.yaml"}  # by release of Debian: what is compiled here runs there
SCRATCH = (12 << 30, 4 << 30)  # /dev/vdc and /dev/vdd
MEMORY = 2048


def spec_of_host():
    """None where no guest has the libraries of this machine."""
    with open("/etc/os-release", encoding="utf-8") as file:
        facts = dict(line.rstrip().replace('"', "").split("=", 1) for line in file if "=" in line)
    name = SPECS.get(facts.get("VERSION_ID")) if facts.get("ID") == "debian" else None
    return name and f"{SOURCE}/tests/vm/specs/{name}"


def build_image(store):
    """The path of the guest's disk; an error with what vmforge said where it fails."""
    done = vmforge("build", spec_of_host(), "--store", store)
    if done.returncode:
        raise RuntimeError(said(done))
    done = vmforge("images", "path", "test-lvm", "--store", store)
    if done.returncode:
        raise RuntimeError(said(done))
    return done.stdout.strip()


def install(folder, programs):
    """What `meson install` brings, the tests, and programs of the build tree. Where vmforge is."""
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder], check=True, stdout=subprocess.DEVNULL)
    for name in ("vm", "root", "lvm"):
        shutil.copytree(f"{SOURCE}/tests/{name}", f"{folder}/srv/tests/{name}", ignore=shutil.ignore_patterns("__pycache__"))
    for program in programs:
        shutil.copy(f"{BUILD}/{program}", f"{folder}/srv")
    for place, _, files in os.walk(folder):
        if "vmforge" in files and os.path.basename(place) == "bin":
            return "/" + os.path.relpath(os.path.join(place, "vmforge"), folder)
    raise RuntimeError("`meson install` brings no program")


def make_disk(folder, path):
    size = sum(os.lstat(os.path.join(place, file)).st_size for place, _, files in os.walk(folder) for file in files)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", folder, path, f"{(size >> 20) * 2 + 64}M"], check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def running(image, work, programs=(), folders=None):
    """The guest, logged in, and the path of vmforge in it; /dev/vdc and /dev/vdd are scratch disks. folders: name below /srv → what
    it is a copy of."""
    disk = make_overlay(image, f"{work}/guest.qcow2")
    program = install(f"{work}/payload", programs)
    for name, folder in (folders or {}).items():
        shutil.copytree(folder, f"{work}/payload/srv/{name}")
    make_disk(f"{work}/payload", f"{work}/payload.img")
    drives = []
    for number, size in enumerate(SCRATCH):
        with open(f"{work}/scratch{number}.img", "wb") as scratch:
            scratch.truncate(size)
        drives += ["-drive", f"file={scratch.name},if=virtio,format=raw,cache=unsafe"]
    with Guest(disk, memory=MEMORY, log=f"{work}/console", drives=[f"{work}/payload.img"], extra=drives) as guest:
        guest.wait_for_login()
        guest.login("root", PASSWORD)
        guest.check("mount -o ro /dev/vdb /mnt && cp -a /mnt/. / && umount /mnt && ldconfig && udevadm settle", 300)
        # Nobody waits for dmeventd, which would extend pools: a third of what each command takes.
        guest.check("echo 'activation { monitoring = 0 }' >/etc/lvm/lvmlocal.conf")
        yield guest, program
