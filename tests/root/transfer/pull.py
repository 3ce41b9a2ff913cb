#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Images are pulled from a folder that others serve: from a real nginx, from a folder, and from servers that cut, lie, or hold
back what is new."""
import contextlib
import glob
import json
import os
import re
import shutil
import subprocess
import time

import server
from common import build, fixture, images, judge_error, place, program, push, same, sound, specs, trust, whole
from collecting import configured  # a folder that common adds to the path

KIB = 1024


def repository(store):
    return os.path.join(store, "repository")


def pull(test, url, image, target, *options):
    done = test.vmforge("pull", "--json", *options, url, image, store=target)
    lines = done.stdout.splitlines()
    return done, json.loads(lines[-1]) if lines else {}


def from_folder(test):
    with place(test, "folder-target") as target:
        done, figures = pull(test, f"file://{repository(test.store)}", "first", target)
        if done.returncode:
            return program.said(done)
        found = test.vmforge("verify", "first", store=target)
        if found.returncode or figures["moved_bytes"] > figures["image_bytes"] / 4:
            return f"{figures} {program.said(found)}"
        return whole(test, "first", target)


def from_nginx(test):
    """Whole; then nothing; then what a derived image has more."""
    with place(test, "nginx-target") as target, server.nginx(test, repository(test.store)) as url:
        done, before = pull(test, url, "first", target)
        again, figures = pull(test, url, "first", target)
        if done.returncode or again.returncode or figures["wire_bytes"]:
            return f"{figures} {program.said(done)} {program.said(again)}"
        done, figures = pull(test, url + "/", "next", target)
        if done.returncode or figures["wire_bytes"] > before["wire_bytes"] / 3:
            return f"{figures} of {before} {program.said(done)}"
        return whole(test, "next", target) or whole(test, "first", target)


def from_far_away(test):
    """What is wanted is asked for at once, so that the way there and back does not count for each."""
    with place(test, "far-target") as target, server.far_nginx(test, repository(test.store)) as url:
        done, _ = pull(test, url, "first", target)
        if done.returncode:
            return program.said(done)
        done, _ = pull(test, url, "next", target)
        return program.said(done) if done.returncode else whole(test, "next", target)


def without_packs(test):
    """Blocks of the raw disk, by single ranges."""
    with place(test, "raw-target") as target, served_copy(test) as folder:
        listing = read_listing(folder)
        for image in listing["images"]:
            image["packs"] = []
            image["disk"] = True
            path = test.vmforge("images", "path", image["manifest"]).stdout.strip()
            shutil.copyfile(path, f"{folder}/images/{image['manifest']}/disk.raw")
        sign_listing(test, folder, listing)
        with server.nginx(test, folder) as url:
            done, _ = pull(test, url, "first", target)
            if done.returncode:
                return program.said(done)
            done, figures = pull(test, url, "next", target)
            if done.returncode or figures["wire_bytes"] > figures["image_bytes"] / 8:
                return f"{figures} {program.said(done)}"
        return whole(test, "next", target)


def served_on(test):
    """What was pulled is served in turn, and its pack builds upon what was there."""
    with place(test, "middle") as middle, place(test, "end") as end:
        pull(test, f"file://{repository(test.store)}", "first", middle)
        test.vmforge("repo", "refresh", store=middle)
        pull(test, f"file://{repository(test.store)}", "next", middle)
        test.vmforge("repo", "refresh", store=middle)
        packs = sorted(os.path.getsize(path) for path in glob.glob(f"{repository(middle)}/packs/*.pack"))
        if len(packs) != 2 or packs[0] > packs[1] / 3:
            return f"packs of {packs} bytes"
        trust(test, end, middle)
        done, _ = pull(test, f"file://{repository(middle)}", "next", end)
        return program.said(done) if done.returncode else whole(test, "next", end, middle)


def by_words(test):
    """Names with version and architecture, digests; and what is not there."""
    url = f"file://{repository(test.store)}"
    shown = json.loads(test.vmforge("images", "show", "--json", "first").stdout)
    words = [f"first:{shown['version']}", f"first@{shown['arch']}", f"first:{shown['version']}@{shown['arch']}",
             shown["digest"], shown["digest"][:8]]
    with place(test, "word-target") as target:
        for word in words:
            done, _ = pull(test, url, word, target)
            if done.returncode or images(test, target) != ["first"]:
                return f"{word}: {program.said(done)}"
        for word in ("nobody", "first:9", "first@arm64", "ffffffff"):
            there = r"of this name there are: first:0@x86_64" if word.startswith("first") else "it has .*first:0@x86_64"
            problem = judge_error(pull(test, url, word, target)[0], f"no image '{word}'; {there}", 2)
            if problem:
                return problem
        problem = judge_error(pull(test, os.path.dirname(url), "first", target)[0],
                              "cannot read .*index.json.*the folder 'repository' of a store", 2)
        if problem:
            return problem
    for bad in ("ftp://a/b", "/a/b", "http://", "ssh://a/b"):
        problem = judge_error(test.vmforge("pull", bad, "first"), "is no URL of a repository", 2)
        if problem:
            return problem
    return None


# ---- servers that cannot be trusted

@contextlib.contextmanager
def served_copy(test):
    """Of the repository, to be spoilt."""
    folder = os.path.join(test.work, "spoilt")
    shutil.copytree(repository(test.store), folder, copy_function=shutil.copyfile)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def read_listing(folder):
    with open(f"{folder}/index.json", encoding="utf-8") as file:
        return json.load(file)


def with_passphrase(test, *arguments):
    passphrase = os.path.join(test.work, "passphrase")
    with open(passphrase, "w+", encoding="utf-8") as file:
        file.write("a passphrase\n")
        file.flush()
        file.seek(0)
        done = program.vmforge(*arguments, "--passphrase-fd", str(file.fileno()), pass_fds=(file.fileno(),))
    if done.returncode:
        raise RuntimeError(program.said(done))


def author_key(test):
    key = os.path.join(test.work, "author.key")
    if not os.path.exists(key):
        with_passphrase(test, "key", "new", key)
    return key


def trust_key(test, target, key, role):
    done = test.vmforge("key", "trust", key.replace(".key", ".pub"), "--role", role, store=target)
    if done.returncode:
        raise RuntimeError(program.said(done))


def sign_listing(test, folder, listing):
    """By an author's key that is trusted as a service: what is tested is all but the signature."""
    key = author_key(test)
    with open(f"{folder}/index.json", "w", encoding="utf-8") as file:
        json.dump(listing, file)
    with_passphrase(test, "sign", "--force", "--key", key, f"{folder}/index.json")
    for target in glob.glob(f"{test.work}/*-target"):
        trust_key(test, target, key, "service")


