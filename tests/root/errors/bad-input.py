#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Bad input and a poor environment: each case gives one line of error and its exit status, and leaves nothing."""
import os
import re

import fixture
import namespace
from fixture import judge

quoted = re.escape
FILE = r"/\S+/toyland/\S+\.yaml"
SIZE = r"[0-9.]+ [KMGT]?i?B"

# Programs that a build of toyland runs on the host, and the package that has each.
HOST_TOOLS = {
    "apt-get": "apt", "apt-config": "apt", "dpkg-deb": "dpkg", "mkfs.ext4": "e2fsprogs", "mkfs.fat": "dosfstools",
    "mcopy": "mtools", "qemu-img": "qemu-utils",
}


def packages(test):
    test.refuse("an unknown package is named with its stage", test.spec("unknown", image={"packages": ["toy-nonesuch"]}),
                2, FILE + r": stage 'image': apt: unknown package 'toy-nonesuch'.*")
    test.refuse("a dependency that nobody has is told with its stage",
                test.spec("orphan", image={"packages": ["toy-orphan"]}), 2,
                FILE + r": stage 'image': apt: packages that cannot be installed together: toy-orphan.*toy-nowhere.*")
    test.refuse("a package whose script fails is named with its stage",
                test.spec("failing", image={"packages": ["toy-failing"]}), 1,
                r"stage 'image': .*toy-failing.*the reason of toy-failing.*")

    def resolves_anew():
        done = test.vmforge("build", test.spec("other-core", core={"files": [{"content": "x", "to": "/etc/x"}]}))
        return done.stderr if done.returncode else None
    test.attempt("a dependency that the stages below do not have is installed with what needs it", resolves_anew)


def mirrors(test):
    for mirror, status, message in (
            ("closed", 3, r".*127\.0\.0\.1.*connect.*'mirrors:'.*"),
            ("stranger", 1, r".*NO_PUBKEY.*signature.*|.*signature.*NO_PUBKEY.*|.*not signed.*"),
            ("unsigned", 1, r".*not signed.*"),
            ("expired", 1, r".*is expired.*"),
            ("damaged", 1, r".*(Hash Sum mismatch|digest|corrupt).*")):
        # Other packages than the common stages have, so that something must be fetched.
        spec = test.spec(f"mirror-{mirror}", mirror=mirror, core={"packages": ["toy-lib", "toy-site"]})
        store = os.path.join(test.work, f"store-{mirror}")  # without the packages that another mirror brought
        test.refuse(f"a mirror that is {mirror} is refused", spec, status, message, store=store)
        test.attempt(f"its store can be closed ({mirror})", lambda: None if fixture.program.close_store(store) else "no")

    def honours_the_host():
        with namespace.apt_settings(test.work + "/lax", 'Acquire::Check-Valid-Until "false";\n'):
            done = test.vmforge("build", test.spec("lax", mirror="expired"))
            return None if done.returncode == 0 else done.stderr
    test.attempt("expired metadata are taken where the host's own apt is told so", honours_the_host)


def disks(test):
    test.refuse("a volume that is too small for its packages says stage, need and key",
                test.spec("huge", image={"packages": ["toy-huge"]}), 1,
                f"stage 'image' needs {SIZE} in a volume of {SIZE}: raise `size` of stage 'image'")
    test.refuse("a volume that fills up says stage, size and key",
                test.spec("understated", image={"packages": ["toy-understated"]}), 1,
                f"stage 'image' needs more than the {SIZE} of its volume: raise `size` of stage 'image'")
    test.refuse("a disk that a script fills says so",
                test.spec("filling", appliance={"run": ["dd if=/dev/zero of=/fill bs=1M"]}), 1,
                f"stage 'appliance' needs more than the {SIZE} of its volume: raise `disk.size`")
    test.refuse("a disk smaller than the stages below is refused before anything is built",
                test.spec("shrinking", disk={"size": "192MiB"}), 2, FILE + r":\d+:\d+: 'size' in 'disk' must be from 256MiB.*'192MiB'.*")


def stores(test):
    spec = test.spec("stores")

    def read_only():
        folder = os.path.join(test.work, "read-only")
        os.makedirs(folder)
        with namespace.mounted(folder, folder, flags=namespace.MS_BIND | namespace.MS_RDONLY):
            return judge(test.vmforge("build", spec, store=folder), 3, f"cannot .*'{quoted(folder)}.*Read-only.*")

    def full():
        folder = os.path.join(test.work, "small")
        with namespace.small_filesystem(folder, 96):
            done = test.vmforge("build", spec, store=folder + "/store")
            test.vmforge("store", "umount", store=folder + "/store")
            return judge(done, 1, f"not enough space in store '{quoted(folder)}/store' .*: {SIZE} needed, {SIZE} available.*")

    def is_a_file():
        return judge(test.vmforge("build", spec, store=test.empty), 3,
                     f"the store '{quoted(test.empty)}' is a file, not a folder")

    def holds_other_files():
        return judge(test.vmforge("build", spec, store=test.toy.folder), 3,
                     f"'{quoted(test.toy.folder)}' is no vmforge store and not empty.*")

    def as_nobody():
        shipped = os.path.join(fixture.program.SOURCE, "specs", "debian-12.yaml")
        done = namespace.run_as_nobody([fixture.program.PROGRAM, "build", shipped, "--store", "/tmp/nobody"])
        return judge(done, 3, ".*root.*")

    test.attempt("a store that cannot be written is named", read_only)
    test.attempt("a store whose disk is too small is named", full)
    test.attempt("a store that is a file is refused", is_a_file)
    test.attempt("a folder with other files is refused as store", holds_other_files)
    test.attempt("a user who is not root is told so", as_nobody)


