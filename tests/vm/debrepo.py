# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Debian packages and signed repositories for tests, with dpkg-deb and gpg alone."""
import email.utils
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time


def run(*command, **options):
    """Standard output; an error that holds what the program said."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def read_control(text):
    """One stanza as a dictionary; continuation lines are kept as they are."""
    fields, last = {}, None
    for line in text.rstrip("\n").split("\n"):
        if line[:1] in " \t" and last:
            fields[last] += "\n" + line
        elif ":" in line:
            last, _, value = line.partition(":")
            fields[last] = value.strip()
    return fields


def write_control(fields):
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def pack(tree, path):
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, path)
    return path


def make_deb(folder, fields, files=None, scripts=None):
    """files: path → text or bytes, or (content, mode), a string that begins with '->' for a link, None for a folder."""
    fields = {"Version": "1", "Architecture": "all", "Maintainer": "vmforge tests <tests@vmforge.invalid>",
              "Description": "a package for tests", **fields}
    with tempfile.TemporaryDirectory(prefix="deb-", dir=folder) as tree:
        os.chmod(tree, 0o755)
        put(tree, "DEBIAN/control", write_control(fields))
        for name, text in (scripts or {}).items():
            put(tree, "DEBIAN/" + name, (text, 0o755))
        for name, content in (files or {}).items():
            put(tree, name, content)
        version = fields["Version"].replace(":", "%3a")
        return pack(tree, f"{folder}/{fields['Package']}_{version}_{fields['Architecture']}.deb")


def put(tree, name, content):
    path = os.path.join(tree, name.lstrip("/"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    content, mode = content if isinstance(content, tuple) else (content, 0o644)
    if content is None:
        os.makedirs(path, exist_ok=True)
        return
    if isinstance(content, str) and content.startswith("->"):
        os.symlink(content[2:].strip(), path)
        return
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    os.chmod(path, mode)


def raise_versions(debs, folder, suffix):
    """Repacks packages with `suffix` after their version; exact dependencies among them follow. Returns the new
    names → versions."""
    controls = {path: read_control(run("dpkg-deb", "-f", path)) for path in debs}
    names = {fields["Package"]: fields["Version"] for fields in controls.values()}
    raised = {}
    for path, fields in controls.items():
        with tempfile.TemporaryDirectory(prefix="deb-", dir=folder) as tree:
            run("dpkg-deb", "--raw-extract", path, tree)
            os.chmod(tree, 0o755)
            for name, version in names.items():
                exact = re.compile(rf"(?<![\w.+-])({re.escape(name)}(?::\w+)?) \(= {re.escape(version)}\)")
                for field in ("Depends", "Pre-Depends", "Recommends"):
                    if field in fields:
                        fields[field] = exact.sub(rf"\1 (= {version}{suffix})", fields[field])
            fields["Version"] += suffix
            put(tree, "DEBIAN/control", write_control(fields))
            pack(tree, f"{folder}/{fields['Package']}.deb")
        raised[fields["Package"]] = fields["Version"]
    return raised


class Signer:
    """An OpenPGP key made for this run. Close it: gpg leaves an agent behind."""

    def __init__(self, name="vmforge tests"):
        self.name = name
        self.home = tempfile.mkdtemp(prefix="vf-gpg-", dir="/tmp")  # short: it holds a socket
        self.gpg("--quick-gen-key", f"{name} <tests@vmforge.invalid>", "ed25519", "sign", "never")

    def gpg(self, *arguments):
        return run("gpg", "--homedir", self.home, "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback",
                   "--passphrase", "", *arguments)

    def export(self, path, armoured=True):
        self.gpg(*(["--armor"] if armoured else []), "--output", path, "--export")
        return path

    def fingerprint(self):
        listing = self.gpg("--list-keys", "--with-colons")
        return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))

    def sign(self, release):
        folder = os.path.dirname(release)
        self.gpg("--clear-sign", "--output", folder + "/InRelease", release)
        self.gpg("--armor", "--detach-sign", "--output", release + ".gpg", release)

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)


def packages_index(root, pool):
    """The text of Packages for all archives below root/pool."""
    stanzas = []
    for folder, _, names in sorted(os.walk(os.path.join(root, pool))):
        for name in sorted(names):
            if not name.endswith(".deb"):
                continue
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            stanzas.append(run("dpkg-deb", "-f", path).rstrip("\n")
                           + f"\nFilename: {os.path.relpath(path, root)}\nSize: {os.path.getsize(path)}"
                             f"\nSHA256: {digest}\n")
    return "\n".join(stanzas)


def publish(root, signer, suite=None, component="main", arch="amd64", pool=".", valid_for=None):
    """Writes indexes and a signed Release. suite: None for a flat repository. valid_for: seconds from now until it
    expires (negative: it has), or None."""
    top = f"{root}/dists/{suite}" if suite else root
    index = f"{component}/binary-{arch}/Packages" if suite else "Packages"
    put(top, index, packages_index(root, pool))
    with open(os.path.join(top, index), "rb") as file:
        content = file.read()
    now = time.time()
    release = {"Origin": "vmforge tests", "Label": "vmforge tests", "Suite": suite or "folder",
               "Codename": suite or "folder", "Date": email.utils.formatdate(min(now, now + (valid_for or 0)) - 60)}
    if suite:
        release |= {"Components": component, "Architectures": arch + " all"}
    if valid_for is not None:
        release["Valid-Until"] = email.utils.formatdate(now + valid_for)
    release["SHA256"] = f"\n {hashlib.sha256(content).hexdigest()} {len(content)} {index}"
    for name in ("Release", "InRelease", "Release.gpg"):
        if os.path.exists(f"{top}/{name}"):
            os.unlink(f"{top}/{name}")
    put(top, "Release", write_control(release).replace(": \n", ":\n").replace("-0000", "UTC"))
    signer.sign(top + "/Release")
