# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Every place of a document that a schema knows, as a path: "core.users[].name", "arches.*", "extends[]"."""
import json
import os

FOLDER = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "..", "core", "spec")


def resolve(root, reference):
    node = root
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def children(schema):
    """(what is added to the path, schema) of each part."""
    for word in ("oneOf", "anyOf", "allOf"):
        yield from (("", part) for part in schema.get(word, ()) if part.keys() != {"required"})
    yield from (("." + name, part) for name, part in schema.get("properties", {}).items())
    rest = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties"), schema.get("items")]
    yield from (("[]" if part is schema.get("items") else ".*", part) for part in rest if isinstance(part, dict))


def walk(schema, root, path, found):
    if "$ref" in schema:
        walk(resolve(root, schema["$ref"]), root, path, found)
        return
    parts = list(children(schema))
    for more, part in parts:
        walk(part, root, (path + more).lstrip("."), found)
    if not parts:
        found.setdefault(path)


def paths(name):
    """Of the leaves of core/spec/NAME.schema.json, in its order."""
    with open(os.path.join(FOLDER, f"{name}.schema.json"), encoding="utf-8") as file:
        root = json.load(file)
    found = {}
    walk(root, root, "", found)
    return list(found)
