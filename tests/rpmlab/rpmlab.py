#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""The plugin yum with real RPMs: toyland as RPMs, for what is asked and refused; and a distribution that boots (lab.py).

    tests/rpmlab/rpmlab.py [toy | lab]"""
import json
import os
import re
import shutil
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "vm"), os.path.join(HERE, "..", "root")]

# pylint: disable=wrong-import-position
from checks import firmware_is, hostname_is, machine_id_was_made, system_runs
from guest import Guest, make_overlay
from lab import Lab
from program import BUILD, PASSWORD, close_store, said, stage_events, vmforge
from tap import Tap, skip_all
from toyrpm import RpmToyland

PASSWORD_HASH = "$6$vmforge$juq33Hec2xmA65FJT8XzI8zaVps8GuiXlNAxjwVTFv9V.YlPAdIRbXdFGBJtA//e9cTLLXx2M3T3zrxCPWLpY0"
assert PASSWORD == "vmforge-test"


class Place:
    """A distribution and a store."""

    def __init__(self, tap, toy, store):
        self.tap, self.toy, self.store = tap, toy, store

    def vmforge(self, *arguments):
        return vmforge(*arguments, "--store", self.store, env=self.toy.environment)

    def spec(self, name, mirror=None, **keys):
        common = {"core": {"packages": ["toy-lib"]}, "base": {"features": ["site"]}, "image": {"packages": ["toy-hello"]},
                  "appliance": {"hostname": "toy"}}
        return self.toy.spec(name, mirror, **{**common, **keys})

    def attempt(self, sentence, function, *arguments):
        try:
            problem = function(self, *arguments)
        except Exception:  # a verdict, whatever went wrong
            problem = traceback.format_exc()
        self.tap.ok(not problem, sentence, problem)

    def refuse(self, sentence, spec, code, pattern, store=None):
        done = vmforge("build", spec, "--store", store or self.store, env=self.toy.environment)
        lines = [line for line in done.stderr.splitlines() if re.match("vmforge: (?!warning)", line)]
        good = done.returncode == code and len(lines) == 1 and re.search(pattern, lines[0])
        self.tap.ok(good, sentence, f"wanted {code} and /{pattern}/\n{said(done)}")


# ---- toyland


def four_stages(place):
    spec = place.spec("four")
    done = place.vmforge("build", "--json", spec)
    if done.returncode or set(stage_events(done).values()) != {"built"}:
        return said(done)
    done = place.vmforge("build", "--json", spec)
    if set(stage_events(done).values()) != {"reused"}:
        return said(done)
    done = place.vmforge("images", "show", "four", "--json")
    packages = {package["name"]: package["version"] for package in json.loads(done.stdout)["manifest"]["packages"]}
    wanted = {"filesystem": "3-1", "toy-base": "1-1", "toy-lib": "1.2-1", "toy-site": "1-1", "toy-hello": "1:1-1"}
    return None if packages == wanted else f"{packages}"


def removed(place):
    """A package that a stage takes away, and what needs it."""
    spec = place.spec("removed", image={"remove": ["toy-site"]})
    done = place.vmforge("build", spec)
    shown = place.vmforge("images", "show", "removed", "--json")
    if done.returncode or shown.returncode:
        return said(done) + said(shown)
    names = {package["name"] for package in json.loads(shown.stdout)["manifest"]["packages"]}
    return f"{names}" if names != {"filesystem", "toy-base", "toy-lib"} else None


def conformance(place):
    spec = place.spec("checked", core={"packages": ["toy-huge"]}, base={"packages": ["toy-hello"]}, image={"remove": ["toy-hello"]},
                      disk={"size": "1GiB"})
    done = vmforge("plugins", "check", "--work", place.toy.folder, "--spec", spec, f"{BUILD}/plugins/yum/vmforge-yum.so",
                   env=place.toy.environment)
    summary = done.stdout.strip().splitlines()[-1:]
    return None if done.returncode == 0 and " 0 failed, 0 skipped" in summary[0] else said(done, 60)


def offline(place):
    """Nobody is asked, and what the cache lacks is an error."""
    place.toy.server.log.clear()
    done = place.vmforge("build", "--offline", place.spec("again", appliance={"hostname": "other"}))
    return said(done) if done.returncode or place.toy.server.log else None


def toyland(tap, work):
    with RpmToyland(f"{work}/toyland") as toy:
        place = Place(tap, toy, f"{work}/store")
        place.attempt("four stages are built, reused, and listed with epoch, version and release", four_stages)
        place.attempt("nothing is fetched offline", offline)
        place.attempt("what a stage removes is gone", removed)
        no = place.refuse
        no("an unknown package is named", place.spec("a", image={"packages": ["toy-nothing"]}), 2, r"stage 'image': yum: unknown package 'toy-nothing'")
        no("so are two", place.spec("b", image={"packages": ["toy-x", "toy-y"]}), 2, "unknown package 'toy-x', 'toy-y'")
        no("an unknown group is named", place.spec("c", image={"packages": ["@toys"]}), 2, "unknown group '@toys'")
        no("what cannot be solved is told with dnf's reason", place.spec("d", image={"packages": ["toy-orphan"]}), 2,
           "packages do not fit together: .*nothing provides toy-nowhere needed by toy-orphan-1-1.noarch")
        no("a scriptlet that fails fails the build", place.spec("e", image={"packages": ["toy-failing"]}), 1,
           r"rpm: %post\(toy-failing-1-1.noarch\) scriptlet failed, exit status 9")
        no("a signature by another key is refused", place.spec("f", "stranger"), 1, r"package '\S+' \S+ is not signed with a key of the profile")
        no("so is a package without any", place.spec("g", "unsigned"), 1, r"package '\S+' \S+ is not signed with a key of the profile")
        no("an archive of another digest is refused", place.spec("h", "damaged"), 1, "fetch/[0-9a-f]{16}-[a-z-]+' has SHA-256 [0-9a-f]{64}, not",
           store=f"{work}/empty")  # in the other are good ones
        no("broken metadata are told", place.spec("i", "broken"), 1, "cannot update the metadata of repositories: ")
        no("nobody who answers is a matter of the machine", place.spec("j", "closed"), 3, "Could ?n.t connect|refused")
        place.attempt("the plugin interface is kept", conformance)
        toy.pin("0123456789ABCDEF0123456789ABCDEF01234567")
        no("a key of another fingerprint is refused", place.spec("k"), 1, r"the key '\S+' has fingerprint [0-9A-F]{40}, and the profile wants 0123")
        toy.pin(None)
        no("a release without keys is not built", place.spec("l"), 2, "has no keys for release 'toy', and unsigned packages are not installed")
        close_store(place.store)
        close_store(f"{work}/empty")


# ---- the lab


def build_lab(place):
    spec = place.toy.spec("lab", disk={"size": "1536MiB", "filesystem": "ext4", "firmware": ["bios", "uefi"]},
                          core={"features": ["kernel", "bootloader"]}, base={"features": ["ssh"]}, image={"packages": ["less"]},
                          appliance={"hostname": "lab1", "users": [{"name": "root", "password": PASSWORD_HASH}]})
    done = place.vmforge("build", spec)
    return said(done) if done.returncode else None


def database_is_whole(guest, _):
    status, found = guest.run("rpm --query less openssh-server && rpm --verify --all --nofiles && rpm --query --all | wc -l", deadline=240)
    return found if status else None


BOOTED = (("comes up with no failed unit", system_runs), ("was started by that firmware", firmware_is), ("has its name", hostname_is),
          ("made a machine id", machine_id_was_made), ("has a whole rpm database", database_is_whole))


def boot(place, work, firmware):
    path = place.vmforge("images", "path", "lab").stdout.strip()
    expected = {"firmware": firmware}
    with Guest(make_overlay(path, f"{work}/{firmware}.qcow2"), firmware=firmware, log=f"{work}/{firmware}.console") as guest:
        expected["hostname"] = guest.wait_for_login()
        guest.login("root", PASSWORD)
        for sentence, check in BOOTED:
            problem = check(guest, expected)
            place.tap.ok(not problem, f"under {firmware} the lab {sentence}", problem)
    return None if expected["hostname"] == "lab1" else f"its name is {expected['hostname']}"


def lab(tap, work):
    with Lab(f"{work}/lab") as distribution:
        place = Place(tap, distribution, f"{work}/lab-store")
        place.attempt("a distribution is built through all four stages", build_lab)
        for firmware in "bios", "uefi":
            place.attempt(f"it boots under {firmware}", boot, work, firmware)
        close_store(place.store)


def main(wanted):
    if os.geteuid():
        skip_all("needs root")
    for program in "dnf", "rpmbuild", "createrepo_c", "bsdtar":
        if not shutil.which(program):
            skip_all(f"needs {program}")
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="vmforge-rpmlab.", dir=os.environ.get("VMFORGE_TEST_RUN") or "/var/tmp") as work:
        for name, part in (("toy", toyland), ("lab", lab)):
            if name in (wanted or ("toy", "lab")):
                part(tap, work)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
