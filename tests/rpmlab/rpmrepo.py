# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Makes .rpm files with rpmbuild, and signed repositories of them with createrepo_c."""
import os
import shutil
import subprocess

RPM_SIGN = ["--define", "__gpg /usr/bin/gpg", "--define", "_gpg_digest_algo sha256"]


def run(*argv, **options):
    done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, argv))} exited {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def place(root, path, content):
    """content: as of debrepo: text, bytes, None (a folder), "-> target", or (any of these, mode). A line of %files."""
    content, mode = content if isinstance(content, tuple) else (content, None)
    target = root + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if content is None:
        os.makedirs(target, exist_ok=True)
        return f"%dir %attr({mode or 0o755:o}, root, root) {path}"
    if isinstance(content, str) and content.startswith("-> "):
        os.symlink(content[3:], target)
        return path
    with open(target, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return f"%attr({mode or 0o644:o}, root, root) {path}"


def build(pool, name, fill, version="1", release="1", epoch=None, arch="noarch", tags=(), scripts=None):
    """fill: makes the files below the folder that it is given, and returns lines of %files (None: no line). tags: lines of the preamble,
    such as "Requires: x". scripts: section of a spec ("post", "posttrans") → text."""
    work = f"{pool}/.build-{name}"
    root = f"{work}/root"
    os.makedirs(root)
    lines = ["%global debug_package %{nil}", "%global __os_install_post %{nil}", "%global _build_id_links none",
             f"Name: {name}", f"Version: {version}", f"Release: {release}", "Summary: for tests", "License: none", "AutoReqProv: no",
             *([f"Epoch: {epoch}"] if epoch else []), *([f"BuildArch: {arch}"] if arch == "noarch" else []), *tags,
             "%description", "For tests."]
    for section, text in (scripts or {}).items():
        lines += [f"%{section}", text]
    lines += ["%files", *filter(None, fill(root))]
    with open(f"{work}/{name}.spec", "w", encoding="utf-8") as spec:
        spec.write("\n".join(lines) + "\n")
    run("rpmbuild", "-bb", "--quiet", "--buildroot", root, "--define", f"_topdir {work}/top", "--define", f"_rpmdir {pool}",
        "--define", "_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm", "--define", "_binary_payload w1.zstdio",
        f"{work}/{name}.spec", cwd=work)
    shutil.rmtree(work)
    return f"{pool}/{name}-{version}-{release}.{arch}.rpm"


def make_rpm(pool, name, files=None, **more):
    """files: path → content, as of debrepo."""
    return build(pool, name, lambda root: [place(root, path, content) for path, content in (files or {}).items()], **more)


def sign(paths, signer):
    run("rpm", *RPM_SIGN, "--define", f"_gpg_name {signer.name}", "--addsign", *paths, env={**os.environ, "GNUPGHOME": signer.home})


def publish(folder):
    run("createrepo_c", "--quiet", "--no-database", folder)
