# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A private view of this machine for a test: own mounts, empty temporary folders, and every orphan as a child."""
import contextlib
import ctypes
import os
import subprocess
import tempfile

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE, MS_RDONLY, MS_REMOUNT = 4096, 16384, 1 << 18, 1, 32
MNT_DETACH = 2
PR_SET_CHILD_SUBREAPER = 36


def _check(result):
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def mount(source, target, kind="none", flags=0, options=None):
    _check(LIBC.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags),
                      options.encode() if options else None))


def umount(target):
    _check(LIBC.umount2(target.encode(), MNT_DETACH))


def enter(work, *keep):
    """Leaves the mount namespace of the caller for good. `work` and what else is to be kept (the tree under test may
    lie there) stay where they are; /tmp and /var/tmp are empty otherwise."""
    _check(LIBC.unshare(CLONE_NEWNS))
    _check(LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    hidden = ("/tmp", "/var/tmp")
    kept = [path for path in (work, *keep) if path.startswith(tuple(folder + "/" for folder in hidden))]
    places = {path: os.open(path, os.O_PATH) for path in kept}
    for folder in hidden:
        mount("tmpfs", folder, "tmpfs", 0, "mode=1777")
    for path, place in places.items():
        os.makedirs(path, exist_ok=True)
        mount(f"/proc/self/fd/{place}", path, flags=MS_BIND)
        os.close(place)
    os.environ["TMPDIR"] = tempfile.tempdir = "/tmp"  # the caller's may be hidden now


def reap():
    """Orphans that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


@contextlib.contextmanager
def mounted(source, target, kind="none", flags=0, options=None):
    mount(source, target, kind, flags, options)
    if flags & MS_BIND and flags & MS_RDONLY:
        mount("none", target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)
    try:
        yield target
    finally:
        umount(target)


@contextlib.contextmanager
def without_program(path, empty):
    """A place where this program cannot be run: `empty` is a file without permissions to do so."""
    with mounted(empty, os.path.realpath(path), flags=MS_BIND):
        yield


@contextlib.contextmanager
def apt_settings(work, text):
    """The host's own apt settings are these alone."""
    folder = os.path.join(work, "apt.conf.d")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "99test"), "w", encoding="utf-8") as file:
        file.write(text)
    with mounted(folder, "/etc/apt/apt.conf.d", flags=MS_BIND):
        yield


@contextlib.contextmanager
def small_filesystem(target, mebibytes):
    os.makedirs(target, exist_ok=True)
    with mounted("tmpfs", target, "tmpfs", 0, f"size={mebibytes}m"):
        yield target


def run_as_nobody(command, **options):
    return subprocess.run(command, user=65534, group=65534, extra_groups=[], stdin=subprocess.DEVNULL, check=False,
                          capture_output=True, text=True, **options)
