# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Whether a store is sound, judged without any code of vmforge: a second opinion beside its own.

docs/store.md is what this follows: what is recorded must be whole. What a crash may leave until the store is opened next
(volumes under construction, temporaries) is no fault here; fixture.orphans() tells of it."""
import contextlib
import glob
import hashlib
import json
import os
import stat

SECTOR = 512


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def load(path, problems):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        problems.append(f"{path}: {error}")
        return None


def volume_path(store, volume):
    """Where storage-file keeps it, in whichever of its ways; None if nowhere."""
    return next(iter(glob.glob(f"{glob.escape(store)}/*/{volume}.raw")), None)


def storage_records(folder):
    return [path for path in glob.glob(folder + "/*.json") if os.path.basename(path) != "stage.json"]


def recorded(store):
    """Stage key → path of its volume, or None where that is absent."""
    found = {}
    for folder in glob.glob(f"{glob.escape(store)}/stages/*"):
        for path in storage_records(folder):
            with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
                found[os.path.basename(folder)] = volume_path(store, json.load(file)["volume"])
    return found


def check_volume(store, path, problems):
    record = load(path, problems)
    if record is None:
        return
    volume = volume_path(store, record.get("volume"))
    if volume is None:
        problems.append(f"{path}: its volume {record.get('volume')} is not there")
        return
    status = os.stat(volume)
    if status.st_mode & 0o222 or not stat.S_ISREG(status.st_mode):
        problems.append(f"{path}: its volume is not sealed ({oct(status.st_mode)})")
    if status.st_size != record.get("bytes"):
        problems.append(f"{path}: its volume has {status.st_size} bytes, not {record.get('bytes')}")


def check_stage(store, folder, problems):
    records = storage_records(folder)
    if not records:
        return  # cut off before it was recorded
    key, inputs = os.path.basename(folder), load(folder + "/stage.json", problems)
    if inputs is None:
        return
    digest = hashlib.sha256(canonical(inputs.get("inputs"))).hexdigest()
    said = inputs.get("key", digest) if inputs.get("stage") == "import" else inputs.get("key")
    if not key == said == digest:
        problems.append(f"{folder}: the key of stage.json is {inputs.get('key')}, its inputs have {digest}")
    parent = inputs.get("parent")
    for path in records:
        check_volume(store, path, problems)
        if parent and not os.path.exists(f"{store}/stages/{parent}/{os.path.basename(path)}"):
            problems.append(f"{path}: the parent {parent} is not recorded there")


def import_key(root):
    """Of the stage that a content becomes which was received: it follows from the content alone."""
    return hashlib.sha256(canonical({"format": 1, "stage": "import", "root": root})).hexdigest()


def is_recorded(store, manifest):
    """The stage that it was built as, or that it was received as."""
    keys = [manifest["stage"]] + ([import_key(manifest["root"])] if manifest.get("root") else [])
    return any(storage_records(f"{store}/stages/{key}") for key in keys)


def check_image(store, path, problems):
    record = load(path, problems)
    for digest in record.get("digests", []) if record else []:
        manifest = f"{store}/objects/{digest}.json"
        text = b""
        with contextlib.suppress(OSError), open(manifest, "rb") as file:
            text = file.read()
        if hashlib.sha256(text).hexdigest() != digest:
            problems.append(f"{path}: {manifest} is absent or has another digest")
        elif not is_recorded(store, json.loads(text)):
            problems.append(f"{path}: the stage of {digest} is not recorded")


def problems_of(store):
    """Lines; none if all that is recorded is whole."""
    problems = []
    if not os.path.exists(store + "/store.json"):
        return [] if not recorded(store) else [f"{store} has stages and no store.json"]
    load(store + "/store.json", problems)
    for folder in glob.glob(f"{glob.escape(store)}/stages/*"):
        check_stage(store, folder, problems)
    for path in glob.glob(f"{glob.escape(store)}/images/*/*.json"):
        check_image(store, path, problems)
    volumes = list(recorded(store).values())
    problems += [f"two stages have the volume {path}" for path in set(volumes) if path and volumes.count(path) > 1]
    return problems
