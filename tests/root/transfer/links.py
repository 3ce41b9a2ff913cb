#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Links that are late, that stall, that are cut, that change bytes, their order, or say them twice, in many places of a
transfer: what arrives is what was sent, or nothing; and what was cut goes on.

VMFORGE_CUTS=100 takes every hundredth of the stream."""
import json
import os
import time

from common import build, fixture, images, judge_error, place, program, push, relayed, same, sound, specs, whole

PARTS = int(os.environ.get("VMFORGE_CUTS") or "4")
LATE, STALL = 0.1, 3  # seconds, of relay.py


def length_of(test, image, target, way=""):
    """Bytes that the sender says to this store, or hears."""
    count = os.path.join(test.work, "count")
    done, _ = relayed(test, image, target, f"count{way}", count)
    if done.returncode:
        raise RuntimeError(program.said(done))
    with open(count, encoding="utf-8") as file:
        return int(file.read())


def points(length):
    """The first bytes, and then everywhere."""
    return sorted({0, 7, 30, *(length * part // PARTS for part in range(1, PARTS)), length - 1})


def learn_length(test, image, way="", first=None):
    with place(test, "length-store") as target:
        if first:
            push(test, first, target)
        return length_of(test, image, target, way)


def remove(test, image, target):
    test.vmforge("images", "rm", image, store=target)
    test.vmforge("gc", "--keep-days", "0", store=target)


def nothing_more(test, done, target, before):
    """None where it failed, with a word, and the store is sound and has no more images than before."""
    if done.returncode != 1 or "vmforge: " not in done.stderr:
        return program.said(done)
    there = images(test, target)
    return sound(test, target) if there == before else f"there are {there}, not {before}"


def late(test):
    """Not a round of questions and answers for each piece: some hundred would take ten seconds and more."""
    with place(test, "late-store") as target:
        push(test, "first", target)
        begin = time.monotonic()
        done, _ = relayed(test, "next", target, "late", 0)
        took = time.monotonic() - begin
        if done.returncode or not 2 * LATE < took < 40 * LATE:
            return f"{took:.1f} s: {program.said(done)}"
        return whole(test, "next", target)


def stall(test, length):
    with place(test, "stall-store") as target:
        begin = time.monotonic()
        done, _ = relayed(test, "first", target, "stall", length // 2)
        if done.returncode or time.monotonic() - begin < STALL:
            return f"{time.monotonic() - begin:.1f} s: {program.said(done)}"
        return whole(test, "first", target)


def hang(test, length):
    """A peer that says nothing more is given up, and does not keep us by staying."""
    with place(test, "hang-store") as target:
        begin = time.monotonic()
        done, _ = relayed(test, "first", target, "hang", length // 2, options=("--transport", "transport-cbt:silence=1"))
        problem = judge_error(done, "silent for 1 seconds: run the command again") or nothing_more(test, done, target, [])
        if time.monotonic() - begin > 60:
            problem = f"it took {time.monotonic() - begin:.0f} s to give up"
        done, _ = push(test, "first", target)
        return problem or whole(test, "first", target)


def cut(test, length):
    """Each time in a store of its own. What came before the cut is not sent again, but for the window that was on its way then: 8 MiB of
    the disk, and of this small image the largest is half of what travels."""
    with place(test, "uncut-store") as target:
        _, uncut = push(test, "first", target)
    for at in points(length)[:-1]:
        with place(test, "cut-store") as target:
            done, _ = relayed(test, "first", target, "cut", at)
            problem = nothing_more(test, done, target, [])
            done, figures = push(test, "first", target)
            problem = problem or (program.said(done) if done.returncode else whole(test, "first", target))
            if not problem and figures["wire_bytes"] > uncut["wire_bytes"] * 1.55 - at:
                problem = f"what came before was sent again: {figures} of {uncut}"
            if problem:
                return f"cut at {at} of {length}: {problem}"
    return None


def cut_often(test, length):
    """One store, cut off again and again, each time behind as many bytes: it ends, and nothing of it is left."""
    with place(test, "often-store") as target:
        turns = 0
        while turns < 6:
            done, _ = relayed(test, "first", target, "cut", length * 3 // 5)
            if done.returncode == 0:
                break
            turns += 1
            problem = nothing_more(test, done, target, [])
            if problem:
                return f"turn {turns}: {problem}"
        kept = json.loads(test.vmforge("stages", "list", "--kept", "--json", store=target).stdout)
        if not 0 < turns < 6 or kept:
            return f"{turns} turns, and left: {kept}"
        return whole(test, "first", target)


def cut_derived(test, length):
    with place(test, "derived-cut") as target:
        push(test, "first", target)
        for at in points(length)[:-1]:
            done, _ = relayed(test, "next", target, "cut", at)
            problem = nothing_more(test, done, target, ["first"]) if done.returncode else whole(test, "next", target)
            if problem:
                return f"cut at {at}: {problem}"
        done, _ = push(test, "next", target)
        return program.said(done) if done.returncode else whole(test, "next", target) or same(test, "first", target)


def judge_spoilt(test, done, target):
    """Refused, with a word, or whole; the latter also where the last word was lost that tells so. (refused, problem)"""
    if done.returncode == 0 or "next" in images(test, target):
        problem = whole(test, "next", target)
        remove(test, "next", target)
        return done.returncode != 0, problem
    return True, nothing_more(test, done, target, ["first"])


def spoilt(test, length, mode):
    with place(test, f"{mode}-store") as target:
        push(test, "first", target)
        count = 0
        for at in points(length):
            done, _ = relayed(test, "next", target, mode, at)
            refused, problem = judge_spoilt(test, done, target)
            count += refused
            if problem:
                return f"{mode} at {at} of {length}: {problem}\n{program.said(done)}"
        if count < PARTS / 4:  # what a receiver says that it has may be wrong without harm
            return f"only {count} were refused: the test proves nothing"
        done, _ = push(test, "next", target)
        return program.said(done) if done.returncode else whole(test, "next", target)


def run(test):
    for name in ("first", "next"):
        build(test, specs(test)[name])
    length, derived = learn_length(test, "first"), learn_length(test, "next", first="first")
    answers = learn_length(test, "next", "-back", "first")
    test.attempt("a link that is late costs few times its delay", lambda: late(test))
    test.attempt("a link that stalls delays, and does no harm", lambda: stall(test, length))
    test.attempt("a link that hangs is given up, and the next goes on", lambda: hang(test, length))
    test.attempt("a transfer that is cut anywhere goes on where it stopped", lambda: cut(test, length))
    test.attempt("one that is cut again and again comes to its end", lambda: cut_often(test, length))
    test.attempt("the same where it began with another image", lambda: cut_derived(test, derived))
    for mode, size, sentence in (("flip", derived, "a bit that is flipped anywhere never gives another image"),
                                 ("swap", derived, "bytes in another order do not either"),
                                 ("twice", derived, "nor bytes that come twice"),
                                 ("end", derived, "nor a stream that ends before its end"),
                                 ("flip-back", answers, "a bit flipped in what is answered does no harm"),
                                 ("end-back", answers, "nor answers that end before their end")):
        test.attempt(sentence, lambda mode=mode, size=size: spoilt(test, size, mode))


if __name__ == "__main__":
    fixture.main(run)
