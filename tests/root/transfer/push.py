#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Images go to other stores: whole, and no more of them than what is not there."""
import json
import os
import pathlib
import subprocess
import time

import rude
from common import build, fixture, images, judge_error, path_of, place, program, push, relayed, same, specs, trust, whole

KIB = 1024
NOBODY = 65534


def to_nowhere(test):
    """Into a store that is made."""
    with place(test, "empty-store") as target:
        done, figures = push(test, "first", target)
        if done.returncode:
            return program.said(done)
        return whole(test, "first", target) or (None if figures["moved_bytes"] < figures["image_bytes"] / 4 else figures)


def again(test):
    with place(test, "again-store") as target:
        push(test, "first", target)
        done, figures = push(test, "first", target)
        return program.said(done) if done.returncode else None if figures["wire_bytes"] < 16 * KIB else figures


def derived(test):
    """What it has more than an image that is there."""
    with place(test, "derived-store") as target:
        _, before = push(test, "first", target)
        done, figures = push(test, "next", target)
        if done.returncode or figures["moved_bytes"] > before["moved_bytes"] / 4 or figures["index_bytes"] > 16 * KIB:
            return f"{figures} {program.said(done)}"
        return whole(test, "next", target) or same(test, "first", target)


def back(test):
    """An image whose content is known under another name, and one that is smaller than what is there."""
    with place(test, "back-store") as target:
        push(test, "next", target)
        done, figures = push(test, "first", target)
        if done.returncode or figures["moved_bytes"] > 4096 * KIB:
            return f"{figures} {program.said(done)}"
        return whole(test, "first", target)


def independent(test):
    """Built apart, in another store: the same files lie elsewhere. Both ways: the sender knows none of the receiver's."""
    with place(test, "apart-store", ()) as apart, place(test, "apart-target") as target:
        build(test, specs(test)["other"], apart)
        trust(test, target, apart)
        _, before = push(test, "first", target)
        done, figures = push(test, "other", target, store=apart)
        if done.returncode or figures["moved_bytes"] > before["moved_bytes"] / 3:
            return f"{figures} of {before} {program.said(done)}"
        return whole(test, "other", target, apart)


def known_elsewhere(test):
    """The sender has both, the receiver one, and they share blocks at other places alone."""
    with place(test, "known-store") as target, place(test, "known-target") as empty:
        build(test, specs(test)["other"])
        _, before = push(test, "other", empty)
        push(test, "first", target)
        done, figures = push(test, "other", target)
        if done.returncode or figures["moved_bytes"] > before["moved_bytes"] / 3 or figures["index_bytes"] > 64 * KIB:
            return f"{figures} of {before} {program.said(done)}"
        return whole(test, "other", target)


def relay(test):
    """Over what stands for ssh; and over a link that stalls."""
    with place(test, "relay-store") as target:
        count = os.path.join(test.work, "count")
        done, figures = relayed(test, "first", target, "count", count)
        with open(count, encoding="utf-8") as file:
            passed = int(file.read())
        if done.returncode or not passed < figures["wire_bytes"] < passed + 64 * KIB:
            return f"{passed} {figures} {program.said(done)}"
        done, _ = relayed(test, "next", target, "slow", 100 * KIB)
        return program.said(done) if done.returncode else whole(test, "next", target)


def two_at_once(test):
    """One receives, the other waits, and then it is there."""
    with place(test, "two-store") as target:
        command = [program.PROGRAM, "push", "first", f"file://{target}", "--store", test.store]
        running = [subprocess.Popen(command, env=test.toy.environment, stdout=subprocess.DEVNULL) for _ in range(2)]
        ends = [process.wait() for process in running]
        stages = json.loads(test.vmforge("stages", "list", "--json", store=target).stdout)
        return f"{ends} {stages}" if ends != [0, 0] or len(stages) != 1 else whole(test, "first", target)


def repaired(test):
    """A damaged volume takes the image with it that was received as it; what another sender brings is whole again."""
    with place(test, "rots") as target:
        push(test, "first", target)
        with open(path_of(test, "first", target), "r+b") as volume:
            volume.seek(1 << 20)
            byte = volume.read(1)
            volume.seek(1 << 20)
            volume.write(bytes([byte[0] ^ 1]))
        done = test.vmforge("verify", "--json", "first", store=target)
        told = json.loads(done.stdout)
        if told["good"] or "not good: 1 fault: `vmforge fsck --repair`" not in told["message"] or done.returncode != 1:
            return program.said(done)
        done = test.vmforge("fsck", "--repair", store=target)
        if "removed image first:0@" not in done.stdout or images(test, target):
            return program.said(done)
        push(test, "first", target)
        return whole(test, "first", target)


