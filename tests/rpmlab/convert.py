# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Debian archives as RPM packages: payload, versions, dependencies and provides. Of maintainer scripts nothing is left; what they
would have done is in the lab's own packages (lab.py)."""
import io
import os
import re
import subprocess
import tarfile

import rpmrepo

# Folders that became links when /usr was merged.
MERGED = re.compile(r"^/(bin|sbin|lib|lib64)(?=/)")
LINKS = ("", "/", "/bin", "/sbin", "/lib", "/lib64")
UNWANTED = re.compile(r"^/usr/share/(doc|man|locale|lintian|info|bug|gtk-doc|bash-completion)/")
OPERATORS = {"<<": "<", ">>": ">"}


def fields(deb):
    text = subprocess.run(["dpkg-deb", "-f", deb], capture_output=True, text=True, check=True).stdout
    return dict(line.split(": ", 1) for line in re.sub(r"\n\s+", " ", text).splitlines() if ": " in line)


def version_of(text):
    """(epoch, version, release)"""
    epoch, _, rest = text.rpartition(":")
    upstream, _, revision = rest.rpartition("-")
    return epoch or None, (upstream or revision).replace("-", "."), revision if upstream else "0"


def evr(text):
    epoch, version, release = version_of(text)
    return f"{epoch}:{version}-{release}" if epoch else f"{version}-{release}"


def relation(text):
    """"name (>= 1)" of Debian's."""
    name, operator, version = re.fullmatch(r"([^\s(:\[]+)(?::\w+)?(?:\s*\((\S+)\s+([^)]+)\))?.*", text.strip()).groups()
    return name, f"{name} {OPERATORS.get(operator, operator)} {evr(version)}" if operator else name


def requirements(text, known):
    """Lines of the preamble, for what the lab has; alternatives are rich dependencies."""
    for clause in filter(None, (text or "").split(",")):
        words = [word for name, word in map(relation, clause.split("|")) if name in known]
        if words:
            yield "Requires: " + (words[0] if len(words) == 1 else "(" + " or ".join(words) + ")")


def members(deb):
    """(path, member, content) of the payload, the merged /usr applied."""
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            path = MERGED.sub(r"/usr/\1", member.name.removeprefix("."))
            if path not in LINKS and not UNWANTED.match(path + "/"):
                yield path, member, archive.extractfile(member).read() if member.isreg() or member.islnk() else None


def place(root, path, member, content):
    """Makes it below root; its line of %files."""
    target, attributes = root + path, f"%attr({member.mode & 0o7777:o}, {member.uname or 'root'}, {member.gname or 'root'})"
    if member.isdir():
        os.makedirs(target, exist_ok=True)
        return f"%dir {attributes} {path}"
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if member.issym():
        os.symlink(member.linkname, target)
        return path
    with open(target, "wb") as file:
        file.write(content)
    os.utime(target, (member.mtime, member.mtime))
    return f"{'%config(noreplace) ' if path.startswith('/etc/') else ''}{attributes} \"{path}\""


def convert(deb, pool, known, more):
    """more: name → sections of a spec."""
    control = fields(deb)
    name, (epoch, version, release) = control["Package"], version_of(control["Version"])
    tags = [*requirements(control.get("Pre-Depends"), known), *requirements(control.get("Depends"), known), "Requires: lab-setup"]
    tags += [f"Provides: {relation(word)[1]}" for word in filter(None, control.get("Provides", "").split(","))]
    if name == "dash":
        tags.append("Provides: /bin/sh")  # scriptlets need it
    tags += [f"Conflicts: {word}" for field in ("Breaks", "Conflicts") for other, word in map(relation, filter(None, control.get(field, "").split(",")))
             if other != name and other in known]
    return rpmrepo.build(pool, name, lambda root: [place(root, *each) for each in members(deb)], version=version, release=release, epoch=epoch,
                         arch="noarch" if control["Architecture"] == "all" else "x86_64", tags=tags, scripts=more.get(name))
