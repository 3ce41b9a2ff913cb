#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""The cli suite: runs the program as a user would, without root and without a network, and says so in TAP.

usage: program.py VMFORGE SOURCE"""
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
sys.path.insert(0, os.path.join(SOURCE, "tests", "vm"))
from tap import Tap  # noqa: E402

GROUPS = {"stages": ["list", "show", "keep", "unkeep", "rm"], "images": ["list", "show", "path", "tag", "untag", "sbom", "rm"],
          "plugins": ["list", "show", "check", "new"], "store": ["show", "umount"],
          "repo": ["refresh", "show"], "key": ["new", "list", "trust", "revoke", "export", "rotate"]}
PLAIN = ["build", "plan", "lock", "validate", "schema", "run", "shell", "export", "push", "pull", "receive", "verify", "diff", "gc", "fsck", "sign",
         "version"]
COMMANDS = [*PLAIN, *GROUPS]
GOOD_SPEC = "vmforge: 1\nname: good\ndistro: {id: debian, release: bookworm}\n"
NOBODY = 65534

tap = Tap()


def run(*arguments, nobody=False, env=None, cwd=None):
    """(exit status, standard output, standard error). nobody: as a user who is not root; the program is opened
    before, as its folder may be closed to that user."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", **(env or {})}
    for name in os.environ:
        if name.endswith("SAN_OPTIONS") or name in ("TMPDIR", "LD_LIBRARY_PATH"):
            environment[name] = os.environ[name]
    command, passed = [PROGRAM, *arguments], ()
    extra = {} if cwd is None else {"cwd": cwd}
    if nobody and os.geteuid() == 0:
        descriptor = os.open(PROGRAM, os.O_RDONLY)
        passed = (descriptor,)
        extra = {"executable": f"/proc/self/fd/{descriptor}", "user": NOBODY, "group": NOBODY, "extra_groups": [],
                 "cwd": "/"}
    result = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=60, check=False, pass_fds=passed, **extra)
    for descriptor in passed:
        os.close(descriptor)
    return result.returncode, result.stdout, result.stderr


def equal(got, wanted, sentence):
    tap.ok(got == wanted, sentence, f"got    {got!r}\nwanted {wanted!r}")


def fails(arguments, status, message, sentence, **how):
    """The status, nothing on standard output, and one line on standard error, exactly."""
    equal(run(*arguments, **how), (status, "", f"vmforge: {message}\n"), sentence)


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


# ---- help and manual pages

def help_options(text):
    return set(re.findall(r"^  (?:-., )?(--[a-z-]+)", text, re.MULTILINE))


def man_options(text):
    """Options of all .It items: `.It Fl o , Fl -output Ar path`."""
    return {f"-{name}" for line in re.findall(r"^\.It (Fl .*)$", text, re.MULTILINE)
            for name in re.findall(r"Fl (-[a-z-]+)", line)}


def test_help():
    status, text, errors = run("--help")
    tap.ok(status == 0 and not errors, "--help succeeds")
    for command in COMMANDS:
        tap.ok(re.search(rf"^  {command} +\S", text, re.MULTILINE), f"--help lists '{command}' with a line")
    equal(run("help")[1], text, "'help' prints the same as --help")
    equal(man_options(read("docs", "man", "vmforge.1")), help_options(text), "vmforge(1) has the options of --help")
    for command in PLAIN:
        status, text, errors = run(command, "--help")
        tap.ok(status == 0 and not errors and text.startswith(f"Usage:\n  vmforge {command}"),
               f"'{command} --help' succeeds", text + errors)
        equal(run("help", command)[1], text, f"'help {command}' prints the same")
        equal(man_options(read("docs", "man", f"vmforge-{command}.1")), help_options(text),
              f"vmforge-{command}(1) has the options of --help")
    for group, children in GROUPS.items():
        test_group_help(group, children)


def test_group_help(group, children):
    page, options = read("docs", "man", f"vmforge-{group}.1"), set()
    text = run(group, "--help")[1]
    for child in children:
        tap.ok(re.search(rf"^  {child} +\S", text, re.MULTILINE), f"'{group} --help' lists '{child}'")
        tap.ok(f".It Cm {child}\n" in page, f"vmforge-{group}(1) describes '{child}'")
        status, child_text, _ = run(group, child, "--help")
        tap.ok(status == 0 and child_text.startswith(f"Usage:\n  vmforge {group} {child}"),
               f"'{group} {child} --help' succeeds", child_text)
        options |= help_options(child_text)
    equal(man_options(page), options, f"vmforge-{group}(1) has the options of its commands' --help")


