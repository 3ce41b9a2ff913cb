#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""The ABI promise: plugins that were compiled against an older plugin.h of the same ABI number keep loading.

From ABI 1 on, tests/abi/N/ holds the plugin.h and the binaries of the day on which ABI N was frozen. Until then what is
there today stands for them, with tables and descriptors that are smaller and larger than ours."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
SOURCE = os.path.realpath(os.path.join(HERE, "..", ".."))
INCLUDE = os.path.join(SOURCE, "core", "include")
BUILD = os.environ.get("VMFORGE_BUILD_DIR") or os.path.join(SOURCE, "build")
sys.path[:0] = [HERE, os.path.join(SOURCE, "tests", "vm")]

# pylint: disable=wrong-import-position
from header import Header
from tap import Tap

COMPILERS = ("gcc", "clang")
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
STORAGE = r"""
#include <vmforge/plugin.h>
static int open_it (struct vmforge_call *call, const struct vmforge_storage_config *config, void **handle)
{
  (void)config, (void)handle;
  call->host->error (call, VMFORGE_PLUGIN_FAILED, "nothing to open");
  return -1;
}
static void close_it (void *handle) { (void)handle; }
static int create (void *handle, struct vmforge_call *call, const char *id, uint64_t bytes)
{ (void)handle, (void)call, (void)id, (void)bytes; return -1; }
static int clone_it (void *handle, struct vmforge_call *call, const char *id, const char *parent)
{ (void)handle, (void)call, (void)id, (void)parent; return -1; }
static int map (void *handle, struct vmforge_call *call, const char *id, uint32_t flags, char *path)
{ (void)handle, (void)call, (void)id, (void)flags, (void)path; return -1; }
static int one (void *handle, struct vmforge_call *call, const char *id)
{ (void)handle, (void)call, (void)id; return -1; }
static int list (void *handle, struct vmforge_call *call)
{ (void)handle, (void)call; return -1; }
%(types)s
static const %(table)s table = {%(begin)s.size = %(size)s, .open = open_it, .close = close_it, .create = create,
  .clone = clone_it, .map = map, .grow = create, .seal = one, .remove = one, .list = list%(end)s};
%(descriptor)s
"""
PLAIN = """VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, %(size)s, .name = "%(name)s", .version = "1",
  .description = "of another day", .storage = (const struct vmforge_storage *)(const void *)&table);"""
# A descriptor with members that we do not know yet.
LARGER = """struct later { struct vmforge_plugin known; const void *more[4]; };
VMFORGE_PLUGIN_EXPORT extern const struct later vmforge_plugin;
const struct later vmforge_plugin = {.known = {.abi = VMFORGE_PLUGIN_ABI, .size = sizeof (struct later),
  .kind = VMFORGE_PLUGIN_STORAGE, .table_size = %(size)s, .name = "%(name)s", .version = "1",
  .description = "of another day", .storage = (const struct vmforge_storage *)(const void *)&table},
  .more = {&table, &table, &table, &table}};"""
LATER_TABLE = "struct later_table { struct vmforge_storage known; int (*unknown[6]) (void); };"


def shapes():
    """Name → the source of a plugin of another day."""
    smallest = "(offsetof (struct vmforge_storage, list) + sizeof (void *))"
    whole = {"types": "", "table": "struct vmforge_storage", "begin": "", "end": "", "size": "sizeof table"}
    later = {"types": LATER_TABLE, "table": "struct later_table", "begin": ".known = {", "end": "}",
             "size": "sizeof (struct later_table)"}
    found = {"today": (whole, PLAIN), "smaller": ({**whole, "size": smallest}, PLAIN), "larger": (later, PLAIN),
             "descriptor": (whole, LARGER)}
    return {name: STORAGE % {**parts, "descriptor": descriptor % {"name": name, "size": parts["size"]}}
            for name, (parts, descriptor) in found.items()}


def run(*command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)


