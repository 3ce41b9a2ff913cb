# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What a store keeps and gives up: volumes of failed builds, older images, stages that are needed."""
import json
import os
import re
import subprocess

import fixture
from fixture import program

KEPT_IMAGES = 3  # what the configuration says by default


def listing(test, *command):
    done = test.vmforge(*command, "--json")
    if done.returncode:
        raise RuntimeError(program.said(done))
    return json.loads(done.stdout)


def succeed(test, *command):
    done = test.vmforge(*command)
    return program.said(done) if done.returncode else None


def refused(test, message, *command):
    return fixture.judge(test.vmforge(*command), 2, message)


def shell(test, word, commands):
    """What they print in `vmforge shell`."""
    done = subprocess.run([program.PROGRAM, "shell", word, "--store", test.store], input=commands, text=True,
                          capture_output=True, check=False, timeout=60)
    return done.stdout if done.returncode == 0 else program.said(done)


def show_kept(test):
    """A volume is kept, entered, kept on, and removed."""
    spec = test.spec("kept", image={"packages": ["toy-hello"], "run": ["echo as it was >/srv/kept; exit 7"]})
    done = test.vmforge("build", "--keep-failed", spec)
    told = re.search(r"enter it with 'vmforge shell ([0-9a-f]+)'", done.stderr)
    if not test.tap.ok(done.returncode == 1 and told, "--keep-failed keeps the volume and says how to enter it",
                       program.said(done)):
        return
    volume = told[1]
    inside = shell(test, volume, "cat /srv/kept; echo and more >>/srv/kept\n")
    test.tap.ok(inside == "as it was\n", "`vmforge shell` shows what the failed step left", inside)
    problem = succeed(test, "build", test.spec("meanwhile"))
    kept = [one["volume"] for one in listing(test, "stages", "list", "--kept")]
    test.tap.ok(not problem and kept == [volume], "the next build leaves the kept volume alone", problem or kept)
    inside = shell(test, volume[:8], "cat /srv/kept\n")
    test.tap.ok(inside == "as it was\nand more\n", "what is changed in a kept volume stays there", inside)

    def remove():
        return succeed(test, "stages", "rm", volume) or listing(test, "stages", "list", "--kept")
    test.attempt("`stages rm` removes the kept volume, and nothing of it is left", remove)


def version_of(test, word):
    """What the image of this name says in /srv/number."""
    return shell(test, word, "cat /srv/number\n").strip()


def digests(test):
    return [one["digest"] for one in listing(test, "images", "list", "--all") if one["name"] == "moving"]


def show_images(test):
    """Rebuilds of one name, from 1 on, each with its number in a file."""
    counts = []
    for number in range(1, KEPT_IMAGES + 2):
        problem = succeed(test, "build", test.spec("moving", appliance={
            "files": [{"content": f"{number}\n", "to": "/srv/number"}]}))
        counts.append(problem or len(digests(test)))
        if number == 2:
            test.tap.ok(version_of(test, "moving") == "2", "a rebuild moves the name")
            old = digests(test)[1]
            test.tap.ok(version_of(test, old) == "1", "the older image is still there, by its digest")
    wanted = [min(number, KEPT_IMAGES) for number in range(1, KEPT_IMAGES + 2)]
    test.tap.ok(counts == wanted, "older images are kept up to keep_images", counts)
    test.attempt("an image that retention gave up is unknown", lambda: refused(test, ".*", "images", "path", old))
    path = test.vmforge("images", "path", "moving").stdout.strip()
    test.tap.ok(os.path.isfile(path), "`images path` names a file", path)
    problem = succeed(test, "images", "rm", "moving")
    now = version_of(test, "moving")
    test.tap.ok(not problem and now == str(KEPT_IMAGES), "after `images rm` the older image has the name",
                problem or now)
    test.attempt("`images rm --all` removes what is left of a name",
                 lambda: succeed(test, "images", "rm", "--all", "moving") or digests(test))
    test.attempt("an image that is not there cannot be removed",
                 lambda: refused(test, ".*'moving'.*", "images", "rm", "moving"))


def show_outputs(test):
    """Files beside the store, named as a user in some folder would."""
    folder = os.path.join(test.work, "outputs")
    os.makedirs(folder)
    spec = test.spec("written", appliance={"hostname": "written"})

    def written(path, form, *command):
        done = test.vmforge(*command, cwd=folder)
        if done.returncode:
            return program.said(done)
        image = test.vmforge("images", "path", "written").stdout.strip()
        same = subprocess.run(["qemu-img", "compare", "-f", "raw", "-F", form, image, os.path.join(folder, path)],
                              capture_output=True, text=True, check=False)
        os.unlink(os.path.join(folder, path))
        return same.returncode and same.stdout + same.stderr
    test.attempt("a relative --output is written in this folder, as qcow2", lambda: written(
        "image.qcow2", "qcow2", "build", spec, "--output", "image.qcow2", "--format", "qcow2"))
    test.attempt("the name of --output chooses the format", lambda: written(
        "image.qcow2", "qcow2", "build", spec, "--output", "image.qcow2"))
    test.attempt("an export is of the format that its name ends in", lambda: written(
        "exported.qcow2", "qcow2", "export", "written", "--output", "exported.qcow2"))
    test.attempt("an export goes into a relative folder, as raw", lambda: written(
        "out/written-0-x86_64.raw", "raw", "export", "written", "--format", "raw", "--output", "out/"))