def test_man_pages():
    for name in sorted(os.listdir(os.path.join(SOURCE, "docs", "man"))):
        page = read("docs", "man", name)
        title = name.rsplit(".", 1)
        tap.ok(f".Dt {title[0].upper()} {title[1]}\n" in page, f"{name} has its title")
        tap.ok(".Sh EXAMPLES" in page or name == "vmforge-version.1", f"{name} has examples")
        tap.ok(f"man/{name}'" in read("docs", "meson.build"), f"{name} is installed")
        if name.startswith("vmforge-") and name.endswith(".1"):
            tap.ok(".Sh EXIT STATUS" in page, f"{name} tells the exit status")


def test_completions():
    for name in ("vmforge.bash", "_vmforge", "vmforge.fish"):
        text = read("docs", "completions", name)
        missing = [word for word in [*COMMANDS, "help"] if not re.search(rf"\b{word}\b", text)]
        equal(missing, [], f"{name} knows every command")
        missing = [group for group, children in GROUPS.items() if " ".join(children) not in text]
        equal(missing, [], f"{name} knows the commands of every group")


# ---- usage

def test_usage():
    fails([], 2, "no command given: see 'vmforge --help'", "no command is a usage error")
    fails(["biuld"], 2, run("biuld")[2][len("vmforge: "):-1], "an unknown command is a usage error")
    fails(["validat"], 2, "unknown command 'validat' (did you mean 'validate'?): see 'vmforge --help'",
          "an unknown command gets a suggestion")
    fails(["images", "lst"], 2, "unknown command 'images lst' (did you mean 'list'?): see 'vmforge images --help'",
          "an unknown command of a group gets a suggestion")
    fails(["store"], 2, "'vmforge store' needs one of show, umount: see 'vmforge store --help'",
          "a group alone is a usage error")
    fails(["images", "--untl"], 2, "unknown option '--untl': see 'vmforge images list --help'",
          "a group with an unknown option alone is a usage error")
    for option, what in (("--store", "a folder"), ("--storage", "a storage plugin")):
        fails(["build", option + "=", "x.yaml"], 2, f"{option} names {what}, not '': see 'vmforge build --help'",
              f"an empty {option} is a usage error")
    fails(["build", "--untl", "core", "x.yaml"], 2,
          "unknown option '--untl' (did you mean '--until'?): see 'vmforge build --help'",
          "an unknown option gets a suggestion")
    fails(["--stroe", "x", "build"], 2,
          run("--stroe", "x", "build")[2][len("vmforge: "):-1], "an unknown option before the command is an error")
    fails(["validate", "-Z", "x"], 2, "unknown option '-Z': see 'vmforge validate --help'",
          "an unknown short option is an error")
    fails(["build"], 2, "'vmforge build' needs SPEC...: see 'vmforge build --help'", "a missing argument is named")
    fails(["version", "x"], 2, "unexpected argument 'x': see 'vmforge version --help'", "a surplus argument is named")
    fails(["build", "--until", "cor", "x.yaml"], 2, "--until is core, base, image or appliance, not 'cor' (did you "
          "mean 'core'?): see 'vmforge build --help'", "an unknown stage gets a suggestion")
    fails(["build", "--format", "qcow", "x.yaml"], 2, "unknown format 'qcow' (did you mean 'qcow2'?), known are raw, "
          "qcow2: see 'vmforge build --help'", "an unknown format gets a suggestion")
    fails(["build", "--refresh", "soon", "x.yaml"], 2, "--refresh takes an age such as 30min, 1h or 2d, not 'soon': "
          "see 'vmforge build --help'", "a bad age is refused")
    fails(["build", "--output", "image.raw", "x.yaml", "y.yaml"], 2, "--output must be a folder for several specs, "
          "not 'image.raw': see 'vmforge build --help'", "one file for two specs is refused")
    fails(["run", "--memory", "much", "x"], 2, "--memory takes a size such as 2GiB, not 'much': see 'vmforge run "
          "--help'", "a bad size is refused")
    fails(["run", "--firmware", "efi", "x"], 2, "--firmware is bios or uefi, not 'efi': see 'vmforge run --help'",
          "an unknown firmware is refused")
    fails(["validate", "--color", "pink", "x"], 2, "--color is auto, always or never, not 'pink': see 'vmforge "
          "validate --help'", "an unknown colour setting is refused")