def loads(path):
    """Nothing, or what the program says of this plugin."""
    name = os.path.basename(path)[len("vmforge-"):-len(".so")]
    done = run(f"{BUILD}/vmforge", "plugins", "show", "--plugin", path, name)
    good = done.returncode == 0 and re.search(rf"^name={name}$", done.stdout, re.MULTILINE) and \
        "error=" not in done.stdout
    return None if good else done.stdout + done.stderr


def show_compiled(tap, folder, include, day):
    for compiler in COMPILERS:
        if not shutil.which(compiler):
            tap.skip(f"plugins of {day}, compiled by {compiler}, load", f"there is no {compiler}")
            continue
        for name, source in shapes().items():
            path = f"{folder}/vmforge-{name}.so"
            with open(f"{folder}/{name}.c", "w", encoding="utf-8") as file:
                file.write(source)
            done = run(compiler, "-std=c11", *STRICT, "-shared", "-fPIC", f"-I{include}", "-o", path,
                       f"{folder}/{name}.c")
            problem = done.stderr if done.returncode else loads(path)
            tap.ok(not problem, f"a plugin of {day}, {name}, compiled by {compiler}, loads", problem)


def missing(abi, folder):
    """What the promise needs and is not stored, of the ABI numbers from 1 to this one."""
    found = []
    for number in range(1, abi + 1):
        stored = f"{folder}/{number}"
        if not os.path.isfile(f"{stored}/vmforge/plugin.h"):
            found.append(f"{stored}/vmforge/plugin.h")
        elif not [name for name in os.listdir(stored) if name.endswith(".so")]:
            found.append(f"{stored}/vmforge-NAME.so")
    return found


def show_stored(tap, abi, folder):
    gone = missing(abi, HERE)
    tap.ok(not gone, f"the headers and binaries of ABI 1 to {abi} are stored" if abi else "ABI 0 promises nothing yet",
           "store what was frozen: " + " ".join(gone))
    tap.ok(missing(1, folder) and missing(2, folder), "an empty folder is found once there is an ABI 1")
    for number in range(1, abi + 1):
        show_compiled(tap, folder, f"{HERE}/{number}", f"ABI {number}")
        for name in sorted(os.listdir(f"{HERE}/{number}")):
            if name.endswith(".so"):
                problem = loads(f"{HERE}/{number}/{name}")
                tap.ok(not problem, f"{number}/{name}, as it was stored, loads", problem)


def show_header(tap, folder):
    """plugin.h alone, in both languages, with every warning."""
    for extension, compilers, standard in (("c", ("gcc", "clang"), "c11"), ("cc", ("g++", "clang++"), "c++17")):
        path = f"{folder}/alone.{extension}"
        with open(path, "w", encoding="utf-8") as file:
            file.write('#include <vmforge/plugin.h>\n')
        for compiler in compilers:
            sentence = f"plugin.h compiles alone as {standard} with {compiler}"
            if not shutil.which(compiler):
                tap.skip(sentence, f"there is no {compiler}")
                continue
            done = run(compiler, f"-std={standard}", *STRICT, "-fsyntax-only", f"-I{INCLUDE}", path)
            tap.ok(done.returncode == 0, sentence, done.stderr)


def show_symbols(tap):
    """libvmforge exports what vmforge.h declares."""
    declared = Header(f"{INCLUDE}/vmforge/vmforge.h").functions("VMFORGE_API")
    done = run("nm", "-D", "--defined-only", f"{BUILD}/core/libvmforge.so")
    exported = {line.split()[-1].split("@")[0] for line in done.stdout.splitlines()}
    tap.ok(declared and declared == exported, "libvmforge exports what vmforge.h declares, and nothing else",
           f"not exported: {declared - exported}\nnot declared: {exported - declared}")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="vmforge-abi-") as folder:
        abi = int(re.search(r"^#define VMFORGE_PLUGIN_ABI (\d+)$", Header(f"{INCLUDE}/vmforge/plugin.h").text,
                            re.MULTILINE)[1])
        show_header(tap, folder)
        show_compiled(tap, folder, INCLUDE, "today")
        show_stored(tap, abi, folder)
        show_symbols(tap)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
