#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Links that are cut, that change bytes, their order, or say them twice, at every hundredth of a transfer: what arrives is what
was sent, or nothing; and what was cut goes on."""
import json
import os

from common import RELAY, build, fixture, images, place, program, push, relayed, same, sound, specs, whole

PARTS = int(os.environ.get("VMFORGE_LINK_PARTS", "12"))
assert os.path.exists(RELAY)


def length_of(test, image, target):
    """Bytes that the sender says to this store."""
    count = os.path.join(test.work, "count")
    done, _ = relayed(test, image, target, "count", count)
    if done.returncode:
        raise RuntimeError(program.said(done))
    with open(count, encoding="utf-8") as file:
        return int(file.read())


def points(length):
    """The first bytes, and then everywhere."""
    return sorted({0, 7, 30, *(length * part // PARTS for part in range(1, PARTS)), length - 1})


def learn_length(test):
    with place(test, "length-store") as target:
        push(test, "first", target)
        return length_of(test, "next", target)


def cut(test, length):
    """One store that is cut off again and again, each time a bit later: in the end hardly anything is left to be sent."""
    with place(test, "cut-store") as target:
        cuts = points(length)[:-1]
        for at in cuts:
            done, _ = relayed(test, "first", target, "cut", at)
            if done.returncode == 0 and at > length // 4:
                break  # so little was left that it ended before
            if done.returncode != 1 or "vmforge: " not in done.stderr:
                return f"cut at {at}: {program.said(done)}"
            if images(test, target):
                return f"cut at {at}: half an image is there"
        done, figures = push(test, "first", target)
        if done.returncode:
            return program.said(done)
        with place(test, "uncut-store") as other:
            _, whole_figures = push(test, "first", other)
        if figures.get("moved_bytes", 0) > whole_figures["moved_bytes"] * 0.7:
            return f"what came before was sent again: {figures} of {whole_figures}"
        kept = json.loads(test.vmforge("stages", "list", "--kept", "--json", store=target).stdout)
        return f"left: {kept}" if kept else whole(test, "first", target)


def cut_derived(test, length):
    with place(test, "derived-cut") as target:
        push(test, "first", target)
        for at in points(length):
            done, _ = relayed(test, "next", target, "cut", at)
            if images(test, target) != ["first"] and done.returncode:
                return f"cut at {at}: {images(test, target)} {program.said(done)}"
        done, _ = push(test, "next", target)
        return program.said(done) if done.returncode else whole(test, "next", target) or same(test, "first", target)


def spoilt(test, length, mode):
    """Refused, or unharmed where it changed nothing that counts."""
    with place(test, f"{mode}-store") as target:
        push(test, "first", target)
        refused = 0
        for at in points(length):
            done, _ = relayed(test, "next", target, mode, at)
            if done.returncode == 0:
                problem = same(test, "next", target)
                test.vmforge("images", "rm", "next", store=target)
                test.vmforge("gc", "--keep-days", "0", store=target)
            else:
                refused += 1
                problem = None if images(test, target) == ["first"] else f"published: {images(test, target)}"
            problem = problem or sound(test, target)
            if problem:
                return f"{mode} at {at}: {problem}\n{program.said(done)}"
        if refused < PARTS / 2:
            return f"only {refused} were refused: the test proves nothing"
        done, _ = push(test, "next", target)
        return program.said(done) if done.returncode else whole(test, "next", target)


def run(test):
    for name in ("first", "next"):
        build(test, specs(test)[name])
    with place(test, "first-length") as target:
        whole_length = length_of(test, "first", target)
    derived_length = learn_length(test)
    test.attempt("a transfer that is cut at every point goes on where it stopped", lambda: cut(test, whole_length))
    test.attempt("the same where it began with another image", lambda: cut_derived(test, derived_length))
    for mode, sentence in (("flip", "a bit that is flipped anywhere never gives another image"),
                           ("swap", "bytes in another order do not either"),
                           ("twice", "nor bytes that come twice")):
        test.attempt(sentence, lambda mode=mode: spoilt(test, derived_length, mode))


if __name__ == "__main__":
    fixture.main(run)