def show_talk(test):
    """What the program says to people."""
    done = test.vmforge("build", test.spec("talking", appliance={"hostname": "talking"}))
    test.tap.ok(done.stdout.startswith("plan: reading package metadata of toyland toy"),
                "a build says what it plans with", program.said(done))
    hint = f"\nboot it with: {program.PROGRAM} run --store {test.store} talking\n"
    test.tap.ok(hint in done.stdout, "a build says how to boot the image, with the program as it was called",
                program.said(done))
    test.attempt("`run` without a terminal is refused", lambda: refused(
        test, "standard input is no terminal to talk to the machine: .*", "run", "talking"))


def results(test, *arguments):
    """Of the specs, in the summary for programs and in that for people; one stage at a time, in the order given."""
    arguments = ("--jobs", "1", *arguments)
    done = test.vmforge("build", "--json", *arguments)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = [one["result"] for event in events if event["event"] == "summary" for one in event["specs"]]
    done = test.vmforge("build", *arguments)
    table = done.stdout[done.stdout.rfind("\nSPEC "):].splitlines()[2:]
    return told, [re.split(" {2,}", line)[-1] for line in table], done.returncode


def show_results(test):
    good = [test.spec(name, appliance={"hostname": name}) for name in ("one", "three")]
    bad = test.spec("two", appliance={"run": ["exit 1"]})
    got = results(test, good[0], bad, good[1])
    wanted = ["built", "failed", "not begun"]
    test.tap.ok(got == (wanted, wanted, 1), "where one of several specs fails, each has its line", got)
    # Nobody can make a folder there, which shows only when it is tried.
    got = results(test, "--output", "/proc/vmforge-no-such/", *good)
    wanted = ["failed", "not begun"]
    test.tap.ok(got == (wanted, wanted, 1), "where an output fails, each spec has its line as well", got)


def compare(first, second):
    """Nothing, or how the contents of a raw and a qcow2 disk differ."""
    same = subprocess.run(["qemu-img", "compare", "-f", "raw", "-F", "qcow2", first, second],
                          capture_output=True, text=True, check=False)
    return same.returncode and same.stdout + same.stderr


def show_formats(test):
    """Formats that the store keeps. The content is another one with every build."""
    folder = os.path.join(test.store, "exports")
    before = set(os.listdir(folder))
    spec = test.spec("formats", appliance={"run": ["cat /proc/sys/kernel/random/uuid >/srv/uuid"]},
                     output={"formats": ["raw", "qcow2"]})

    def paths():
        return [test.vmforge("images", "path", "formats", *more).stdout.strip() for more in ((), ("-f", "qcow2"))]
    test.attempt("`images path --format` names what a build has kept", lambda: succeed(test, "build", spec) or compare(
        *paths()))
    top = json.loads(test.vmforge("images", "show", "--json", "formats").stdout)["stage"]
    test.attempt("`images rm` removes the formats of the image", lambda: succeed(
        test, "images", "rm", "formats") or set(os.listdir(folder)) - before)
    test.attempt("a stage that was removed and built again is not told by an older format", lambda: succeed(
        test, "stages", "rm", top) or succeed(test, "build", spec) or compare(*paths()))
    test.attempt("a build up to a stage keeps no format of it", lambda: succeed(
        test, "images", "rm", "formats") or succeed(test, "build", "--until", "image", spec) or set(
            os.listdir(folder)) - before)


def show_refusals(test, start):
    """start(spec): a build that runs."""
    problem = succeed(test, "build", test.spec("needed", appliance={"hostname": "needed"}))
    stages = {one["key"]: one for one in listing(test, "stages", "list")}
    image = json.loads(test.vmforge("images", "show", "--json", "needed").stdout)
    top = image.get("stage") or image["manifest"]["stage"]
    below = stages[top]["parent"]
    test.attempt("a stage of an image is not removed", lambda: problem or refused(
        test, f"stage {top[:12]} is needed by image needed:.*: remove those first", "stages", "rm", top))
    test.attempt("a stage below others is not removed", lambda: refused(
        test, f"stage {below[:12]} is needed by .*stage {top[:12]} \\(appliance\\).*", "stages", "rm", below))

    def remove_free():
        return succeed(test, "images", "rm", "needed") or succeed(test, "stages", "rm", top[:12]) or [
            one for one in listing(test, "stages", "list") if one["key"] == top]
    test.attempt("a stage that nobody needs is removed", remove_free)

    def remove_used():
        spec = test.spec("using", base={"packages": ["toy-slow"]})
        running = start(spec)
        running.wait_for("base", lambda event: event["state"] == "building")
        running.wait_for("base", lambda event: event["state"] == "building" and in_work(test))
        core = running.stages("key")["core"]
        done = test.vmforge("stages", "rm", core)
        status = running.finish()
        return running.text[-1500:] if status else fixture.judge(
            done, 2, f"stage {core[:12]} is needed by .*process {running.pid}, which works with it now.*")
    test.attempt("a stage that a running build works with is not removed", remove_used)


def in_work(test):
    """A volume is being built."""
    return any(name.endswith(".json") for name in os.listdir(f"{test.store}/building"))