def authors(test):
    """An author's signature is told of whether or not the policy asks for it."""
    key = author_key(test)
    with place(test, "authors-target") as target:
        push(test, "first", target)
        with_passphrase(test, "sign", "--key", key, "--store", target, "first")
        before = test.vmforge("verify", "--quick", "first", store=target)
        trust_key(test, target, key, "author")
        after = test.vmforge("verify", "--quick", "first", store=target)
        quiet = test.vmforge("verify", "--quick", "-q", "first", store=target)
        good = "(author" not in before.stdout and "(author" in after.stdout and not quiet.stdout + quiet.stderr
        return None if good else "\n".join(map(program.said, (before, after, quiet)))


def refused(test, target, url, pattern, image="first", status=1):
    done, _ = pull(test, url, image, target)
    problem = judge_error(done, pattern, status)
    if problem:
        return problem
    left = images(test, target)
    return f"{left} was taken all the same" if left else sound(test, target)


def rollback(test):
    """What was newer before."""
    with place(test, "rollback-target") as target, served_copy(test) as folder:
        listing = read_listing(folder)
        sign_listing(test, folder, listing)
        done, _ = pull(test, f"file://{folder}", "first", target)
        if done.returncode:
            return program.said(done)
        test.vmforge("images", "rm", "first", store=target)
        listing["number"] -= 1
        sign_listing(test, folder, listing)
        return refused(test, target, f"file://{folder}", "older than it was before")


def freeze(test):
    """What nobody signed again for too long."""
    with place(test, "freeze-target") as target, served_copy(test) as folder:
        listing = read_listing(folder)
        listing["expires"] = int(time.time()) - 1
        sign_listing(test, folder, listing)
        return refused(test, target, f"file://{folder}", "expired at .*repo refresh")


def mix(test):
    """Files of one image in the place of another's: each signed, and not what was asked for."""
    with place(test, "mix-target") as target, served_copy(test) as folder:
        digests = {image["name"]: image["manifest"] for image in read_listing(folder)["images"]}
        one, other = (f"{folder}/images/{digests[name]}" for name in ("first", "next"))
        for name in os.listdir(other):
            shutil.copyfile(f"{other}/{name}", f"{one}/{name}")
        problem = refused(test, target, f"file://{folder}", "is not the manifest that its index.json names")
        if problem:
            return problem
        shutil.copyfile(f"{repository(test.store)}/images/{digests['first']}/manifest.json", f"{one}/manifest.json")
        problem = refused(test, target, f"file://{folder}", "not taken: .*signature")
        if problem:
            return problem
        name = "manifest.json.minisig"
        shutil.copyfile(f"{repository(test.store)}/images/{digests['first']}/{name}", f"{one}/{name}")
        return refused(test, target, f"file://{folder}", "block index that the server has is not that of the image")