def collected(test):
    """What is received is collected like a stage, when no image needs it."""
    with place(test, "gc-store") as target:
        push(test, "first", target)
        test.vmforge("images", "rm", "first", store=target)
        done = test.vmforge("gc", "--keep-days", "0", "--json", store=target)
        removed = [one["kind"] for one in json.loads(done.stdout)["removed"]]
        return None if "stage" in removed else program.said(done)


def offered(test, image="first"):
    """(manifest, its one signature)"""
    done = json.loads(test.vmforge("images", "show", "--json", image).stdout)
    folder = f"{test.store}/repository/images/{done['digest']}"
    return [pathlib.Path(f"{folder}/{name}").read_text(encoding="utf-8") for name in ("manifest.json", "manifest.json.minisig")]


def foreign_signatures(test):
    """What lies beside a good signature in an offer takes nothing from the image: not its place in the repository, nor the
    signature that counts."""
    manifest, good = offered(test)
    lines = good.splitlines(keepends=True)
    forged = lines[0] + lines[1][:60] + ("A" if lines[1][60] != "A" else "B") + "".join([lines[1][61:], *lines[2:]])
    with place(test, "signed-store") as target, place(test, "signed-target") as end:
        push(test, "first", target)
        for signatures in ([good, "no signature"], [good, forged]):
            with rude.Sender(test, target) as sender:
                sender.offer(manifest, signatures)
            done = test.vmforge("repo", "refresh", store=target)
            if done.returncode:
                return f"{signatures[1]!r}: {program.said(done)}"
        trust(test, end, target)
        trust(test, end)
        done = test.vmforge("pull", f"file://{target}/repository", "first", store=end)
        return program.said(done) if done.returncode else whole(test, "first", end)


def long_runs(test):
    """Memory is bounded by what a frame may say, before anything is made of it."""
    manifest, good = offered(test)
    with place(test, "runs-store") as target, rude.Sender(test, target) as sender:
        sender.offer(manifest, [good])
        sender.say(rude.BEGIN, rude.NOBODY.to_bytes(4, "little"))
        sender.say(rude.ZERO, rude.number(4097) + b"\1\1" * 4097)
        sender.say(rude.END)
        try:
            sender.hear(rude.DONE)
        except RuntimeError as error:
            return None if "makes no sense" in str(error) else str(error)
        return "it was taken"


def many_values(test):
    """Some kilobytes on the wire, that would be gigabytes once they are read."""
    manifest, good = offered(test)
    with place(test, "values-store") as target, rude.Sender(test, target) as sender:
        try:
            sender.offer(manifest, [good], more=[0] * (1 << 20))
        except RuntimeError as error:
            return None if "more than a million values" in str(error) else str(error)
        return "it was taken"


def bad_places(test):
    for url, pattern in (("http://example.org/store", "is no place to push to"), ("file://host/store", "is no place"),
                         ("ssh://-oProxyCommand=x/store", "is no place"), ("ssh://host", "is no place"),
                         ("/srv/store", "is no place")):
        done = test.vmforge("push", "first", url)
        problem = judge_error(done, pattern, 2)
        if problem:
            return f"{url}: {problem}"
    return judge_error(test.vmforge("push", "nobody", "file:///nowhere"), "no image or stage 'nobody'", 2)


def not_trusted(test):
    """A store takes what a key that it trusts has signed, or says what to do."""
    with place(test, "trusts-nobody", ()) as target:
        done, _ = push(test, "first", target)
        told = json.loads(done.stdout.splitlines()[-1])["message"]
        problem = judge_error(done, "not trusted here.*key trust") or (None if "key trust" in told else told)
        if problem or images(test, target) or json.loads(test.vmforge("stages", "list", "--json", store=target).stdout):
            return problem or "it was taken all the same"
        trust(test, target)
        done, _ = push(test, "first", target)
        if done.returncode:
            return program.said(done)
        key = test.vmforge("key", "export").stdout.splitlines()[0].split()[-1]
        test.vmforge("key", "revoke", key, store=target)
        done, _ = push(test, "next", target)
        return judge_error(done, "was revoked")


def digest_of(test, image, store=None):
    return json.loads(test.vmforge("images", "show", "--json", image, store=store).stdout)["digest"]


def older(test):
    """What was signed once stays signed: who has it cannot make it the current image again."""
    for word in ("old", "new"):
        build(test, test.spec("aged", appliance={"hostname": word}))
        old = digest_of(test, "aged") if word == "old" else old
        time.sleep(1.1)  # images are dated to the second
    with place(test, "ages") as target:
        push(test, "aged", target)
        done, _ = push(test, old, target)
        problem = judge_error(done, "aged:0@x86_64 is not taken: it is older than the one of that name")
        if problem or digest_of(test, "aged", target) != digest_of(test, "aged"):
            return problem or "the old one is the current one"
        test.vmforge("images", "rm", "aged", store=target)
        done, _ = push(test, old, target)
        return None if done.returncode == 0 and digest_of(test, "aged", target) == old else program.said(done)


