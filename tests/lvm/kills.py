# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Builds that are killed, each before or after one of the LVM commands that it runs; and that nothing of them stays."""
import os
import random
import shutil
import time

from world import WORK, said

# The build is killed by who started it: workers have process ids of their own.
SCRIPT = """#!/bin/bash
# Stands in for lvm: runs it, and waits to be killed at the command whose number is in the file `number`.
cd {work} || exit 1
count=$(($(cat count) + 1))
echo $count >count
wait_here () {{ [ $count != "$(cat number)" ] || [ "$(cat when)" != "$1" ] || {{ touch reached; sleep 100; exit 1; }}; }}
wait_here before
(exec -a "${{0##*/}}" ./lvm "$@")
status=$?
wait_here after
exit $status
"""


def write(name, text):
    with open(f"{WORK}/kills/{name}", "w", encoding="ascii") as file:
        file.write(str(text))


def make_script(number, when):
    """Its path."""
    os.makedirs(f"{WORK}/kills", exist_ok=True)
    shutil.copy(os.path.realpath(shutil.which("lvm")), f"{WORK}/kills/lvm")
    for name, text in (("number", number), ("when", when), ("count", 0)):
        write(name, text)
    if os.path.exists(f"{WORK}/kills/reached"):
        os.unlink(f"{WORK}/kills/reached")
    write("script", SCRIPT.format(work=f"{WORK}/kills"))
    os.chmod(f"{WORK}/kills/script", 0o755)
    return f"{WORK}/kills/script"


def run_killed(place, number, when):
    """Whether the build came so far."""
    spec = place.spec("doomed", appliance={"hostname": f"{when}-{number}", "run": ["sleep 0.1"]})
    with place.start(spec, stand_in=("lvm", make_script(number, when))) as run:
        while run.poll() is None and not os.path.exists(f"{WORK}/kills/reached"):
            time.sleep(0.05)
        run.kill()
        out, errors = run.communicate()
    if run.returncode not in (0, -9):
        raise RuntimeError(f"it ended with {run.returncode} by itself: {out}{errors}")
    return run.returncode != 0


def what_is_left(place, before):
    """After the next command that opens the storage."""
    done = place.vmforge("gc", "--keep-days", "1000")
    rows = place.volumes()
    building = {name for name, row in rows.items() if "building" in row["lv_tags"]}
    if done.returncode or building or not before <= set(rows):
        return f"{building}\n{said(done)}"
    return place.unquiet()


def killed(world, steps=None):
    """At three steps of a build, or at each."""
    place = world.shared()
    place.build(place.spec("base"))
    before = set(place.volumes())
    for number in steps or sorted(random.sample(range(1, 10), 3)):
        for when in ("before", "after") if steps else (random.choice(("before", "after")),):
            reached = run_killed(place, number, when)
            problem = what_is_left(place, before)
            world.tap.diagnose(f"killed {when} command {number}" if reached else f"no command {number}")
            if problem:
                return f"killed {when} command {number}: {problem}"
        if steps and not reached:
            break
    done = place.vmforge("fsck")
    return said(done) if done.returncode else place.unquiet()


def every_step(world):
    return killed(world, range(1, 100))