def not_signed(test):
    with place(test, "unsigned-target") as target, served_copy(test) as folder:
        os.unlink(f"{folder}/index.json.minisig")
        problem = refused(test, target, f"file://{folder}", "no signature")
        with open(f"{folder}/index.json", "a", encoding="utf-8") as file:
            file.write(" ")
        shutil.copyfile(f"{repository(test.store)}/index.json.minisig", f"{folder}/index.json.minisig")
        return problem or refused(test, target, f"file://{folder}", "not believed")


def empty_files(test):
    """And one that is always cut, which is not asked for for ever."""
    with served_copy(test) as folder:
        digest = next(image["manifest"] for image in read_listing(folder)["images"] if image["name"] == "first")
        for name in ("index.json", "index.json.minisig", f"images/{digest}/manifest.json", f"images/{digest}/manifest.json.minisig",
                     f"images/{digest}/disk.index"):
            with place(test, "empty-target") as target:
                with open(f"{folder}/{name}", "w", encoding="utf-8"):
                    pass
                done, _ = pull(test, f"file://{folder}", "first", target)
                shutil.copyfile(f"{repository(test.store)}/{name}", f"{folder}/{name}")
                if done.returncode not in (1, 3) or len(done.stderr.splitlines()) != 1 or images(test, target):
                    return f"{name}: {program.said(done)}"
        with place(test, "drop-target") as target, server.broken(folder, "cut", 20 * KIB) as url:
            shutil.copyfile(f"{folder}/images/{digest}/sbom.spdx.json", f"{folder}/index.json")
            with open(f"{folder}/index.json", "a", encoding="utf-8") as file:
                file.write(" " * 64 * KIB)
            return judge_error(pull(test, url, "first", target)[0], "cannot read .*index.json", 3)


def flip(path, at):
    with open(path, "r+b", buffering=0) as file:
        byte = os.pread(file.fileno(), 1, at)[0]
        os.pwrite(file.fileno(), bytes([byte ^ 1]), at)


