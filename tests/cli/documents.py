#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What is written for authors of plugins is true: vmforge-plugin(3) has what plugin.h declares, and what the guide shows
compiles, is accepted and agrees with the program.

usage: documents.py VMFORGE SOURCE"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
sys.path[:0] = [os.path.join(SOURCE, "tests", folder) for folder in (".", "vm", "abi")]
from guide import blocks, plugins  # noqa: E402
from header import Header  # noqa: E402
from tap import Tap  # noqa: E402

INCLUDE = os.path.join(SOURCE, "core", "include")
TABLES = ("vmforge_storage", "vmforge_package_backend")
# As the projects of `plugins new` are compiled.
STRICT = ("-std=c11", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2")

tap = Tap()


def equal(got, wanted, sentence):
    tap.ok(got == wanted, sentence, f"got    {got!r}\nwanted {wanted!r}")


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def run(*command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)


def words(text):
    return " ".join(text.split())


# ---- vmforge-plugin(3)

def declarations(header, struct):
    """(member, how a manual page writes it) for each, in order."""
    body = re.search(rf"^struct {struct} \{{\n(.*?)^\}};", header.code, re.DOTALL | re.MULTILINE)[1]
    for part in filter(None, map(words, body.split(";"))):
        function = re.match(r"[^(]*\(\*(\w+)\) \((.*?)\)(?: VMFORGE_PLUGIN_PRINTF.*)?$", part)
        if function:
            yield function[1], " ".join(["Fn", function[1], *(f'"{words(one)}"' for one in function[2].split(","))])
        else:
            kind, name = re.match(r"(.*?)(\w+)$", part).groups()
            yield name, f'Vt "{kind.strip()}" Va {name}'


def items(page, struct):
    """(heading, text) of each item that the page has for a struct."""
    section = re.search(rf"^\.Ss struct {struct}\n(.*?)(?=^\.S[sh] )", page, re.DOTALL | re.MULTILINE)
    found = re.findall(r"^\.It (.*)\n((?:(?!\.It |\.El).*\n)*)", section[1] if section else "", re.MULTILINE)
    return [(heading, words(text)) for heading, text in found]


def mandatory(header, struct):
    """Callbacks whose comment in the header says so."""
    body = re.search(rf"^struct {struct} \{{\n(.*?)^\}};", header.text, re.DOTALL | re.MULTILINE)[1]
    return {name for comment, name in re.findall(r"/\*((?:(?!\*/).)*)\*/\s*(?:int|void) \(\*(\w+)\)", body, re.DOTALL)
            if "MANDATORY" in comment.split(".")[0]}


def test_manual():
    header, page = Header(f"{INCLUDE}/vmforge/plugin.h"), read("docs", "man", "vmforge-plugin.3")
    tap.ok(set(TABLES) < set(header.structs()), "the tables are found in plugin.h", list(header.structs()))
    for struct in header.structs():
        equal([heading for heading, _ in items(page, struct)], [text for _, text in declarations(header, struct)],
              f"vmforge-plugin(3) has each member of struct {struct}, and no other")
        empty = [heading for heading, text in items(page, struct) if not text]
        equal(empty, [], f"it says what each member of struct {struct} is")
    equal([name for name in header.constants() if not re.search(rf"\b{name}\b", page)], [],
          "vmforge-plugin(3) has each constant")
    for struct in TABLES:
        callbacks = {heading.split()[1]: text for heading, text in items(page, struct) if heading.startswith("Fn ")}
        said = {name for name, text in callbacks.items() if text.startswith("Mandatory")}
        equal(said, mandatory(header, struct), f"it calls those of struct {struct} mandatory that plugin.h does")
        silent = [name for name, text in callbacks.items() if name not in said and "Default: " not in text]
        equal(silent, [], f"it says what is done without the others of struct {struct}")


def test_manual_format():
    if not shutil.which("groff"):
        tap.skip("vmforge-plugin(3) is formatted without a complaint", "there is no groff")
        return
    done = run("groff", "-mdoc", "-Tutf8", "-ww", os.path.join(SOURCE, "docs", "man", "vmforge-plugin.3"))
    tap.ok(done.returncode == 0 and not done.stderr, "vmforge-plugin(3) is formatted without a complaint", done.stderr)


# ---- plugin-guide.md

def table(guide, title):
    """Rows below a heading, without their head, as lists of cells."""
    section = guide.split(f"### {title}\n", 1)[-1].split("\n#", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()
            if line.startswith("|")]
    return rows[2:]


def test_blocks(guide, folder):
    found = blocks(guide, "c")
    tap.ok(len(found) >= 4, "the guide has blocks of C", len(found))
    for number, block in enumerate(found, 1):
        path = os.path.join(folder, f"block{number}.c")
        with open(path, "w", encoding="utf-8") as file:
            file.write(block)
        for compiler in ("gcc", "clang"):
            sentence = f"C block {number} of the guide compiles with {compiler}"
            if not shutil.which(compiler):
                tap.skip(sentence, f"there is no {compiler}")
                continue
            done = run(compiler, *STRICT, f"-I{INCLUDE}", "-fPIC", "-c", "-o", path + ".o", path)
            tap.ok(done.returncode == 0, sentence, done.stderr)


def test_plugins(guide, folder):
    """Those that are complete load, and are described by their own facts."""
    whole = plugins(guide)
    equal(sorted(whole), ["reel", "shelf"], "the guide has two whole plugins")
    for name, block in whole.items():
        path = os.path.join(folder, f"vmforge-{name}.so")
        with open(os.path.join(folder, name + ".c"), "w", encoding="utf-8") as file:
            file.write(block)
        done = run("cc", *STRICT, f"-I{INCLUDE}", "-shared", "-fPIC", "-o", path, os.path.join(folder, name + ".c"))
        if done.returncode == 0:
            os.chmod(path, 0o755)  # whatever the umask: root refuses what others can write to
            done = run(PROGRAM, "plugins", "show", "--plugin", path, name)
        tap.ok(done.returncode == 0 and "\nkind=storage\n" in done.stdout and "error=" not in done.stdout,
               f"the plugin '{name}' of the guide loads", done.stdout + done.stderr)


def test_templates(guide, folder):
    """What the guide shows of the projects is what `plugins new` writes."""
    for kind, name, file, language in (("storage", "reel", "reel.c", "c"), ("package", "crate", "crate.yaml", "yaml")):
        place = os.path.join(folder, name)
        done = run(PROGRAM, "plugins", "new", kind, name, place)
        text = None
        if done.returncode == 0:
            with open(os.path.join(place, file), encoding="utf-8") as written:
                text = written.read()
        tap.ok(text in blocks(guide, language), f"the guide shows {file} as `plugins new {kind} {name}` writes it",
               done.stderr)


def test_cases(guide):
    for kind in ("storage", "package"):
        source = read("core", "check", kind + ".c")
        wanted = [[f"`{name}`", summary] for name, summary in re.findall(r'^\s+\{"(\w+)", "([^"]+)"', source,
                                                                         re.MULTILINE)]
        rows = table(guide, f"The cases of {kind} plugins")
        tap.ok(len(wanted) > 10, f"the cases of {kind} plugins are found")
        equal([row[:2] for row in rows], wanted, f"the guide has each case of {kind} plugins")
        equal([row[0] for row in rows if len(row) != 3 or not row[2]], [], f"and what is done in it ({kind})")


def test_specs(guide, folder):
    """The derivative distribution, and every whole spec of the guide."""
    profiles = os.path.join(folder, "profiles")
    os.mkdir(profiles)
    found = blocks(guide, "yaml")
    for block in found:
        identity = re.search(r"^id: (\S+)$", block, re.MULTILINE)
        if identity:
            with open(os.path.join(profiles, identity[1] + ".yaml"), "w", encoding="utf-8") as file:
                file.write(block)
    tap.ok("acme.yaml" in os.listdir(profiles), "the guide has the profile of a derivative distribution")
    specs = [block for block in found if block.startswith("vmforge: 1\n")]
    tap.ok(any("id: acme" in block for block in specs), "and a spec for it")
    environment = {**os.environ, "VMFORGE_PROFILE_PATH": profiles}
    for number, block in enumerate(specs, 1):
        path = os.path.join(folder, f"spec{number}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(block)
        equal(run(PROGRAM, "validate", path, env=environment).stderr, "", f"spec {number} of the guide is valid")


def test_words(guide):
    """Names in the text are those of the program."""
    options = {option for line in guide.splitlines() for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line)}
    known = "".join(run(PROGRAM, *words, "--help").stdout for words in
                    ([], ["build"], ["run"], ["plugins", "check"], ["plugins", "show"]))
    foreign = {"--cflags", "--variable", "--reflink", "--fail", "--silent", "--globoff", "--output", "--extract",
               "--file", "--directory"}  # of pkg-config, cp, curl and tar
    equal(sorted(option for option in options - foreign if option not in known), [], "the guide's options exist")
    constants = set(re.findall(r"\bVMFORGE_(?:PLUGIN|PACKAGE|VOLUME|EXTENT|ARTEFACT|MAP|CONFIG|REQUEST|LOG)_[A-Z_]+\b",
                               guide))
    header = read("core", "include", "vmforge", "plugin.h")
    equal(sorted(name for name in constants - {"VMFORGE_PLUGIN_PATH"} if not re.search(rf"\b{name}\b", header)), [],
          "the guide's constants exist")
    links = re.findall(r"\]\(#([^)]*)\)", guide)
    titles = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
              for title in re.findall(r"^## (.*)$", guide, re.MULTILINE)}
    equal(sorted(links), sorted(titles), "the guide's table of contents has its parts")


def main():
    guide = read("docs", "plugin-guide.md")
    test_manual()
    test_manual_format()
    test_cases(guide)
    test_words(guide)
    with tempfile.TemporaryDirectory(prefix="vmforge-guide-") as folder:
        test_blocks(guide, folder)
        test_plugins(guide, folder)
        test_templates(guide, folder)
        test_specs(guide, folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
