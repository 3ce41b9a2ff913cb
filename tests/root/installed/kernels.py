# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Kernels and their initial RAM filesystem, which each stage makes once, in toyland: what is made is told in /boot/made."""

# The maintainer script of a kernel calls the hooks, as Debian's does.
POSTINST = """#!/bin/sh
set -e
for hook in /etc/kernel/postinst.d/*; do
  [ ! -x "$hook" ] || DEB_MAINT_PARAMS="$*" "$hook" {version} /boot/vmlinuz-{version}
done
"""
HOOK = """#!/bin/sh
[ "$INITRD" != No ] || exit 0
echo "hook $1" >>/boot/made
echo initrd >"/boot/initrd.img-$1"
"""
TRIGGERED = """#!/bin/sh
set -e
[ "$1" = triggered ] || exit 0
for kernel in /boot/vmlinuz-*; do
  echo "trigger ${kernel#/boot/vmlinuz-}" >>/boot/made
  echo initrd >"/boot/initrd.img-${kernel#/boot/vmlinuz-}"
done
"""


def make_packages(deb):
    def kernel(version, **fields):
        return {"Package": "toy-kernel", **fields}, {f"/boot/vmlinuz-{version}": "kernel\n"}
    deb(*kernel("one"), {"postinst": POSTINST.format(version="one")})
    deb(*kernel("one", Version="2", Depends="toy-newer"), {"postinst": POSTINST.format(version="one")})
    deb({"Package": "toy-newer"})
    deb({"Package": "toy-bare"}, {"/boot/vmlinuz-bare": "kernel\n", "/boot/config-bare": "CONFIG_TOY=y\n"},
        {"postinst": POSTINST.format(version="bare")})
    deb({"Package": "toy-initramfs"}, {"/etc/kernel/postinst.d/initramfs-tools": (HOOK, 0o755)},
        {"postinst": TRIGGERED, "triggers": "interest-noawait toy-initramfs\n"})
    deb({"Package": "toy-hooks", "Depends": "toy-initramfs, toy-kernel"}, {}, {"triggers": "activate-noawait toy-initramfs\n"})


def show_kernels(test, entry, succeed):
    """entry: a repository with make_packages' packages."""
    gone = "! ls -A /boot | grep vmforge", "test ! -e /etc/kernel/postinst.d/00vmforge-note"

    def attempt(sentence, name, packages, made, *run, more=None):
        base = {"features": ["site"], "repositories": [entry], "packages": packages}
        check = f"""test "$(cat /boot/made)" = '{made}' """
        spec = test.spec(name, base=base, image={"packages": more or [], "run": [check, *gone, *run]})
        test.attempt(sentence, lambda: succeed(test, "build", spec))
    first = ["toy-initramfs", "toy-kernel=1"]
    there = "test -s /boot/initrd.img-one"
    attempt("what a kernel's script would make is made once, at the end", "kernel", first, "hook one", there)
    attempt("what a trigger makes is not made again", "triggered", [*first, "toy-hooks"], "trigger one", there)
    attempt("a kernel of the same name that comes later gets its own", "newer", first, "hook one\nhook one", there,
            more=["toy-kernel=2"])
    attempt("a kernel that needs none gets none", "bare", [*first, "toy-bare"], "hook one",
            "test ! -e /boot/initrd.img-bare")
    spec = test.spec("no-kernel", image={"packages": ["toy-slow"], "run": ["test ! -e /etc/kernel"]})
    test.attempt("nothing of it is left where no kernel is", lambda: succeed(test, "build", spec))
