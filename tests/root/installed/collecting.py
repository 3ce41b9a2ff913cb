# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""`vmforge gc`, pins and the limit of the store, on stages that builds made; and collection in a loop beside builds."""
import contextlib
import json
import os
import re
import threading

from fixture import namespace, program


def stages(test, store):
    """Stage's spec and kind → its record; what several specs share has the name of the first."""
    done = test.vmforge("stages", "list", "--json", store=store)
    return {(one["spec"], one["stage"]): one for one in json.loads(done.stdout)}


def gc(test, store, *arguments):
    done = test.vmforge("gc", "--json", *arguments, store=store)
    if done.returncode:
        raise RuntimeError(program.said(done))
    return json.loads(done.stdout)


def build(test, store, *arguments):
    done = test.vmforge("build", *arguments, store=store)
    if done.returncode:
        raise RuntimeError(program.said(done))
    return done


def collect(test, store):
    """Nothing, or what is wrong. Two images share Core and Base; one goes."""
    specs = [test.spec(name, image={"run": [f"echo {name} >/srv/{name}"]}) for name in ("keep-me", "let-go")]
    build(test, store, *specs)
    if gc(test, store, "--keep-days", "0", "--dry-run")["removed"] == []:
        return "nothing of the caches would go"
    done = test.vmforge("images", "rm", "let-go", store=store)
    before = stages(test, store)
    told, did = gc(test, store, "--keep-days", "0", "--dry-run"), gc(test, store, "--keep-days", "0")
    after = stages(test, store)
    gone = [(one["kind"], one["name"]) for one in did["removed"]]
    if done.returncode or {**told, "dry_run": False} != did:
        return f"{told}\nis not\n{did}"
    lost = [before[key] for key in before if key not in after]
    wanted = {("let-go", "image"), ("let-go", "appliance")}
    if {(one["spec"], one["stage"]) for one in lost} != wanted or any(("stage", one["key"]) not in gone for one in lost):
        return f"lost {lost}\ntold {gone}"
    names = [name for kind, name in gone if kind == "stage"]
    if names != [before["let-go", "appliance"]["key"], before["let-go", "image"]["key"]]:
        return f"the order was {names}"
    return program.said(done) if build(test, store, specs[0]).stdout.count("reused") != 4 else None


def pin(test, store):
    """The stages of no image, one of which is pinned."""
    spec = test.spec("pinned", base={"run": ["echo pinned >/srv/pinned"]})
    build(test, store, "--until", "image", spec)
    base = stages(test, store)["pinned", "base"]["key"]
    kept = test.vmforge("stages", "keep", base[:12], store=store)
    refused = test.vmforge("stages", "rm", base, store=store)
    gc(test, store, "--keep-days", "0")
    left = [kind for name, kind in stages(test, store) if name == "pinned"]
    shown = stages(test, store).get(("pinned", "base"), {}).get("pinned")
    if kept.returncode or refused.returncode != 2 or left != ["base"] or not shown:
        return f"{left} {shown}\n{program.said(kept)}\n{program.said(refused)}"
    test.vmforge("stages", "unkeep", base, store=store)
    gc(test, store, "--keep-days", "0")
    return [name for name, _ in stages(test, store) if name == "pinned"]


@contextlib.contextmanager
def configured(text):
    """With this configuration, in a folder that lies over the one of the build that is tested."""
    with open(os.path.join(program.BUILD, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as file:
        options = {option["name"]: option["value"] for option in json.load(file)}
    folder = os.path.join(options["prefix"], options["sysconfdir"])
    with namespace.mounted("tmpfs", folder, kind="tmpfs"):
        os.makedirs(os.path.join(folder, "vmforge"))
        with open(os.path.join(folder, "vmforge", "vmforge.yaml"), "w", encoding="utf-8") as file:
            file.write(text)
        yield


def keep_limit(test, store):
    """With a limit of next to nothing, a build leaves what its image needs, and says what it removed."""
    build(test, store, "--until", "image", test.spec("before", image={"run": ["echo before >/srv/before"]}))
    with configured("store_limit: 1MiB\n"):
        done = build(test, store, test.spec("after", image={"run": ["echo after >/srv/after"]}))
    told = re.findall(r"^removed from the store: stage ([0-9a-f]{12}) \(image of 'before'", done.stdout, re.MULTILINE)
    left = {name for name, _ in stages(test, store)}
    if len(told) != 1 or "before" in left or "after" not in left:
        return f"{told} {left}\n{program.said(done)}"
    return None if "more than its limit of 1.0 MiB, and all of it is needed" in done.stderr else program.said(done)


def keep_locked(test, store):
    """The stages of a lock file stay while it is there, even if no image needs them."""
    spec = test.spec("locked", image={"run": ["echo locked >/srv/locked"]})
    for command in (("lock", spec), ("build", spec), ("images", "rm", "locked")):
        done = test.vmforge(*command, store=store)
        if done.returncode:
            return program.said(done)
    gc(test, store, "--keep-days", "0")
    before = [kind for name, kind in stages(test, store) if name == "locked"]
    os.unlink(spec + ".lock")
    gc(test, store, "--keep-days", "0")
    after = [kind for name, kind in stages(test, store) if name == "locked"]
    return None if set(before) == {"image", "appliance"} and not after else f"{before} {after}"


def collect_beside_builds(test, store):
    """Four builds, each again and again, while another process removes all that nothing needs."""
    ended, problems = threading.Event(), []

    def collect_all():
        count = 0
        while not ended.is_set():
            done = test.vmforge("gc", "--keep-days", "0", store=store)
            count += 1
            if done.returncode:
                problems.append(program.said(done))
        if count < 5:
            problems.append(f"only {count} collections")

    def build_often(name):
        spec = test.spec(f"beside-{name}", image={"run": [f"echo {name} >/srv/name"]}, appliance={"hostname": name})
        for _ in range(6):
            done = test.vmforge("build", spec, store=store)
            image = test.vmforge("images", "path", f"beside-{name}", store=store)
            if done.returncode or image.returncode or not os.path.exists(image.stdout.strip()):
                problems.append(program.said(done) + program.said(image))
            removed = test.vmforge("images", "rm", f"beside-{name}", store=store)
            if removed.returncode:
                problems.append(program.said(removed))
    collector = threading.Thread(target=collect_all)
    builders = [threading.Thread(target=build_often, args=(name,)) for name in ("one", "two", "three", "four")]
    for thread in (collector, *builders):
        thread.start()
    for thread in builders:
        thread.join()
    ended.set()
    collector.join()
    return "\n".join(problems[:3])


def show_collection(test, new_store):
    with new_store(test, "collected") as store:
        test.attempt("gc removes what no image needs, children first, and --dry-run tells the same before",
                     lambda: collect(test, store), store)
        test.attempt("a pinned stage stays, until it is let go", lambda: pin(test, store), store)
        test.attempt("a build keeps the limit of the store, and says what it removes", lambda: keep_limit(test, store), store)
        test.attempt("what a lock file names stays as long as it", lambda: keep_locked(test, store), store)
        test.attempt("gc beside builds takes no stage that lives", lambda: collect_beside_builds(test, store), store)
