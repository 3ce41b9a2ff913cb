# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Core of specs/debian-12.yaml against what mmdebstrap makes of the same archives: no difference but those listed here."""
import os
import shutil
import subprocess
import sys
import time

from program import SOURCE

sys.path.insert(0, os.path.join(SOURCE, "tests", "root"))

import debrepo  # pylint: disable=wrong-import-position
import trees  # pylint: disable=wrong-import-position

SPEC = os.path.join(SOURCE, "specs", "debian-12.yaml")

MERGED_USR = 'cd "$1" && for name in bin sbin lib lib64; do mkdir -p usr/$name && ln -s usr/$name $name; done'

# A pattern of a line → why the tree of vmforge (the first) may differ from that of mmdebstrap (the second).
ALLOWED = {
    r"/lost\+found: only in the first": "of ext4",
    r"/boot/(efi|grub(/.*)?): only in the first": "the engine's boot loader; in a chroot GRUB's packages install none",
    r"/etc/grub\.d/enable_cloud: only in the first": "grub-cloud's switch, which the plugin writes last",
    r"/etc/default/grub\.d/50-vmforge\.cfg: only in the first": "kernel arguments",
    r"/etc/(fstab|hostname|hosts): content .*": "the engine's; mmdebstrap copies those of the host",
    r"/etc/(hostname|machine-id): mode .*": "the same",
    r"/etc/systemd/(network|system)/.*: only in the first": "network, growing of the disk, SSH keys of the machine",
    r"/usr/lib/vmforge(/grow-root)?: only in the first": "the same",
    r"/var/lib/dbus/machine-id: only in the first": "a link to /etc/machine-id, so that there is one identity",
    r"/etc/ssh/ssh_host_.*: only in the second": "no image ships keys of a machine",
    r"/etc/apt/sources\.list: only in the second": "mmdebstrap's source was the folder of archives",
    r"/etc/apt/sources\.list\.d/debian\.sources: only in the first": "the profile's sources",
    r"/var/lib/apt/extended_states: content .*": "mmdebstrap was given all packages by name: none only came along",
    r"/var/lib/apt/lists/(lock|partial): .*": "apt makes them its own when it runs in an image; it did not run in ours",
    r"/var/cache/apt/archives/(lock|partial): .*": "the same",
    r"/var/lib/dpkg/arch: only in the second": "mmdebstrap writes it; dpkg alone does for foreign architectures",
    r"/var/lib/dpkg/available: only in the first": "empty: dpkg wants it to be there",
    r"/var/lib/dpkg/(status|diversions)-old: only in the second": "backups of an earlier step of the installation",
    r"/var/cache/debconf/(config|templates)\.dat-old: only in the second": "the same",
    r"/etc/(passwd|shadow)-: content .*": "backup of the account before the last, in the order of configuration",
    r"/usr/share/python3/debpython/__pycache__/.*\.pyc: content .*": "written by the first program that imports them: "
    "with the source's time, or by SOURCE_DATE_EPOCH with its digest; which is first is the order of configuration",
    r"/etc/\.resolv\.conf\.systemd-resolved\.bak: only in the second": "of the host's file, which mmdebstrap had put there",
    r"/run/lock(/subsys)?: only in the second": "our /run is in memory while building",
    r"/dev/.*: only in the second": "mmdebstrap makes devices; an image boots with a devtmpfs",
}


def repository(folder, archives):
    """One of exactly these archives; a line of sources.list."""
    os.makedirs(f"{folder}/pool")
    for name, path in archives.items():
        shutil.copyfile(path, f"{folder}/pool/{name}.deb")
    signer = debrepo.Signer("vmforge bench")
    try:
        debrepo.publish(folder, signer, "bookworm", arch="amd64", pool="pool")
    finally:
        signer.close()
    return f"deb [trusted=yes] copy:{folder} bookworm main"


def mmdebstrap(bench, archives, epoch):
    """With the same time to go by: what heeds SOURCE_DATE_EPOCH writes other .pyc files and initial RAM filesystems."""
    root, source = f"{bench.folder}/plain", repository(f"{bench.folder}/archives", archives)
    done = subprocess.run(["mmdebstrap", "--mode=root", "--variant=essential", "--include=" + ",".join(sorted(archives)),
                           "--setup-hook=" + MERGED_USR, "bookworm", root, source],
                          check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)})
    if done.returncode:
        raise RuntimeError("mmdebstrap failed:\n" + done.stderr[-2000:])
    return root


def run(bench):
    if not shutil.which("mmdebstrap"):
        raise RuntimeError("there is no mmdebstrap: apt-get install --no-install-recommends mmdebstrap")
    before = (int(time.time()) - 5) * 10**9
    bench.vmforge("build", "--until", "core", SPEC)
    stage, archives = trees.core_packages(bench.store, "debian-12")
    root = mmdebstrap(bench, archives, stage["source_date_epoch"])
    volume = bench.vmforge("images", "path", stage["key"]).stdout.strip()
    with trees.mounted(volume, f"{bench.folder}/core") as core:
        ours, plain = trees.read(core), trees.read(root)
    lines = list(trees.differences(ours, plain, before))
    left, unused = trees.unexpected(lines, ALLOWED)
    bench.record("paths compared", len(ours.keys() & plain.keys()), "paths")
    bench.record("differences that are allowed", len(lines) - len(left), "lines")
    bench.record("allowed patterns that were not needed", len(unused), "patterns")
    bench.record("other differences", len(left), "lines")
    if left:
        raise RuntimeError("Core differs from what mmdebstrap made:\n" + "\n".join(left[:100]))