# ---- commands

def test_validate(folder):
    good, bad = os.path.join(folder, "good.yaml"), os.path.join(folder, "bad.yaml")
    for path, text in ((good, GOOD_SPEC), (bad, GOOD_SPEC + "image: {pakages: [x]}\n")):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    equal(run("validate", good), (0, f"{good}: ok\n", ""), "a good spec is valid")
    equal(run("validate", "--quiet", good), (0, "", ""), "--quiet says nothing of a good spec")
    message = f"{bad}:4:9: unknown key 'pakages' in stage 'image' (did you mean 'packages'?)"
    fails(["validate", bad], 2, message, "an unknown key is one line with place and suggestion")
    status, out, errors = run("validate", "--json", good, bad)
    equal([json.loads(line) for line in out.splitlines()],
          [{"event": "spec", "spec": good, "ok": True, "name": "good"},
           {"event": "spec", "spec": bad, "ok": False, "message": message},
           {"event": "error", "message": message, "status": 2}], "--json prints a line for each spec, and the error")
    equal((status, errors), (2, f"vmforge: {message}\n"), "--json has the error on standard error too, once")
    status, out, errors = run("validate", os.path.join(folder, "absent.yaml"))
    tap.ok(status == 2 and not out and errors.count("\n") == 1 and "absent.yaml" in errors,
           "an absent spec is one line that names it", errors)
    for name in sorted(os.listdir(os.path.join(SOURCE, "specs"))):
        if name.endswith(".yaml"):
            path = os.path.join(SOURCE, "specs", name)
            equal(run("validate", path), (0, f"{path}: ok\n", ""), f"{name} is valid")
    return good


def test_output(folder, good):
    """What cannot be written is told before root is asked for, and before anything is built."""
    two = os.path.join(folder, "two.yaml")
    with open(two, "w", encoding="utf-8") as file:
        file.write(GOOD_SPEC + "output: {formats: [raw, qcow2]}\n")
    taken = os.path.join(folder, "taken")
    os.makedirs(os.path.join(taken, "good-0-x86_64.raw"))
    os.makedirs(os.path.join(taken, "good-image-x86_64.raw"))
    for sentence, arguments, status, message in (
            ("an image cannot be mixed with progress", ["-o", "-", good], 2,
             "standard output tells of the build: build first, then `vmforge export IMAGE --output -`"),
            ("an empty --output is refused", ["-o", "", good], 2,
             "--output names a file or a folder, not '': see 'vmforge build --help'"),
            ("one file for two formats is refused", ["-o", f"{folder}/x", two], 2,
             f"'{folder}/x' would be written in several formats: name a folder, or choose one with --format"),
            ("a file as folder of --output is refused", ["-o", f"{good}/x/y.raw", good], 2,
             f"cannot write '{good}/x/y.raw': '{good}' is no folder"),
            ("an image where a folder is is refused", ["-o", taken, good], 2,
             f"'{taken}/good-0-x86_64.raw' exists and is no regular file: name another place"),
            ("a stage where a folder is is refused", ["--until", "image", "-o", taken, good], 2,
             f"'{taken}/good-image-x86_64.raw' exists and is no regular file: name another place"),
            ("a device as --output is refused", ["-o", "/dev/null", good], 2,
             "'/dev/null' exists and is no regular file: name another place")):
        fails(["build", *arguments], status, message, sentence)
    fails(["build", "-o", f"{folder}/x/y.raw", good], 3,
          f"cannot write '{folder}/x/y.raw': folder '{folder}': Permission denied",
          "a folder of --output that cannot be written is refused", nobody=True)


def test_lock(good):
    for arguments, message, sentence in (
            ([good, "openssl"], "'openssl' is a package: which one is moved is said with --update: see 'vmforge lock --help'",
             "a package after a spec that is not to be updated is refused"),
            (["--diff", "--update", good], "--diff shows what --update would do: give one: see 'vmforge lock --help'",
             "--diff and --update together are refused")):
        fails(["lock", *arguments], 2, message, sentence)