def flipped(test):
    """A bit of the index or of a pack, wherever it is: nothing is taken, or what is taken is right."""
    with served_copy(test) as folder:
        digest = next(image["manifest"] for image in read_listing(folder)["images"] if image["name"] == "first")
        index = f"{folder}/images/{digest}/disk.index"
        packs = sorted(glob.glob(f"{folder}/packs/*.pack"), key=os.path.getsize)
        places = [(index, 20), (index, 40), (packs[-1], 3), (packs[-1], 20), (packs[-1], 70),
                  *((packs[-1], os.path.getsize(packs[-1]) * part // 8) for part in range(1, 8))]
        for path, at in places:
            with place(test, "flip-target") as target:
                flip(path, at)
                problem = refused(test, target, f"file://{folder}", "damaged|is not that of the image|does not have what")
                flip(path, at)
                if problem:
                    return f"{path} at {at}: {problem}"
                if at > KIB:
                    continue
                done, _ = pull(test, f"file://{folder}", "first", target)
                if done.returncode or (problem := whole(test, "first", target)):
                    return f"{path} at {at}, afterwards: {problem} {program.said(done)}"
    return None


def cut_off(test):
    """A server that closes each connection after some bytes, or stalls, is asked again; what came stays."""
    with place(test, "cut-target") as target:
        with server.broken(repository(test.store), "cut", 300 * KIB) as url:
            done, _ = pull(test, url, "first", target)
            if done.returncode:
                return program.said(done)
        with server.broken(repository(test.store), "stall", 100 * KIB) as url:
            done, _ = pull(test, url, "next", target, "--transport", "transport-cbt:silence=2")
            if done.returncode:
                return program.said(done)
        return whole(test, "first", target) or whole(test, "next", target)


def dripping(test):
    """A server that says a byte now and then gives way to the next one, or is told of."""
    slow = ("--transport", "transport-cbt:silence=2")
    with place(test, "drip-target") as target, server.broken(repository(test.store), "drip", 8 * KIB) as url:
        done = test.vmforge("pull", url, "first", *slow, store=target, timeout=60)
        problem = judge_error(done, "cannot read .*disk.index.*less than 16 KiB in 2 seconds", 3)
        if problem:
            return problem
        done = test.vmforge("pull", url, "first", *slow, "--mirror", f"file://{repository(test.store)}", store=target, timeout=120)
        return program.said(done) if done.returncode else whole(test, "first", target)


def no_files(test):
    """A folder in which names are of something that never ends, or never begins."""
    with place(test, "pipe-target") as target, served_copy(test) as folder:
        os.unlink(f"{folder}/index.json")
        os.mkfifo(f"{folder}/index.json")
        done = test.vmforge("pull", f"file://{folder}", "first", store=target, timeout=60)
        problem = judge_error(done, "cannot read .*index.json': it is no file", 3)
        os.unlink(f"{folder}/index.json")
        os.symlink("/dev/zero", f"{folder}/index.json")
        done = test.vmforge("pull", f"file://{folder}", "first", store=target, timeout=60)
        return problem or judge_error(done, "cannot read .*index.json': it is no file", 3)


def resumed(test):
    """What came before a server died is not fetched again."""
    with place(test, "resume-target") as target, place(test, "whole-target") as other:
        _, before = pull(test, f"file://{repository(test.store)}", "first", other)
        with server.broken(repository(test.store), "die", before["wire_bytes"] // 2) as url:
            problem = judge_error(pull(test, url, "first", target)[0], "cannot read", 3)
        if problem or images(test, target):
            return problem or "half an image is there"
        done, figures = pull(test, f"file://{repository(test.store)}", "first", target)
        if done.returncode or figures["wire_bytes"] > before["wire_bytes"] * 0.8:
            return f"{figures} of {before} {program.said(done)}"
        return whole(test, "first", target)


def mirrors(test):
    """One that is not there, one without ranges, one with an old listing: the next one is asked."""
    with place(test, "mirror-target") as target, served_copy(test) as folder:
        os.unlink(f"{folder}/index.json")
        with server.nginx(test, repository(test.store)) as good, server.broken(folder, "none", 0) as bad:
            done, _ = pull(test, "http://127.0.0.1:9/", "first", target, "--mirror", bad, "--mirror", good)
            if done.returncode:
                return program.said(done)
        with server.broken(repository(test.store), "no-ranges", 0) as plain:
            done, _ = pull(test, plain, "next", target)
            problem = judge_error(done, "does not serve ranges", 3)
            if problem:
                return problem
            done, _ = pull(test, plain, "next", target, "--mirror", f"file://{repository(test.store)}")
        return program.said(done) if done.returncode else whole(test, "next", target)


def wrong_mirror(test):
    """One that serves something else: it is named, and the next one is asked for the rest."""
    with place(test, "wrong-target") as target, served_copy(test) as folder:
        for pack in glob.glob(f"{folder}/packs/*.pack"):
            flip(pack, os.path.getsize(pack) // 2)
        done, _ = pull(test, f"file://{folder}", "first", target, "--mirror", f"file://{repository(test.store)}")
        told = f"vmforge: warning: file://{folder}: .*(damaged|does not have what)"
        if done.returncode or not re.search(told, done.stderr):
            return program.said(done)
        return whole(test, "first", target)


def published(test):
    """What is removed is not listed any more, and its files go; a refresh renews the term."""
    with place(test, "published", ()) as store:
        build(test, specs(test)["first"], store)
        build(test, specs(test)["next"], store)
        before = read_listing(repository(store))
        test.vmforge("images", "rm", "next", store=store)
        after = read_listing(repository(store))
        if [image["name"] for image in after["images"]] != ["first"] or after["number"] <= before["number"]:
            return f"{after}"
        folders, packs = os.listdir(f"{repository(store)}/images"), os.listdir(f"{repository(store)}/packs")
        wanted = ["digests.json", *(f"{pack}.pack" for pack in after["images"][0]["packs"])]
        if folders != [after["images"][0]["manifest"]] or sorted(packs) != sorted(wanted):
            return f"{folders} {packs}"
        inode = os.stat(f"{repository(store)}/index.json").st_ino
        build(test, specs(test)["first"], store)
        if os.stat(f"{repository(store)}/index.json").st_ino != inode:
            return "a build that changed nothing wrote it anew"
        disk = f"{repository(store)}/images/{folders[0]}/disk.raw"
        with open(disk, "w", encoding="utf-8"):
            pass  # as a writer leaves it that is killed
        done = test.vmforge("repo", "refresh", store=store)
        if done.returncode or read_listing(repository(store))["number"] <= after["number"]:
            return f"not renewed: {program.said(done)}"
        if os.path.exists(disk) and os.path.getsize(disk) != after["images"][0]["bytes"]:
            return "an empty disk is served"
        shutil.rmtree(repository(store))
        done = test.vmforge("repo", "refresh", store=store)
        again = read_listing(repository(store))
        return None if done.returncode == 0 and again["images"] == after["images"] else f"made anew: {again}"


def tagged(test):
    """A tag is a word for an image, in the store and for those who pull; what has one is kept."""
    with place(test, "tagged", ()) as store, place(test, "tag-target", ()) as target:
        build(test, specs(test)["first"], store)
        trust(test, target, store)
        for words in (("tag", "first", "stable", "prod"), ("untag", "first:stable", "prod")):
            done = test.vmforge("images", *words, store=store)
            if done.returncode:
                return program.said(done)
        shown = json.loads(test.vmforge("images", "show", "--json", "first:stable", store=store).stdout)
        if shown["tags"] != ["stable"]:
            return shown["tags"]
        done, _ = pull(test, f"file://{repository(store)}", "first:stable", target)
        if done.returncode:
            return program.said(done)
        for words, pattern in ((("tag", "first", shown["version"]), "is a version of 'first'"), (("tag", "first", "a/b"), "cannot be a tag"),
                               (("untag", "first", "prod"), "has no tag 'prod'"), (("show", "first:prod"), "no image 'first:prod'")):
            done = test.vmforge("images", *words, store=store)
            if done.returncode != 2 or pattern not in done.stderr:
                return program.said(done)
        return None


def signed_by_author(test):
    """Where the policy wants an author's signature, one is needed; and minisign verifies what was pulled."""
    with place(test, "author-target") as target, configured("policy: {require: [service, author]}\n"):
        url = f"file://{repository(test.store)}"
        problem = judge_error(pull(test, url, "first", target)[0], "no signature of a trusted author key")
        if problem:
            return problem
        key = author_key(test)
        for _ in range(2):
            with_passphrase(test, "sign", "--key", key, "first", "--store", test.store)
        names = next(image["signatures"] for image in read_listing(repository(test.store))["images"] if image["name"] == "first")
        if len(names) != 2 or names[0] == names[1]:
            return f"who signs twice has {names}"
        trust_key(test, target, key, "author")
        done, _ = pull(test, url, "first", target)
        done = done if done.returncode else test.vmforge("verify", "first", store=target)
        if done.returncode or "(author" not in done.stdout:
            return program.said(done)
        test.vmforge("repo", "refresh", store=target)
        manifest = glob.glob(f"{repository(target)}/images/*/manifest.json")[0]
        good = [path for path in glob.glob(manifest + ".*.minisig") if subprocess.run(
            ["minisign", "-Vqm", manifest, "-x", path, "-p", key.replace(".key", ".pub")], check=False,
            capture_output=True).returncode == 0]
        return None if len(good) == 1 else f"minisign verifies {good}"


def both_ways(test):
    """An image that was pushed is pulled from there."""
    with place(test, "pushed") as middle, place(test, "pulled") as target:
        push(test, "first", middle)
        test.vmforge("repo", "refresh", store=middle)
        trust(test, target, middle)
        done, _ = pull(test, f"file://{repository(middle)}", "first", target)
        return program.said(done) if done.returncode else same(test, "first", target)


def run(test):
    for name in ("first", "next"):
        build(test, specs(test)[name])
    for sentence, function in (
            ("an image is pulled from a folder, and verified", from_folder),
            ("an image is pulled from nginx, once, and of a derived one what it has more", from_nginx),
            ("an image is pulled over a link with a delay of 100 ms", from_far_away),
            ("where there are no packs, blocks of the raw disk are fetched", without_packs),
            ("what was pulled is served in turn", served_on),
            ("what was pushed is served in turn", both_ways),
            ("images are found by name, version, architecture and digest, or the error says what is wrong", by_words),
            ("a repository that is older than before is refused", rollback),
            ("a repository that has expired is refused", freeze),
            ("files of another image are refused, though they are signed", mix),
            ("a listing that nobody signed, or was changed, is refused", not_signed),
            ("empty files, and those that always are cut, are told of", empty_files),
            ("flipped bits are seen, wherever they are", flipped),
            ("a server that cuts, or stalls, is asked again", cut_off),
            ("a server that drips is given up", dripping),
            ("what is no file in a folder is not waited for", no_files),
            ("what came before a server died is not fetched again", resumed),
            ("mirrors are tried in turn", mirrors),
            ("a mirror that serves something else is named, and passed over", wrong_mirror),
            ("tags are words for images", tagged),
            ("where an author must have signed, what none signed is refused", signed_by_author),
            ("an author's signature is told of, whatever the policy asks for", authors),
            ("the repository lists what there is, and nothing else is left in it", published)):
        test.attempt(sentence, lambda function=function: function(test))


if __name__ == "__main__":
    fixture.main(run)
