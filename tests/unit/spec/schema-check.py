#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""The schemas are valid JSON Schema, describe every key, and another implementation takes what ships."""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCHEMAS = ROOT / "core" / "spec"
FILES = {
    "spec": sorted((ROOT / "specs").glob("*.yaml")),
    "profile": sorted((ROOT / "plugins").glob("*/profiles/*.yaml")),
    "config": [pathlib.Path(sys.argv[1])],
    "lock": [],
}


def undescribed(schema, defs, path=""):
    """Keys without title or description, which an editor would show bare."""
    for name, part in schema.get("properties", {}).items():
        whole = {**defs.get(part.get("$ref", "").split("/")[-1], {}), **part}
        if "title" not in whole or "description" not in whole:
            yield f"{path}/{name}"
    for value in schema.values():
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, dict):
                yield from undescribed(child, defs, path)
    for key in ("properties", "$defs"):
        for name, child in schema.get(key, {}).items():
            yield from undescribed(child, defs, f"{path}/{name}")


def merged(path, yaml):
    """A spec with its parents, as far as the schema can tell."""
    spec = yaml.safe_load(path.read_text())
    if "extends" in spec:
        spec = {**merged(path.parent / spec["extends"], yaml), **spec}
    return spec


def main():
    try:
        import jsonschema
        import yaml
    except ImportError as error:
        print(f"1..0 # SKIP {error}")
        return 0
    number = failed = 0

    def report(good, name, reason=""):
        nonlocal number, failed
        number += 1
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} {name}{reason and ': ' + reason}")

    for kind, files in FILES.items():
        schema = json.loads((SCHEMAS / f"{kind}.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        report(True, f"the schema of a {kind} is a schema")
        bare = sorted(set(undescribed(schema, schema.get("$defs", {}))))
        report(not bare, f"the schema of a {kind} describes every key", " ".join(bare))
        for path in files:
            document = merged(path, yaml) if kind == "spec" else yaml.safe_load(path.read_text())
            problems = list(jsonschema.Draft202012Validator(schema).iter_errors(document))
            report(not problems, f"{path.name} fits", problems[0].message.splitlines()[0] if problems else "")
    print(f"1..{number}")
    return failed != 0


sys.exit(main())