def without_root(test):
    """A user who is not root has a store of their own: it receives, pulls, serves, verifies and forgets."""
    folder = os.path.join(test.work, "of-nobody")
    os.makedirs(folder)
    os.chmod(test.work, 0o755)
    os.chown(folder, NOBODY, NOBODY)
    target = os.path.join(folder, "store")
    run_as = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    rsh = os.path.join(test.work, "rsh")
    with open(rsh, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nshift\nPATH={os.path.dirname(program.PROGRAM)}:$PATH exec {" ".join(run_as)} sh -c "$*"\n')
    os.chmod(rsh, 0o755)
    key = os.path.join(folder, "service.pub")
    with open(key, "w", encoding="utf-8") as file:
        file.write(test.vmforge("key", "export").stdout)

    def as_nobody(*arguments):
        return subprocess.run([*run_as, program.PROGRAM, *arguments, "--store", target], check=False, text=True,
                              capture_output=True, env=test.toy.environment)
    url = f"file://{test.store}/repository"
    for done in (as_nobody("key", "trust", key, "--role", "service"), push(test, "first", f"ssh://nobody{target}", "--rsh", rsh)[0],
                 as_nobody("verify", "first"), as_nobody("pull", url, "next"), as_nobody("images", "path", "next"),
                 as_nobody("export", "next", "--output", f"{folder}/next.raw"), as_nobody("diff", "first", "next"),
                 as_nobody("images", "rm", "first"), as_nobody("gc", "--keep-days", "0"), as_nobody("fsck"),
                 as_nobody("repo", "refresh"), as_nobody("verify", "next")):
        if done.returncode:
            return program.said(done)
    done = subprocess.run([*run_as, program.PROGRAM, "pull", url, "next", "--store", test.store], check=False, text=True,
                          capture_output=True)
    return judge_error(done, "needs root|Permission denied", 3)


def foreign_folder(test):
    """A folder that is no store stays as it is."""
    with place(test, "foreign", ()) as target:
        os.makedirs(target)
        with open(f"{target}/letter", "w", encoding="utf-8") as file:
            file.write("dear\n")
        done, _ = push(test, "first", target)
        left = os.listdir(target)
        os.unlink(f"{target}/letter")
        return judge_error(done, "the peer says: .*(letter|holds other files|is no store)") or (None if left == ["letter"] else left)


def not_the_protocol(test):
    """Something else at the other end."""
    with place(test, "chatter", ()) as target:
        for rsh, pattern in (("echo hello to all of you", "not the protocol|did not answer"), ("true", "did not answer"), ("false", "did not answer"),
                             ("sh -c 'cat /dev/zero'", "not the protocol"), ("/nonexistent/ssh", "cannot reach")):
            done, _ = push(test, "first", f"ssh://host{target}", "--rsh", rsh)
            problem = judge_error(done, pattern, 3 if "nonexistent" in rsh else 1)
            if problem:
                return f"{rsh}: {problem}"
    return None


def run(test):
    for name in ("first", "next"):
        build(test, specs(test)[name])
    for sentence, function in (
            ("an image goes into a store that is made for it, and is the same there", to_nowhere),
            ("an image that is there is not sent again", again),
            ("of a derived image what it has more travels, and the other stays as it was", derived),
            ("an image comes upon one that was made of it", back),
            ("of one that was built apart, what is somewhere in the other store does not travel", independent),
            ("what lies elsewhere in both stores is not even asked for", known_elsewhere),
            ("what is said of the bytes on the wire is so, and a slow link does no harm", relay),
            ("two that push the same image at once make one of it", two_at_once),
            ("a received image that is damaged is removed by fsck, and comes again", repaired),
            ("what was received is collected when nothing needs it", collected),
            ("URLs that name no store are refused, and images that are not there", bad_places),
            ("what a key has signed that is not trusted, or was revoked, is not taken", not_trusted),
            ("an image is not taken that is older than the one of its name", older),
            ("signatures that are none, or forged, take nothing from the good one", foreign_signatures),
            ("a frame with more runs than one may have is refused", long_runs),
            ("an offer of more values than memory is for is refused", many_values),
            ("a user who is not root has a store of their own", without_root),
            ("a folder that is no store is refused and stays", foreign_folder),
            ("an end that is no vmforge is told of", not_the_protocol)):
        test.attempt(sentence, lambda function=function: function(test))
    assert images(test, test.store)


if __name__ == "__main__":
    fixture.main(run)
