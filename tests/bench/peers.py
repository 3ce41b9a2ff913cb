# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What others need for the same: debvm-create and mmdebstrap, and apt-get in a chroot."""
import contextlib
import json
import os
import shutil
import subprocess

RELEASE = "bookworm"


def run(argv, log, **options):
    """Ends the measurement if the program fails."""
    with open(log, "w", encoding="utf-8") as file:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode:
        with open(log, encoding="utf-8", errors="replace") as file:
            raise RuntimeError(f"{argv[0]} exited {done.returncode}: {file.read()[-1500:]}")


def mmdebstrap(folder, packages, environment):
    """A folder with exactly these packages: without a filesystem, a boot loader or an image around it."""
    target = os.path.join(folder, "mmdebstrap")
    shutil.rmtree(target, ignore_errors=True)
    run(["mmdebstrap", "--variant=custom", f"--include={','.join(packages)}", "--format=directory", RELEASE, target],
        target + ".log", env=environment)
    shutil.rmtree(target)


def debvm(folder, packages, environment):
    """An ext4 image that QEMU boots with a kernel from outside."""
    target = os.path.join(folder, "debvm.ext4")
    run(["debvm-create", f"--release={RELEASE}", f"--output={target}", "--size=2G", "--",
         f"--include={','.join(packages)}"], target + ".log", env=environment)
    os.unlink(target)


def host_sources():
    """Lines of a sources.list with the mirrors of this host, which the build has used: those in the image are public ones."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
                            capture_output=True, text=True, check=True).stdout.split()
    lines = []
    for ending, suite in (("/debian/", RELEASE), ("/debian-security/", RELEASE + "-security")):
        lines += [f"deb {uri} {suite} main\n" for uri in listed if uri.endswith(ending)][:1]
    return "".join(lines)


@contextlib.contextmanager
def chroot(image, folder):
    """The root filesystem of a raw image, writable, with what apt needs in it."""
    root = os.path.join(folder, "chroot")
    os.makedirs(root, exist_ok=True)
    layout = subprocess.run(["sfdisk", "--json", image], capture_output=True, text=True, check=True).stdout
    start = json.loads(layout)["partitiontable"]["partitions"][2]["start"] * 512
    subprocess.run(["mount", "-o", f"loop,offset={start}", image, root], check=True)
    try:
        for name in ("proc", "dev"):
            subprocess.run(["mount", "--bind", f"/{name}", f"{root}/{name}"], check=True)
        with open(f"{root}/usr/sbin/policy-rc.d", "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexit 101\n")
        os.chmod(f"{root}/usr/sbin/policy-rc.d", 0o755)
        shutil.rmtree(f"{root}/etc/apt/sources.list.d")
        with open(f"{root}/etc/apt/sources.list", "w", encoding="utf-8") as file:
            file.write(host_sources())
        yield root
    finally:
        subprocess.run(["umount", "-R", root], check=True)


def apt_get(root, folder, environment, *arguments):
    environment = {**environment, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    run(["chroot", root, "apt-get", "-y", *arguments], os.path.join(folder, "apt-get.log"), env=environment)
