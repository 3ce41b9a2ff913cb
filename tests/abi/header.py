# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What a C header of ours declares, read from its text: nothing here is a list kept by hand."""
import re


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)


class Header:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.code = without_comments(self.text)

    def structs(self):
        """Struct → its members, in order."""
        found = {}
        for name, body in re.findall(r"^struct (\w+) \{\n(.*?)^\};", self.code, re.DOTALL | re.MULTILINE):
            found[name] = [self.member(part) for part in body.split(";") if part.strip()]
        return found

    @staticmethod
    def member(declaration):
        pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", declaration)
        if pointer:
            return pointer[1]
        return re.search(r"(\w+)\s*(?:\[[^\]]*\]\s*)?$", declaration.split(" VMFORGE_PLUGIN_PRINTF")[0])[1]

    def types(self, struct):
        """Member → its type, parameters without their names: a name may change, a type may not."""
        body = re.search(r"^struct " + struct + r" \{\n(.*?)^\};", self.code, re.DOTALL | re.MULTILINE)[1]
        found = {}
        for declaration in filter(str.strip, body.split(";")):
            name = self.member(declaration)
            text = re.sub(r"\s+", " ", declaration.split(" VMFORGE_PLUGIN_PRINTF")[0]).strip()
            pointer = re.fullmatch(r"(.*)\(\*" + name + r"\) \((.*)\)", text)
            if pointer:
                parameters = [re.sub(r"(?<=[ *])\w+$", "", part.strip()).strip() for part in pointer[2].split(",")]
                found[name] = f"{pointer[1]}(*) ({', '.join(parameters)})"
            else:
                found[name] = re.sub(r"\b" + name + r"\b(?=(?:\[\w+\])*$)", "", text).strip()
        return found

    def callbacks(self, struct):
        """Those members that are functions."""
        body = re.search(r"^struct " + struct + r" \{\n(.*?)^\};", self.code, re.DOTALL | re.MULTILINE)[1]
        return re.findall(r"\(\s*\*\s*(\w+)\s*\)\s*\(", body)

    def constants(self):
        """Members of enums, and macros that are numbers."""
        enums = [name for body in re.findall(r"^enum \w+ \{(.*?)\};", self.code, re.DOTALL | re.MULTILINE)
                 for name in re.findall(r"\b([A-Z]\w+)\b\s*(?:=|,|$)", body, re.MULTILINE)]
        macros = re.findall(r"^#\s*define (VMFORGE_\w+)\s+(?:UINT32_C \(\d+\)|\d+)\s*$", self.code, re.MULTILINE)
        return enums + macros

    def functions(self, mark):
        """Names that are declared with this mark (VMFORGE_API)."""
        return set(re.findall(r"^" + mark + r"\b[^;(]*?\b(\w+) \(", self.code, re.MULTILINE))