def test_schema():
    for arguments in ([], ["spec"], ["profile"], ["config"], ["lock"]):
        status, out, _ = run("schema", *arguments)
        try:
            sound = json.loads(out).get("$schema", "").endswith("2020-12/schema")
        except ValueError:
            sound = False
        tap.ok(status == 0 and sound, f"'{' '.join(['schema', *arguments])}' prints a JSON Schema")


def test_diff(folder):
    store = os.path.join(folder, "compared")
    os.mkdir(store)
    os.chmod(store, 0o755)
    with open(os.path.join(store, "store.json"), "w", encoding="utf-8") as file:
        json.dump({"format": 1, "id": "0123456789abcdef0123456789abcdef"}, file)
        os.chmod(file.name, 0o644)
    for arguments, wanted in ((["one"], "'vmforge diff' needs A B"), (["one", "two", "three"], "unexpected argument 'three'"),
                              (["--matrix", "--tree"], "--matrix is of blocks in one store: leave out --tree"),
                              (["--matrix", "--store-b", store], "--matrix is of blocks in one store: leave out --store-b"),
                              (["--matrix", "--rehearse"], "--rehearse is of blocks of two images: leave out --matrix"),
                              (["--tree", "--rehearse", "a", "b"], "--rehearse is of blocks of two images: leave out --tree"),
                              (["--store-b", "", "one", "two"], "--store-b names a folder, not ''")):
        fails(["diff", "--store", store, *arguments], 2, f"{wanted}: see 'vmforge diff --help'",
              f"'diff {' '.join(arguments)}' is refused")
    fails(["diff", "--store", store, "one", "two"], 2, "no image or stage 'one' (`vmforge images list` shows them)",
          "'diff' of blocks needs no root", nobody=True)
    fails(["diff", "--rehearse", "--store", store, "one", "two"], 3,
          "comparing images needs root: run the same command as root or with sudo", "a rehearsal does", nobody=True)
    equal(run("diff", "--matrix", "--store", store), (0, "", ""), "'diff --matrix' of no images is empty")
    equal(json.loads(run("diff", "--matrix", "--json", "--store", store)[1]), [], "with --json it is an empty list")


