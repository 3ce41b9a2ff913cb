#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What a build leaves of packages is what plain dpkg leaves of the same archives: files, modes, owners, times, and dpkg's
database with alternatives, diversions and triggers. What differs is listed here, each with its reason."""
import glob
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "errors"))

# pylint: disable=wrong-import-position
import fixture
import debrepo
import trees
from fixture import program

# A pattern of a line → why the tree of vmforge (the first) may differ from that of plain dpkg (the second).
ALLOWED = {
    r"/boot/efi: only in the first": "where the EFI system partition is mounted",
    r"/tmp: mode 1777, 0755": "a toy package has no such folder of its own mode; the engine makes it as it must be",
    r"/lost\+found: only in the first": "of ext4",
    r"/etc/(fstab|hostname|hosts|machine-id|kernel|kernel/cmdline|resolv\.conf).*": "the engine configures the system",
    r"/etc/(apt|apt/.*|systemd|systemd/.*): only in the first": "the profile's sources and the engine's units",
    r"/usr/(lib|share)/(vmforge|keyrings)(/.*)?: only in the first": "a script that grows the disk; the profile's keys",
    r"/var/lib/apt(/.*)?: only in the first": "which packages only came along, for autoremove",
    r"/var/log/(dpkg|alternatives)\.log: only in the second": "logs say when and where",
    r"/var/lib/dpkg/(status|available|diversions|statoverride)-old: only in the second": "backups of an earlier step",
}


def make_odd_packages(test):
    """What dpkg keeps books of: alternatives, a diversion, triggers, an override, a link of two files, odd modes."""
    deb = lambda fields, files=None, scripts=None: debrepo.make_deb(test.toy.pool, fields, files, scripts)
    deb({"Package": "toy-odd", "Depends": "toy-lib"},
        {"/usr/bin/toy-odd": ("#!/bin/sh\n", 0o4755), "/etc/toy/odd.conf": "odd\n", "/usr/share/toy/empty": None,
         "/usr/share/toy/private": ("secret\n", 0o600), "/usr/share/toy/link": "-> lib",
         "/var/cache/apt/archives/partial": None},
        {"preinst": "#!/bin/sh\nset -e\ndpkg-divert --package toy-odd --add --rename --divert /usr/share/toy/lib.away "
                    "/usr/share/toy/lib\n",
         "postinst": "#!/bin/sh\nset -e\nupdate-alternatives --install /usr/bin/toy toy /usr/bin/toy-odd 30\n"
                     "[ \"$1\" != triggered ] || echo triggered >>/var/lib/toy-triggered\n",
         "triggers": "interest-noawait toy-noted\ninterest-noawait /usr/share/toy-triggering\n", "conffiles": "/etc/toy/odd.conf\n"})
    deb({"Package": "toy-even", "Depends": "toy-odd"}, {"/usr/share/toy-triggering/even": "even\n"},
        {"postinst": "#!/bin/sh\nset -e\nupdate-alternatives --install /usr/bin/toy toy /usr/bin/toy-hello 20\n"
                     "dpkg-trigger --no-await toy-noted\ndpkg-statoverride --update --add root adm 2750 /usr/share/toy-triggering\n"})
    test.toy.publish_again("good")


def plain_dpkg(root, archives, essential):
    """What debootstrap does: the essential packages are extracted, so that their own dpkg can install them, then all."""
    for folder in ("bin", "sbin", "lib", "lib64"):
        os.makedirs(f"{root}/usr/{folder}")
        os.symlink(f"usr/{folder}", f"{root}/{folder}")
    for folder in ("info", "updates", "triggers"):
        os.makedirs(f"{root}/var/lib/dpkg/{folder}")
    for name in ("status", "available"):
        with open(f"{root}/var/lib/dpkg/{name}", "w", encoding="utf-8"):
            pass
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TAR_OPTIONS": "--keep-directory-symlink"}
    for name in essential:
        subprocess.run(["dpkg-deb", "--extract", archives[name], root], check=True, env=environment)
    del environment["TAR_OPTIONS"]
    os.makedirs(f"{root}/tmp", exist_ok=True)
    places = []
    for name, path in archives.items():
        places.append(f"/tmp/{name}.deb")
        shutil.copyfile(path, root + places[-1])
    first = [f"/tmp/{name}.deb" for name in essential]
    for options, operands in ((["--force-depends"], first), ([], [one for one in places if one not in first])):
        subprocess.run(["chroot", root, "dpkg", *options, "--force-confdef", "--force-confold", "--install", *operands],
                       check=True, capture_output=True, stdin=subprocess.DEVNULL,
                       env={**environment, "DEBIAN_FRONTEND": "noninteractive"})
    for place in places:
        os.unlink(root + place)


def show(test):
    make_odd_packages(test)
    before = (int(time.time()) - 5) * 10**9
    for path in glob.glob(f"{test.toy.pool}/*.deb"):  # files that are older than the test: their times count
        os.utime(path)
    done = test.vmforge("build", "--until", "core", test.spec(
        "plain", core={"packages": ["toy-hello", "toy-site", "toy-odd", "toy-even"]}))
    if not test.tap.ok(done.returncode == 0, "a Core with odd packages is built", program.said(done)):
        return
    stage, archives = trees.core_packages(test.store, "plain")
    root = os.path.join(test.work, "plain-root")
    os.mkdir(root)
    plain_dpkg(root, archives, ["toy-base"])
    volume = test.vmforge("images", "path", stage["key"]).stdout.strip()
    with trees.mounted(volume, os.path.join(test.work, "core-root")) as core:
        ours, plain = trees.read(core), trees.read(root)
    lines = list(trees.differences(ours, plain, before))
    left, unused = trees.unexpected(lines, ALLOWED)
    test.tap.ok(not left, "Core is what plain dpkg leaves of the same archives", "\n".join(left[:40]))
    for path in ("/var/lib/dpkg/status", "/var/lib/dpkg/diversions", "/var/lib/dpkg/statoverride",
                 "/var/lib/dpkg/alternatives/toy", "/etc/alternatives/toy", "/usr/share/toy/lib.away",
                 "/var/lib/dpkg/triggers/File", "/var/lib/dpkg/triggers/toy-noted", "/var/lib/toy-triggered", "/var/lib/dpkg/info/toy-odd.list"):
        test.tap.ok(path in ours and not [line for line in lines if line.startswith(path + ":")],
                    f"{path} is there and the same")
    test.tap.ok(not unused, "every difference that is allowed is there", " ".join(unused))
    shutil.rmtree(root)


if __name__ == "__main__":
    fixture.main(show)
