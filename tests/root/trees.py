# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""File trees as values, to compare what vmforge installed with what plain dpkg leaves of the same archives.

Owners are compared by name, and dynamic accounts without their numbers: adduser gives the next free one, in the order in
which packages are configured, which is nobody's promise."""
import contextlib
import hashlib
import json
import os
import re
import stat
import subprocess

ROOT_PARTITION = (2 << 20) + (64 << 20)  # docs/architecture.md, core/build/disk.c
ACCOUNT_FILES = re.compile(r"/etc/(passwd|group|shadow|gshadow)-?")
SORTED = re.compile(r"/var/lib/dpkg/triggers/File|/etc/shells")  # the order is that of configuration
DPKG_STATUS = re.compile(r"/var/lib/dpkg/(status|available)|/var/lib/apt/extended_states")


@contextlib.contextmanager
def mounted(volume, folder, filesystem="ext4"):
    """The root filesystem of a volume, read-only, in the mount namespace of this process."""
    os.makedirs(folder, exist_ok=True)
    options = f"ro,loop,offset={ROOT_PARTITION}," + ("noload" if filesystem == "ext4" else "nouuid,norecovery")
    subprocess.run(["mount", "-t", filesystem, "-o", options, volume, folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def accounts(root, name):
    """Number → name, of /etc/passwd or /etc/group."""
    with contextlib.suppress(OSError), open(f"{root}/etc/{name}", encoding="utf-8") as file:
        return {int(line.split(":")[2]): line.split(":")[0] for line in file if line.count(":") > 2}
    return {}


def content(place, path):
    """What is compared of a file: its digest, or of some a text that leaves out what may differ."""
    with open(place, "rb") as file:
        data = file.read()
    if ACCOUNT_FILES.fullmatch(path):
        lines = [re.sub(r"^([^:]*:[^:]*):\d+(:\d+)?", r"\1", line) for line in data.decode().splitlines()]
        return "\n".join(sorted(lines))
    if SORTED.fullmatch(path):
        return "\n".join(sorted(data.decode().splitlines()))
    if DPKG_STATUS.fullmatch(path):
        return "\n\n".join(sorted(data.decode().strip("\n").split("\n\n")))
    return hashlib.sha256(data).hexdigest()


def attributes(place):
    with contextlib.suppress(OSError):
        return {name: os.getxattr(place, name, follow_symlinks=False).hex()
                for name in os.listxattr(place, follow_symlinks=False)}
    return {}


def describe(root, path, users, groups):
    place = root + path
    st = os.lstat(place)
    entry = {"type": stat.filemode(st.st_mode)[0], "mode": f"{st.st_mode & 0o7777:04o}",
             "owner": f"{users.get(st.st_uid, st.st_uid)}:{groups.get(st.st_gid, st.st_gid)}",
             "xattrs": attributes(place), "mtime": st.st_mtime_ns}
    if stat.S_ISLNK(st.st_mode):
        entry["target"] = os.readlink(place)
    elif stat.S_ISREG(st.st_mode):
        entry["content"] = content(place, path)
    elif not stat.S_ISDIR(st.st_mode):
        entry["device"] = st.st_rdev
    return entry


def read(root):
    """Path → what it is; not what is mounted below."""
    users, groups, found = accounts(root, "passwd"), accounts(root, "group"), {}
    device = os.lstat(root).st_dev
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if os.lstat(f"{folder}/{name}").st_dev == device
                      or os.path.islink(f"{folder}/{name}")]
        for name in [*folders, *files]:
            path = f"{folder}/{name}"[len(root):]
            found[path] = describe(root, path, users, groups)
    return found


def differences(first, second, before_ns):
    """Lines. Times count where both are of before the builds: those that packages bring."""
    for path in sorted(first.keys() | second.keys()):
        a, b = first.get(path), second.get(path)
        if a is None or b is None:
            yield f"{path}: only in the {'first' if b is None else 'second'}"
            continue
        for key in sorted(a.keys() | b.keys()):
            x, y = a.get(key), b.get(key)
            if key == "mtime" and (a["type"] == "d" or max(x, y) >= before_ns):
                continue
            if x != y:
                yield f"{path}: {key} {shorten(x)}, {shorten(y)}"


def shorten(value):
    return f"{len(value)} characters" if isinstance(value, str) and len(value) > 100 else value


def unexpected(lines, allowed):
    """(lines that nothing allows, patterns that allowed nothing); allowed: pattern of a whole line → why."""
    used, left = set(), []
    for line in lines:
        found = [pattern for pattern in allowed if re.fullmatch(pattern, line)]
        used.update(found)
        if not found:
            left.append(line)
    return left, sorted(set(allowed) - used)


def core_packages(store, name):
    """The record of the Core that an image of this name stands on, and its archives by package name."""
    for folder in os.listdir(f"{store}/stages"):
        with open(f"{store}/stages/{folder}/stage.json", encoding="utf-8") as file:
            stage = json.load(file)
        if stage["stage"] == "core" and stage["spec"] == name:
            digests = {one["id"]: one["digest"] for one in stage["inputs"]["packages"]}
            return stage, {one: f"{store}/cache/packages/{digest[:2]}/{digest[2:]}" for one, digest in digests.items()}
    raise RuntimeError(f"no Core of '{name}' in '{store}'")