def test_sbom(folder):
    """Of an image whose records were written by hand."""
    store = os.path.join(folder, "itemized")
    with open(os.path.join(SOURCE, "tests", "unit", "repository", "data", "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    records = {"store.json": {"format": 1, "id": "0123456789abcdef0123456789abcdef"}, f"objects/{digest}.json": manifest,
               "images/web/1.4@x86_64.json": {"format": 1, "digests": [digest], "published": 1795433496}}
    for path, record in records.items():
        os.makedirs(os.path.dirname(os.path.join(store, path)), exist_ok=True)
        with open(os.path.join(store, path), "w", encoding="utf-8") as file:
            json.dump(record, file)
    status, out, errors = run("images", "sbom", "--store", store, "web")
    with open(os.path.join(SOURCE, "tests", "unit", "repository", "data", "sbom.spdx.json"), encoding="utf-8") as file:
        wanted = json.load(file)
    tap.ok(status == 0 and out.endswith("}\n") and json.loads(out) == wanted, "'images sbom' prints an SPDX document",
           out + errors)
    equal(run("images", "sbom", "--store", store, digest[:12])[1], out, "the same by the image's digest")
    fails(["images", "sbom", "--store", store, "wob"], 2, "no image or stage 'wob' (did you mean 'web'?)",
          "'images sbom' of an image that is not there is an error")


def test_not_root(folder, good):
    store = os.path.join(folder, "store")
    for what, arguments in {
        "building an image": ["build", "--store", store, good], "booting a clone": ["run", "--store", store, "x"],
        "locking a spec": ["lock", "--store", store, good],
        "entering a volume": ["shell", "--store", store, "x"],
        "comparing images": ["diff", "--tree", "--store", store, "x", "y"],
        "exporting an image": ["export", "--store", store, "x"],
        "removing a stage": ["stages", "rm", "--store", store, "x"],
        "pinning a stage": ["stages", "keep", "--store", store, "x"],
        "collecting garbage": ["gc", "--store", store], "checking a store": ["fsck", "--store", store],
        "removing an image": ["images", "rm", "--store", store, "x"],
        "unmounting": ["store", "umount", "--store", store],
    }.items():
        fails(arguments, 3, f"{what} needs root: run the same command as root or with sudo",
              f"'{arguments[0]}' without root says what to do ({what})", nobody=True)
    tap.ok(not os.path.exists(os.path.join(store, "cache")), "what is refused without root makes nothing")


def test_encoding(folder, good):
    """Paths that are no UTF-8 text."""
    odd = os.path.join(os.fsencode(folder), b"odd\xff")
    shown = os.path.join(folder, "odd\\377")
    os.makedirs(odd)
    with open(good, "rb") as source, open(os.path.join(odd, b"good.yaml"), "wb") as file:
        file.write(source.read())
    advice = "(use another name)"
    wrong = f"an argument is not UTF-8 text: '{shown}' {advice}"
    for arguments in (["validate", odd], ["build", "--store", odd, good], ["build", "-o", odd, good],
                      ["images", "list", "--plugin", odd], ["build", "--until", odd, good], ["images", "show", odd]):
        fails(arguments, 2, wrong, f"'{arguments[0]}' refuses an argument that is not UTF-8 ({len(arguments)})")
    status, out, errors = run("validate", "--json", odd)
    equal((status, json.loads(out), errors), (2, {"event": "error", "message": wrong, "status": 2},
                                             f"vmforge: {wrong}\n"), "--json says so in an object")
    fails(["images", "list"], 2, f"the path of the store is not UTF-8 text: '{shown}/s' {advice}",
          "the same of a store that the environment names", env={"VMFORGE_STORE": os.path.join(odd, b"s")})
    fails(["images", "list", "--store", "s"], 2, f"the path of the store is not UTF-8 text: '{shown}/s' {advice}",
          "the same of a store in such a folder", cwd=odd)
    fails(["validate", "good.yaml"], 2, f"the path of the spec is not UTF-8 text: '{shown}/good.yaml' {advice}",
          "the same of a spec in such a folder", cwd=odd)


def test_store(folder):
    store = os.path.join(folder, "store")
    os.mkdir(store)
    with open(os.path.join(store, "store.json"), "w", encoding="utf-8") as file:
        json.dump({"format": 1, "id": "0123456789abcdef0123456789abcdef"}, file)
    for arguments in (["images", "list"], ["stages", "list"], ["stages", "list", "--kept"]):
        name = " ".join(arguments)
        equal(run(arguments[0], *arguments[2:], "--store", store), (0, "", ""), f"'{name}' goes without 'list'")
        equal(run(*arguments, "--store", store), (0, "", ""), f"'{name}' of an empty store is empty")
        status, out, _ = run(*arguments, "--json", env={"VMFORGE_STORE": store})
        tap.ok(status == 0 and json.loads(out) == [], f"'{name} --json' of an empty store is an empty list", out)
    status, out, _ = run("--store", store, "store", "show", "--json")
    tap.ok(status == 0 and json.loads(out).get("path") == store, "'store show --json' names the store", out)
    tap.ok(run("store", "show", "--store", store)[1].startswith(f"path={store}\n"), "'store show' prints facts")
    equal(sorted(os.listdir(store)), ["store.json"], "commands that only read make nothing in the store")
    status, out, errors = run("images", "show", "web", "--store", store)
    tap.ok(status == 2 and not out and "'web'" in errors, "an unknown image is named, with exit status 2", errors)
    status, out, errors = run("stages", "show", "abcdef", "--json", "--store", store)
    event = json.loads(out)
    tap.ok((status, event["event"], event["status"]) == (2, "error", 2) and errors == f"vmforge: {event['message']}\n",
           "an error with --json is an object, and a line on standard error", out + errors)
    status, out, errors = run("images", "list", "--store", os.path.join(folder, "absent"))
    tap.ok(status == 3 and not out and "no store" in errors, "an absent store is named, with exit status 3", errors)


def test_plugins():
    status, out, errors = run("plugins", "list", "--json")
    plugins = {plugin["name"]: plugin for plugin in json.loads(out)} if status == 0 else {}
    tap.ok({"apt", "storage-file"} <= set(plugins), "'plugins list' has apt and storage-file", out + errors)
    tap.ok(not [plugin for plugin in plugins.values() if "error" in plugin], "no plugin is broken", out)
    names = [line.split()[0] for line in run("plugins", "list")[1].splitlines()]
    equal(names, sorted(plugins), "'plugins list' begins its lines with the names")
    status, out, errors = run("plugins", "show", "storage-file")
    tap.ok(status == 0 and out.startswith("name=storage-file\nkind=storage\n"), "'plugins show' prints facts", errors)
    equal(json.loads(run("plugins", "show", "apt", "--json")[1] or "{}").get("kind"), "package",
          "'plugins show --json' prints an object")
    fails(["plugins", "show", "storage-fle"], 2, "no plugin 'storage-fle' (did you mean 'storage-file'?): 'vmforge "
          "plugins list' shows them", "an unknown plugin gets a suggestion")


def test_new_plugin(folder):
    place = os.path.join(folder, "tape")
    status, out, errors = run("plugins", "new", "storage", "tape", place)
    files = ["LICENSE", "README.md", "check.sh", "meson.build", "tape.c", "vmforge-tape.1"]
    equal(sorted(os.listdir(place)), files, "'plugins new storage' writes a project")
    equal((status, out.split("\n\n")[0].splitlines(), errors), (0, [f"{place}/{name}" for name in files], ""),
          "'plugins new' prints the names of its files")
    equal([line.strip() for line in out.splitlines()[-5:]],
          [f"cd {place}", "meson setup build", "ninja -C build", "meson test -C build",
           "vmforge build --plugin build/vmforge-tape.so --storage tape SPEC"], "'plugins new' prints what comes next")
    fails(["plugins", "new", "storage", "tape", place], 2, f"the folder '{place}' is not empty: name one that does not "
          "exist, or is empty", "'plugins new' overwrites nothing")
    status, out, _ = run("plugins", "new", "package", "crate", place + "-crate", "--json")
    equal({**json.loads(out), "files": None}, {"name": "crate", "kind": "package", "path": place + "-crate",
                                               "files": None}, "'plugins new --json' prints an object")
    equal(sorted(json.loads(out)["files"]), sorted(os.listdir(place + "-crate")), "which has the files")
    fails(["plugins", "new", "transport", "wire"], 2, "there is no template of a transport plugin: package and storage "
          "have one", "'plugins new transport' is refused")
    fails(["plugins", "new", "storge", "tape"], 2, "unknown kind of plugin 'storge' (did you mean 'storage'?): it is "
          "package or storage", "an unknown kind of plugin gets a suggestion")
    fails(["plugins", "new", "storage", "../x"], 2, "'../x' is no name for a plugin: it begins with a letter, holds "
          "a-z, 0-9 and '-' alone, and has at most 64 characters", "a bad name of a plugin is refused")
    absent = os.path.join(folder, "absent", "tape")
    fails(["plugins", "new", "storage", "tape", absent], 1, f"cannot make the folder '{absent}': No such file or "
          "directory", "a folder that cannot be made is named")


def test_json_usage():
    status, out, errors = run("build", "--json", "--untl", "core", "x.yaml")
    tap.ok(status == 2 and json.loads(out)["status"] == 2 and errors.count("\n") == 1,
           "a usage error with --json is an object too", out + errors)


def test_version():
    status, out, _ = run("version")
    tap.ok(status == 0 and re.fullmatch(r"vmforge \d+\.\d+\.\d+\n", out), "version prints one line", out)
    equal(run("--version")[1], out, "--version prints the same")
    facts = json.loads(run("version", "--json")[1])
    tap.ok(facts["version"] == out.split()[1] and facts["config_file"].endswith("/vmforge/vmforge.yaml"),
           "version --json prints version and configuration file", facts)


def test_lost_output():
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = subprocess.run([PROGRAM, "version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    equal((result.returncode, result.stderr), (1, "vmforge: cannot write to standard output\n"),
          "output that is lost is a failure")


def main():
    test_help()
    test_man_pages()
    test_completions()
    test_usage()
    test_json_usage()
    test_schema()
    test_plugins()
    test_version()
    test_lost_output()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        good = test_validate(folder)
        os.chmod(good, 0o644)
        test_encoding(folder, good)
        test_lock(good)
        test_output(folder, good)
        test_not_root(folder, good)
        test_store(folder)
        test_diff(folder)
        test_sbom(folder)
        test_new_plugin(folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
