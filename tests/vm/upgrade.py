# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Kernel and GRUB of a guest, upgraded from a folder repository: the packages that the image was made of, with a
higher version, in a signed repository that travels as a tar archive on a second disk."""
import os
import subprocess

import debrepo

SUFFIX = "+vmforge1"
BIOS_BOOT = "21686148-6449-6e6f-744e-656564454649"
BOOT_CODE = 440  # bytes of the boot sector; the rest is the disk's identity and its table
SECTOR = 512
LIST = 12  # bytes at the end of the first sector of the core, which say where its rest is
FOLDER = "/srv/folder"
SOURCE = f"""Types: deb
URIs: file:{FOLDER}
Suites: ./
Signed-By: {FOLDER}/key.asc
"""
APT = ("DEBIAN_FRONTEND=noninteractive apt-get -y -o Dir::Etc::SourceList=/dev/null "
       f"-o Dir::Etc::SourceParts={FOLDER}/sources.list.d -o Dpkg::Options::=--force-confold")


def boot_packages(disk):
    """name → (version, architecture) of the kernels and GRUB packages that are installed in an image. The one that
    installs GRUB when the others are upgraded stays as it is, as in a real archive: dpkg calls no trigger of a package
    that it configures anew."""
    found = {}
    for stanza in disk.read_file("/var/lib/dpkg/status").split("\n\n"):
        fields = debrepo.read_control(stanza)
        name = fields.get("Package", "")
        if name.startswith(("linux-image-", "grub")) and not name.startswith("grub-cloud") and fields.get("Status", "").endswith(" installed"):
            found[name] = fields["Version"], fields["Architecture"]
    return found


def cached_archives(cache, wanted):
    """The archives of these packages in vmforge's package cache, where files are named by digest."""
    found = {}
    for folder, _, names in os.walk(cache):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                if file.read(8) != b"!<arch>\n":
                    continue
            shown = subprocess.run(["dpkg-deb", "--show", "--showformat", "${Package} ${Version} ${Architecture}", path], text=True,
                                   stdin=subprocess.DEVNULL, capture_output=True, check=False).stdout.split()
            if len(shown) == 3 and wanted.get(shown[0]) == tuple(shown[1:]):
                found[shown[0]] = path
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise RuntimeError(f"not in the package cache: {missing}")
    return list(found.values())


def make_disk(disk, cache, work):
    """Returns the path of the archive, which QEMU takes as a raw disk, and the new versions."""
    folder = os.path.join(work, "folder")
    os.makedirs(folder)
    signer = debrepo.Signer()
    try:
        raised = debrepo.raise_versions(cached_archives(cache, boot_packages(disk)), folder, SUFFIX)
        debrepo.publish(folder, signer)
        signer.export(folder + "/key.asc")
    finally:
        signer.close()
    debrepo.put(folder, "sources.list.d/folder.sources", SOURCE)
    archive = os.path.join(work, "folder.tar")
    debrepo.run("tar", "-C", folder, "--owner=0", "--group=0", "-cf", archive, ".")
    os.truncate(archive, -(-os.path.getsize(archive) // (1 << 20)) * (1 << 20))
    return archive, raised


def upgrade(guest, raised):
    """Upgrades the running guest from its second disk. Nothing, or what is wrong."""
    guest.check(f"mkdir -p {FOLDER} && tar -C {FOLDER} -xf /dev/vdb", deadline=180)
    updated = guest.check(f"{APT} update", deadline=180)
    upgraded = guest.check(f"{APT} dist-upgrade", deadline=1500)
    problem = versions_are(guest, raised)
    return f"{problem}\n{updated}\n{upgraded}\n{guest.check('date')}" if problem else None


def versions_are(guest, raised):
    shown = guest.check("dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\\n' " + " ".join(sorted(raised)))
    found = {line.split()[0]: line.split()[1:] for line in shown.splitlines()}
    wrong = {name: found.get(name) for name, version in raised.items() if found.get(name) != [version, "installed"]}
    return f"not upgraded: {wrong}" if wrong else None


def boot_blocks(path, image_format, bios, work):
    """Code of the boot sector, and the BIOS boot partition, which is (offset, length)."""
    begin = os.path.join(work, "boot-blocks.raw")
    offset, length = bios
    debrepo.run("qemu-img", "dd", "-f", image_format, "-O", "raw", f"bs={SECTOR}", f"count={(offset + length) // SECTOR}",
                f"if={path}", f"of={begin}")
    with open(begin, "rb") as file:
        blocks = file.read()
    os.unlink(begin)
    return blocks[:BOOT_CODE], blocks[offset:offset + length]


def boot_blocks_are_upgraded(disk, upgraded, work):
    """Of the image and of the qcow2 disk that was upgraded and is off. The boot sector comes of one boot.img, so it is
    the same; the core was made anew in the guest, with codes against damage that vmforge's has not."""
    bios = next(part[1:] for part in disk.partitions if part[0] == BIOS_BOOT)
    sector, core = boot_blocks(disk.path, "raw", bios, work)
    sector_now, core_now = boot_blocks(upgraded, "qcow2", bios, work)
    if sector_now != sector:
        return f"the boot sector changed: {sector.hex()} to {sector_now.hex()}"
    if core_now == core:
        return "the core image in the BIOS boot partition is that of before: grub-install did not write it"
    if core_now[:SECTOR - LIST] != core[:SECTOR - LIST]:
        return f"no core image of this GRUB begins the BIOS boot partition: {core_now[:SECTOR].hex()}"
    return None
