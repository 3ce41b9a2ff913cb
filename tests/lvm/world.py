# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What the cases of inside.py work with: a volume group on the scratch disk, a toy distribution, and stores in thin pools."""
import json
import os
import re
import shutil
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "vm"), os.path.join(HERE, "..", "root")]

# pylint: disable=wrong-import-position
from program import PROGRAM, said, vmforge
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


def standing_in(stand_in, command):
    """The command, in a mount namespace of its own where one program is another."""
    if not stand_in:
        return command
    name, other = stand_in
    return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"', other, os.path.realpath(shutil.which(name)),
            *command]


def name_of(spec):
    return os.path.basename(spec).removesuffix(".yaml")


def make_group(vg, disk):
    call("wipefs", "--all", "--quiet", disk)
    call("pvcreate", "--quiet", "--yes", disk)
    call("vgcreate", "--quiet", vg, disk)


class World:
    def __init__(self, disk):
        shutil.rmtree(WORK, ignore_errors=True)
        os.makedirs(WORK)
        self.common = None
        self.tap, self.toy = Tap(), Toyland(f"{WORK}/toy", few=True)
        self.number = 0
        self.disk = disk
        make_group(VG, disk)

    def shared(self):
        """The one place that most cases work in, for there the three lower stages are built already."""
        if not self.common:
            self.common = self.place()
            self.common.stays = True
        return self.common

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
        self.world, self.pool, self.vg, self.stays = world, pool, vg, False
        self.store = f"{WORK}/store-{pool}"
        parameters = {"vg": vg, "pool": pool, **({"create_pool": size} if size else {}), **more}
        self.storage = "storage-lvm:" + ",".join(f"{name}={value}" for name, value in parameters.items())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.stays:
            return
        call("lvremove", "--quiet", "--yes", *[f"{self.vg}/{name}" for name, row in volumes(self.vg).items() if row["pool_lv"] == self.pool],
             f"{self.vg}/{self.pool}", check=False)
        shutil.rmtree(self.store, ignore_errors=True)

    def vmforge(self, *arguments, stand_in=None):
        """stand_in: (program, other), which this command alone finds in the place of that program."""
        command = [PROGRAM, *arguments, "--store", self.store, "--storage", self.storage]
        return subprocess.run(standing_in(stand_in, command), env=self.world.toy.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, timeout=1200)

    def spec(self, name, **keys):
        common = {"core": {"packages": ["toy-lib"]}, "base": {"features": ["site"]}, "image": {"packages": ["toy-hello"]},
                  "appliance": {"hostname": "toy"}}
        return self.world.toy.spec(f"{name}-{self.pool}", **{**common, **keys})

    def start(self, spec, stand_in=None):
        """A build that runs meanwhile; stand_in: as of vmforge()."""
        command = [PROGRAM, "build", "--json", spec, "--store", self.store, "--storage", self.storage]
        return subprocess.Popen(standing_in(stand_in, command), env=self.world.toy.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def path(self, spec):
        """The device of an image, which is active from then on."""
        done = self.vmforge("images", "path", name_of(spec))
        if done.returncode:
            raise RuntimeError(said(done))
        return done.stdout.strip()

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
        found += [f"device {name}" for name in os.listdir("/dev/mapper") if name in self.volumes()]
        return "\n".join(found)
