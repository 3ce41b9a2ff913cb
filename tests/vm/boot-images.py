#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Builds the specs that ship, boots each image under every firmware it has, logs in and looks around; upgrades
kernel and GRUB of one of them. Images are built one after the other while at most two guests run.

    tests/vm/boot-images.py [SPEC…]      only these (debian-12, web-server …)"""
import argparse
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import checks
import upgrade
from disk import Disk
from guest import Guest, accelerator, make_overlay, stop_all
from program import PASSWORD, SOURCE, said, stage_events, test_store, vmforge
from tap import Tap, skip_all

GROWN_BY = 3 << 30
GUESTS = 2


class Image:
    def __init__(self, spec, machine="x86_64", firmware=("bios", "uefi"), more=(), upgraded=False,
                 without_security=False):
        self.spec, self.machine, self.firmware, self.more, self.upgraded = spec, machine, firmware, list(more), upgraded
        self.without_security = without_security  # may fall back to the spec that leaves that suite out
        self.disk, self.fallen_back = None, False


# The one that is upgraded takes longest, so it comes first.
IMAGES = [
    Image("debian-12", upgraded=True),
    Image("web-server", more=checks.WEB),
    Image("debian-13"),
    Image("debian-12-i386", machine="i686", firmware=("bios",), without_security=True),
]
# What apt says of a mirror whose signed index does not fit its package lists.
BROKEN_MIRROR = "Mirror sync in progress"


class Suite:
    def __init__(self, store, work):
        self.store, self.work, self.tap = store, work, Tap()
        self.jobs = queue.PriorityQueue()
        self.jobs_made = 0
        self.strange = None
        self.begin = time.monotonic()
        self.progress_path = os.environ.get("VMFORGE_VM_PROGRESS")
        if self.progress_path:
            open(self.progress_path, "w", encoding="utf-8").close()

    def progress(self, text):
        line = f"{time.monotonic() - self.begin:6.0f} s  {text}\n"
        if self.progress_path:
            with open(self.progress_path, "a", encoding="utf-8") as file:
                file.write(line)
        else:
            sys.stderr.write(line)

    def attempt(self, sentence, function):
        """One result: passed where function() returns nothing."""
        try:
            problem = function()
        except Exception as error:  # a verdict, whatever went wrong
            problem = str(error) if type(error).__name__ == "GuestError" else traceback.format_exc()
        return self.tap.ok(not problem, sentence, problem)

    def add_job(self, priority, name, function):
        self.jobs_made += 1
        self.jobs.put((priority, self.jobs_made, name, function))

    def work_off(self):
        """A thread that runs jobs, which may add further ones."""
        while True:
            *_, name, function = self.jobs.get()
            self.progress(f"begins: {name}")
            self.attempt(name, function)
            self.progress(f"ends:   {name}")
            self.jobs.task_done()

    # ---- building

    def build(self, image):
        def build_test_spec():
            done = vmforge("build", f"{SOURCE}/tests/vm/specs/{image.spec}.yaml", "--store", self.store)
            if done.returncode and image.without_security and BROKEN_MIRROR in done.stderr:
                self.tap.diagnose(f"{image.spec}: this mirror's lists of security updates do not fit their signed index, "
                                  "so it is built without them, by distro.override")
                image.fallen_back = True
                done = vmforge("build", f"{SOURCE}/tests/vm/specs/{image.spec}-main.yaml", "--store", self.store)
            if done.returncode:
                return said(done)
            done = vmforge("images", "path", f"test-{image.spec}", "--store", self.store)
            if done.returncode:
                return said(done)
            image.disk = Disk(done.stdout.strip())
            return None

        def build_shipped_spec():
            done = vmforge("build", "--json", f"{SOURCE}/specs/{image.spec}.yaml", "--store", self.store)
            states = stage_events(done)
            built = [stage for stage, state in states.items() if state == "built" and stage != "appliance"]
            return said(done) if done.returncode else f"these were built again: {built}" if built else None

        self.progress(f"builds {image.spec}")
        if not self.attempt(f"{image.spec} builds", build_test_spec):
            return
        if not image.fallen_back:
            self.attempt(f"specs/{image.spec}.yaml builds, sharing the stages below Appliance", build_shipped_spec)
        for sentence, check in checks.AT_REST:
            self.attempt(f"{image.spec}: {sentence}", lambda check=check: check(image.disk))
        for firmware in image.firmware:
            grown = firmware == image.firmware[0]
            self.add_job(0 if image.upgraded and grown else 1, f"{image.spec} boots under {firmware} and can be logged into",
                         lambda firmware=firmware, grown=grown: self.boot(image, firmware, grown))

    # ---- booting

    def overlay(self, image, name, backing=None, size=None):
        path = os.path.join(self.work, f"{image.spec}-{name}.qcow2")
        return make_overlay(backing or image.disk.path, path, size, "qcow2" if backing else "raw")

    def guest(self, image, disk, firmware, drives=()):
        return Guest(disk, firmware, log=disk.replace(".qcow2", ".console"), drives=drives)

    def look_around(self, image, guest, title, expected, more):
        expected = {"machine": image.machine, "firmware": guest.firmware, **expected}
        for sentence, check in checks.RUNNING + more:
            self.attempt(f"{title}: {sentence}", lambda check=check: check(guest, expected))

    def boot(self, image, firmware, grown):
        """The first firmware of an image gets a larger disk, and where asked the upgrade."""
        size = image.disk.size + (GROWN_BY if grown else 0)
        disk = self.overlay(image, firmware, size=size)
        upgraded = image.upgraded and grown
        drives, raised = [], {}
        if upgraded:
            archive, raised = upgrade.make_disk(image.disk, os.path.join(self.store, "cache"), self.work)
            drives = [archive]
        with self.guest(image, disk, firmware, drives) as guest:
            hostname = guest.wait_for_login()
            guest.login("root", PASSWORD)
            title = f"{image.spec} under {firmware}" + (", on a larger disk" if grown else "")
            self.look_around(image, guest, title, {"hostname": hostname, "disk": size}, image.more)
            if upgraded and self.attempt(f"{image.spec}: kernel and GRUB are upgraded from a folder repository",
                                         lambda: upgrade.upgrade(guest, raised)):
                guest.power_off()
                self.attempt(f"{image.spec}: the upgrade writes GRUB's boot blocks anew",
                             lambda: upgrade.boot_blocks_are_upgraded(image.disk, disk, self.work))
                for again in image.firmware:
                    self.add_job(0, f"{image.spec} boots under {again} after the upgrade",
                                 lambda again=again: self.boot_again(image, disk, again, raised))
        if not upgraded:
            os.unlink(disk)

    def boot_again(self, image, backing, firmware, raised):
        disk = self.overlay(image, f"{firmware}-upgraded", backing)
        with self.guest(image, disk, firmware) as guest:
            guest.wait_for_login()
            guest.login("root", PASSWORD)
            return checks.system_runs(guest, {}) or upgrade.versions_are(guest, raised)

    def run(self, images):
        for _ in range(GUESTS):
            threading.Thread(target=self.work_off, daemon=True).start()
        for image in images:
            self.build(image)
        self.add_stranger(images[0])
        self.attempt("a second build of one spec reuses every stage", lambda: self.build_again(images[0]))
        self.jobs.join()
        return self.tap.done()

    # ---- in the storage of a stranger

    def add_stranger(self, image):
        """The same spec once more, in the storage plugin that `plugins new` writes."""
        if self.attempt(f"{image.spec} builds in a storage plugin of `plugins new`", lambda: self.build_strange(image)):
            self.add_job(1, f"{image.spec} boots from that storage and can be logged into",
                         lambda: self.boot_strange(image))

    def build_strange(self, image):
        folder = os.path.join(self.work, "vmforge-strange")
        plugin = os.path.join(folder, "vmforge-strange.so")
        compiler = ["cc", "-shared", "-fPIC", "-fvisibility=hidden", "-D_GNU_SOURCE",
                    f"-I{SOURCE}/core/include", "-o", plugin, f"{folder}/strange.c"]
        options = ["--store", self.store, "--plugin", plugin, "--storage", "strange"]
        done = vmforge("plugins", "new", "storage", "strange", folder)
        if done.returncode:
            return said(done)
        subprocess.run(compiler, check=True)
        done = vmforge("build", f"{SOURCE}/tests/vm/specs/{image.spec}.yaml", *options)
        if done.returncode:
            return said(done)
        done = vmforge("images", "path", f"test-{image.spec}", *options)
        self.strange = Disk(done.stdout.strip())
        return said(done) if done.returncode or "/strange/" not in self.strange.path else None

    def boot_strange(self, image):
        disk = make_overlay(self.strange.path, os.path.join(self.work, "strange.qcow2"), None, "raw")
        with self.guest(image, disk, image.firmware[0]) as guest:
            guest.wait_for_login()
            guest.login("root", PASSWORD)
            return checks.system_runs(guest, {})

    def build_again(self, image):
        done = vmforge("build", "--json", f"{SOURCE}/tests/vm/specs/{image.spec}.yaml", "--store", self.store)
        states = stage_events(done)
        return None if done.returncode == 0 and set(states.values()) == {"reused"} else said(done)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("specs", nargs="*", choices=[[], *(image.spec for image in IMAGES)])
    chosen = parser.parse_args().specs
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    images = [image for image in IMAGES if not chosen or image.spec in chosen]
    if os.geteuid():
        skip_all("needs root")
    if not shutil.which("qemu-system-x86_64"):
        skip_all("needs qemu-system-x86_64")
    print(f"# accelerator: {accelerator()}", flush=True)
    with test_store() as store, tempfile.TemporaryDirectory(prefix="vmforge-vm-", dir="/var/tmp") as work:
        try:
            return Suite(store, work).run(images)
        finally:
            stop_all()


if __name__ == "__main__":
    sys.exit(main())