def tools(test):
    for tool, package in HOST_TOOLS.items():
        # In a store of its own, where nothing is known or built yet.
        store = os.path.join(test.work, "store-" + tool)
        spec = test.spec("tools", output={"formats": ["raw", "qcow2"]})

        def build(tool=tool, package=package, spec=spec, store=store):
            path = fixture.shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin")
            with namespace.without_program(path, test.empty):
                return judge(test.vmforge("build", spec, store=store), 3, f".*'{quoted(tool)}'.*package '{quoted(package)}'.*")
        test.attempt(f"without {tool} the build names the package {package}", build, store)
        fixture.program.close_store(store)


def scripts(test):
    test.refuse("a failing command is told with stage, position, status and last line",
                test.spec("command", appliance={"run": ["echo first; echo the last words >&2; exit 7"]}), 1,
                r"stage 'appliance': run\[0\] \(.*command\.yaml:\d+:\d+\) exited with status 7: the last words")
    test.toy.write("fails.sh", "#!/bin/sh\necho in a script\nexit 5\n")
    test.refuse("a failing script likewise", test.spec("script", image={"run": [{"script": "fails.sh"}]}), 1,
                r"stage 'image': run\[0\] \(.*script\.yaml:\d+:\d+\) exited with status 5: in a script")
    test.refuse("a script without the interpreter that it names fails",
                test.spec("interpreter", appliance={"run": [{"script": test.toy.write("odd.sh", "#!/bin/odd\n")}]}), 1,
                r"stage 'appliance': run\[0\].*")

    def has_no_network():
        spec = test.spec("offline", appliance={"run": ["bash -c 'echo > /dev/tcp/127.0.0.1/%s'"
                                                       % test.toy.server.server_address[1]]})
        return judge(test.vmforge("build", spec), 1, r"stage 'appliance': run\[0\].*exited with status 1.*")
    test.attempt("a script has no network, not even that of the host itself", has_no_network)


def files(test):
    def content(to):
        return {"files": [{"content": "escaped\n", "to": to}]}
    test.refuse("a path with '..' that leaves the root filesystem is refused",
                test.spec("dots", appliance=content("/../../../escaped")), 2,
                r".*'/\.\./\.\./\.\./escaped'.*(leaves|\.\.).*|.*dots\.yaml:\d+:\d+: .*")
    test.refuse("a path that leaves it through a symbolic link of a package is refused",
                test.spec("link", image={"packages": ["toy-links"]}, appliance=content("/srv/up/escaped")), 2,
                r"stage 'appliance': files\[0\] to '/srv/up/escaped': .*leaves the root filesystem through.*")

    def stays_inside():
        spec = test.spec("inside", image={"packages": ["toy-links"]}, appliance=content("/srv/etc/escaped"))
        done = test.vmforge("build", spec)
        return done.stderr if done.returncode else "the host's /etc was written" if os.path.exists("/etc/escaped") else None
    test.attempt("an absolute link in the image means the image's own folder", stays_inside)
    test.tap.ok(not os.path.exists("/tmp/escaped") and not os.path.exists("/escaped"), "nothing escaped to the host")
    test.refuse("a file that is absent is named",
                test.spec("absent", appliance={"files": [{"from": "nonesuch.conf", "to": "/etc/x"}]}), 2,
                r".*absent\.yaml:\d+:\d+: .*nonesuch\.conf.*")
    test.refuse("an owner that the image does not know is named",
                test.spec("owner", appliance={"files": [{"content": "x", "to": "/x", "owner": "stranger"}]}), 2,
                r"stage 'appliance': files\[0\] to '/x': .*'stranger'.*")


def run(test):
    def build_common():
        done = test.vmforge("build", test.spec("common"))
        return done.stderr + done.stdout if done.returncode else None
    if not test.attempt("the common stages build", build_common):
        return
    for group in (packages, mirrors, disks, stores, tools, scripts, files):
        group(test)

    def builds_again():
        done = test.vmforge("build", "--json", test.spec("common"))
        states = fixture.program.stage_events(done)
        return None if set(states.values()) == {"reused"} else done.stdout + done.stderr
    test.attempt("after all of this the common stages are still there", builds_again)


if __name__ == "__main__":
    fixture.main(run)
