#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""`vmforge diff` by blocks: what it says of images is what reading them says, and what it predicts is what a push takes."""
import collections
import glob
import hashlib
import json
import os

from common import NOISE, build, fixture, path_of, place, program, push, specs

BLOCK = 4096
ZEROS = bytes(BLOCK)


def diff(test, *words, store=None):
    done = test.vmforge("diff", "--json", *words, store=store)
    if done.returncode or done.stderr:
        raise RuntimeError(program.said(done))
    return json.loads(done.stdout)


def hashes(path):
    """Block → hash, of all that are not zeros."""
    found, size = {}, os.path.getsize(path)
    with open(path, "rb") as file:
        at = 0
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA) // BLOCK * BLOCK
            except OSError:
                break
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            file.seek(at)
            for offset in range(at, end, BLOCK):
                block = file.read(BLOCK).ljust(BLOCK, b"\0")
                if block != ZEROS:
                    found[offset // BLOCK] = hashlib.sha256(block).digest()
            at = end
    return found


def read(test, image, store=None):
    return hashes(path_of(test, image, store))


def judge_pair(found, a, b):
    """None, or what is not as reading both says."""
    of = {"a": (a, collections.Counter(b.values())), "b": (b, collections.Counter(a.values()))}
    for name, (mine, others) in of.items():
        common = sum(others[value] > 0 for value in mine.values())
        wanted = {"data_bytes": len(mine) * BLOCK, "common_bytes": common * BLOCK, "unique_bytes": (len(mine) - common) * BLOCK,
                  "common_percent": round(100 * common / len(mine), 3)}
        got = {key: found[name][key] for key in wanted}
        if got != wanted:
            return f"{name}: {got}, not {wanted}"
    in_place = sum(b.get(block) == value for block, value in a.items()) * BLOCK
    if found["in_place_bytes"] != in_place:
        return f"{found['in_place_bytes']} at the same place, not {in_place}"
    sent = found["transfer"]
    if sent["blocks"] * BLOCK != sent["block_bytes"] or sent["block_bytes"] != found["b"]["unique_bytes"]:
        return f"the prediction is not of what b alone has: {sent}"
    if sent["wire_bytes_at_most"] != sent["block_bytes"] + sent["index_bytes"] + sent["manifest_bytes"]:
        return f"the prediction does not add up: {sent}"
    return None


def derived(test):
    found = diff(test, "first", "next")
    if not 0 < found["b"]["unique_bytes"] < found["b"]["data_bytes"] / 4:
        return f"the images prove nothing: {found}"
    pages = sorted({block // 128 for block, value in read(test, "next").items() if read_first(test).get(block) != value})
    least = len(pages) * BLOCK
    if not least < found["transfer"]["index_bytes"] < least + 64 * BLOCK:
        return f"index: {found['transfer']}, {len(pages)} pages of hashes"
    return judge_pair(found, read_first(test), read(test, "next"))


def read_first(test, known={}):  # pylint: disable=dangerous-default-value
    if not known:
        known.update(read(test, "first"))
    return known


def equal(test):
    found = diff(test, "--rehearse", "first", "first")
    sent = found["transfer"]
    if not 0 < sent["rehearsal"]["wire_bytes"] < sent["wire_bytes_at_most"] or sent["rehearsal"]["moved_bytes"]:
        return sent
    if sent["blocks"] or found["a"]["common_percent"] != 100 or found["a"] != found["b"] or sent["index_bytes"] > BLOCK:
        return found
    return None


def moved(test):
    """Built apart, in another store: most is there, and elsewhere."""
    with place(test, "diff-apart", ()) as apart:
        build(test, test.spec("shifted", image={"packages": ["toy-hello"], "run": ["seq 500000 >/srv/front", NOISE]}), apart)
        found = diff(test, "first", "shifted", "--store-b", apart)
        if found["in_place_bytes"] > found["b"]["common_bytes"] / 2:
            return f"hardly anything has moved: {found}"
        return judge_pair(found, read_first(test), read(test, "shifted", apart)) or rehearse_apart(test, apart)


def rehearse_apart(test, apart):
    """The sender does not know what the receiver has, and asks."""
    with place(test, "apart-target", (None, apart)) as target:
        push(test, "first", target)
        sent = diff(test, "--rehearse", "first", "shifted", "--store-b", apart)["transfer"]
        done, figures = push(test, "shifted", target, store=apart)
        got = {name: figures[name] for name in sent["rehearsal"]}
        near = all(abs(got[name] - sent["rehearsal"][name]) <= max(256, got[name] / 20) for name in got)
        return None if done.returncode == 0 and near else f"{sent} {got} {program.said(done)}"


def pushed(test):
    with place(test, "diff-target") as target:
        push(test, "first", target)
        wanted = diff(test, "--rehearse", "first", "next")["transfer"]
        done, figures = push(test, "next", target)
        if done.returncode:
            return program.said(done)
        off = {name: figures[name] - wanted["rehearsal"][name] for name in wanted["rehearsal"]}
        if len(off) != 3 or any(abs(off[name]) > max(256, figures[name] / 50) for name in off):
            return f"the rehearsal is off by {off}: {figures}"
        sound = (0 < figures["moved_bytes"] <= wanted["block_bytes"] * 1.02 and
                 wanted["block_bytes"] <= figures["moved_bytes"] * 1.02 and
                 figures["wire_bytes"] <= wanted["wire_bytes_at_most"])
        return None if sound else f"{figures} {wanted}"


def matrix(test):
    build(test, specs(test)["other"])
    rows = diff(test, "--matrix")
    names = [row["image"] for row in rows]
    if [name.split(":")[0] for name in names] != ["first", "next", "other"]:
        return names
    for i, row in enumerate(rows):
        for j, share in enumerate(row["common_percent"]):
            pair = diff(test, names[i].split("@")[0], names[j])
            if share != pair["a"]["common_percent"] or row["data_bytes"] != pair["a"]["data_bytes"]:
                return f"{names[i]}, {names[j]}: {share} {pair}"
    if diff(test, "--matrix", "other", "first") != [
            {**rows[i], "common_percent": [rows[i]["common_percent"][j] for j in (2, 0)]} for i in (2, 0)]:
        return "two that are named are not those of all"
    lines = test.vmforge("diff", "--matrix").stdout.splitlines()
    cells = [line.split() for line in lines[1:]]
    wanted = [[str(i + 1), names[i], *(f"{share:.2f}" for share in row["common_percent"])] for i, row in enumerate(rows)]
    near = all(len(row) == len(want) and row[:2] == want[:2] and
               all(abs(float(got.rstrip("%")) - float(share)) < 0.011 for got, share in zip(row[2:], want[2:]))
               for row, want in zip(cells, wanted))
    return None if len(cells) == 3 and near else "\n".join(lines)


def shown(test):
    """For people; and stages by their keys."""
    done = test.vmforge("diff", "first", "next")
    found = diff(test, "first", "next")
    share = f"{found['b']['common_percent']:.1f}"
    if done.returncode or share[:-1] not in done.stdout or f" takes {found['transfer']['blocks']} blocks (" not in done.stdout:
        return f"{share} {found['transfer']} {program.said(done)}"
    stage = found["a"]["stage"]
    by_key = diff(test, stage[:12], "next")
    return None if by_key["transfer"] == found["transfer"] and by_key["a"]["image"] == f"stage {stage[:12]}" else by_key


def without_index(test):
    """As an older vmforge made stages."""
    key = json.loads(test.vmforge("images", "show", "--json", "other").stdout)["stage"]
    path = next(path for path in glob.glob(f"{test.store}/stages/{key}/*.json") if not path.endswith("/stage.json"))
    with open(path, encoding="utf-8") as file:
        text = file.read()
    record = json.loads(text)
    del record["index"], record["own_bytes"], record["checksum"]
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(record, file)
        problem = (fixture.judge(test.vmforge("diff", "first", key[:12]), 2, f"stage {key[:12]} has no block index: remove it and build it again") or
                   fixture.judge(test.vmforge("diff", "first", "other"), 2, "the volume of image other:.* has no block index, .*"))
        done = test.vmforge("diff", "--matrix")
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    if done.returncode or len(done.stdout.splitlines()) != 3 or " other:0@x86_64 is left out: " not in done.stderr:
        return program.said(done)
    return problem


def run(test):
    for name in ("first", "next"):
        build(test, specs(test)[name])
    test.attempt("an image has all of itself", lambda: equal(test))
    test.attempt("what two images share is what reading them says", lambda: derived(test))
    test.attempt("the same where blocks lie elsewhere, in another store", lambda: moved(test))
    test.attempt("a push takes what was predicted", lambda: pushed(test))
    test.attempt("--matrix says the same of every pair", lambda: matrix(test))
    test.attempt("people are told the same, and stages have no name", lambda: shown(test))
    test.attempt("an image without an index is refused, and left out of --matrix", lambda: without_index(test))
    test.attempt("a stage has no name to be sent under", lambda: fixture.judge(
        test.vmforge("diff", "--rehearse", "first", json.loads(test.vmforge("images", "show", "--json", "next").stdout)["stage"]),
        2, "stage .* has no name: --rehearse sends only images that have one"))
    test.attempt("an image that is not there is named", lambda: fixture.judge(
        test.vmforge("diff", "first", "nothing"), 2, "no image or stage 'nothing'.*"))


if __name__ == "__main__":
    fixture.main(run)
