# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A distribution for tests, "toyland": a handful of packages made of this host's own programs, in signed repositories
behind a web server of this process. Four stages of it build in seconds, without the network.

    with Toyland(folder) as toy:
        spec = toy.spec("a", image={"packages": ["toy-hello"]})
        vmforge("build", spec, env=toy.environment)
"""
import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "vm"))

import debrepo  # pylint: disable=wrong-import-position

ARCH = "amd64"
PROGRAMS = """
    dash bash cat chmod chown cp dd diff echo env false find grep head id ln locale ls mkdir mktemp mv readlink rm rmdir sed
    seq sha256sum sleep sort sync tail tar test touch tr true xargs hostname dpkg dpkg-deb dpkg-divert dpkg-query dpkg-split
    dpkg-statoverride dpkg-trigger update-alternatives start-stop-daemon ldconfig useradd usermod groupadd chpasswd
""".split()
ACCOUNTS = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "/etc/group": "root:x:0:\nadm:x:4:\nsudo:x:27:\nnogroup:x:65534:\n",
    "/etc/shadow": ("root:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n", 0o640),
    "/etc/gshadow": ("root:*::\nadm:*::\nsudo:*::\nnogroup:*::\n", 0o640),
    "/etc/login.defs": "UID_MIN 1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\nENCRYPT_METHOD SHA512\n",
}
EXT4 = ["-O", "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,sparse_super,large_file,metadata_csum",
        "-b", "4096", "-I", "256"]
SUCCEEDS = ("#!/bin/sh\nexit 0\n", 0o755)


def libraries(program):
    """Files that the loader brings for a program: path in the image → file here."""
    listing = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    found = {}
    for path in re.findall(r"(/\S+) \(0x", listing):
        folder = os.path.realpath(os.path.dirname(path))
        found[os.path.join(folder, os.path.basename(path))] = os.path.realpath(path)
    return found


def base_files(more=()):
    """A root filesystem in which dpkg, a shell and the account tools work, and more programs of this host."""
    sources = {}
    for name in [*PROGRAMS, *more]:
        path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
        if path is None:
            raise RuntimeError(f"this host has no program '{name}'")
        place = os.path.join(os.path.realpath(os.path.dirname(path)), name)
        sources[place] = os.path.realpath(path)
        sources |= libraries(path)
    files = {}
    for place, path in sources.items():
        with open(path, "rb") as file:
            files[place] = (file.read(), 0o755)
    files |= ACCOUNTS
    files |= {
        "/usr/bin/sh": "-> dash",
        "/usr/bin/systemctl": SUCCEEDS,
        "/usr/lib/systemd/system/systemd-networkd.service": "[Service]\nExecStart=/usr/bin/true\n",
        "/usr/lib/systemd/system/systemd-resolved.service": "[Service]\nExecStart=/usr/bin/true\n",
        "/etc/debian_version": "toy\n",
    }
    for folder in ("root", "proc", "sys", "dev", "run", "tmp", "boot", "home", "srv", "mnt", "var/tmp", "var/log",
                   "var/cache", "usr/local/bin"):
        files["/" + folder] = None
    return files


def make_packages(pool):
    """Those that a small image is made of."""
    deb = functools.partial(debrepo.make_deb, pool)
    deb({"Package": "toy-base", "Essential": "yes", "Architecture": ARCH, "Priority": "required",
         "Provides": "dpkg, tar"}, base_files())
    deb({"Package": "toy-hello", "Depends": "toy-lib (>= 1)"}, {"/usr/bin/toy-hello": SUCCEEDS},
        {"postinst": "#!/bin/sh\nset -e\ntouch /var/lib/toy-hello\n"})
    deb({"Package": "toy-lib"}, {"/usr/share/toy/lib": "lib\n"})
    deb({"Package": "toy-site"}, {"/usr/share/toy/site": "site\n"})


def make_odd_packages(pool):
    deb = functools.partial(debrepo.make_deb, pool)
    deb({"Package": "toy-slow"}, {"/usr/share/toy/slow": "slow\n"},
        {"postinst": "#!/bin/sh\necho toy-slow begins\nsleep 3\n"})
    deb({"Package": "toy-failing"}, {}, {"postinst": "#!/bin/sh\necho the reason of toy-failing >&2\nexit 9\n"})
    deb({"Package": "toy-huge", "Installed-Size": str(200 << 10)}, {"/usr/share/toy/huge": bytes(200 << 20)})
    deb({"Package": "toy-understated", "Installed-Size": "1"}, {"/usr/share/toy/more": bytes(200 << 20)})
    deb({"Package": "toy-orphan", "Depends": "toy-nowhere"})
    deb({"Package": "toy-links"}, {"/srv/up": "-> ../../../../../../../../tmp", "/srv/etc": "-> /etc"})


class Server(http.server.ThreadingHTTPServer):
    """delay: seconds that each archive takes to arrive; log: paths that were asked for."""
    daemon_threads = True
    delay = 0.0

    def __init__(self, folder):
        self.log = []
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a client that was killed


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.log.append(self.path)
        if self.path.endswith((".deb", ".rpm")):
            time.sleep(self.server.delay)
        super().do_GET()

    def log_message(self, *_):
        pass


class Toyland:
    """folder: where repositories, specs and profile go; not below /tmp if the test hides that.

    Mirrors, each the URL of one archive: good; expired (its metadata are); stranger (signed with a key that the
    profile does not know); unsigned; damaged (archives differ from their digests); closed (nobody listens).

    few: only what a good build needs, for machines to which packing 200 MiB is much."""

    def __init__(self, folder, few=False):
        self.folder = folder
        self.pool = os.path.join(folder, "web", "pool")
        os.makedirs(self.pool)
        os.makedirs(os.path.join(folder, "profiles"))
        self.signers = []
        self.make_packages()
        signer = self.make_signer("vmforge toyland")
        self.key = signer.export(os.path.join(folder, "toyland.gpg"), armoured=False)
        if not few:
            self.make_odd_packages()
            self.make_odd_archives(signer)
        self.make_archive("good", signer)
        self.server = Server(os.path.join(folder, "web"))
        self.write_profile()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        for signer in self.signers:
            signer.close()

    def make_signer(self, name):
        self.signers.append(debrepo.Signer(name))
        return self.signers[-1]

    def make_packages(self):
        make_packages(self.pool)

    def make_odd_packages(self):
        make_odd_packages(self.pool)

    def make_odd_archives(self, signer):
        self.make_archive("expired", signer, valid_for=-86400)
        self.make_archive("stranger", self.make_signer("a stranger"))
        self.make_archive("unsigned", signer)
        self.make_archive("damaged", signer)
        self.spoil()

    def archive_path(self, name):
        return os.path.join(self.folder, "web", name)

    def make_archive(self, name, signer, valid_for=None):
        os.makedirs(self.archive_path(name))
        os.symlink("../pool", self.archive_path(name) + "/pool")
        debrepo.publish(self.archive_path(name), signer, "toy", arch=ARCH, pool="pool", valid_for=valid_for)

    def publish_again(self, name):
        """After archives of the pool were changed."""
        debrepo.publish(self.archive_path(name), self.signers[0], "toy", arch=ARCH, pool="pool")

    def spoil(self):
        for name in ("InRelease", "Release.gpg"):
            os.unlink(f"{self.archive_path('unsigned')}/dists/toy/{name}")
        damaged = self.archive_path("damaged") + "/pool"
        os.unlink(damaged)
        shutil.copytree(self.pool, damaged)
        for name in os.listdir(damaged):
            with open(os.path.join(damaged, name), "r+b") as file:
                file.seek(-1, os.SEEK_END)
                last = file.read(1)[0]
                file.seek(-1, os.SEEK_END)
                file.write(bytes([last ^ 1]))

    def url(self, name):
        port = 1 if name == "closed" else self.server.server_address[1]
        return f"http://127.0.0.1:{port}/{name}"

    def profile_names(self):
        return {"plugin": "apt", "purl": "deb/toyland", "arches": {"x86_64": ARCH}}

    def profile_settings(self):
        return {"mirror": self.url("good"), "suites": ["toy"], "components": ["main"],
                "keyring": {"path": self.key, "package": "toyland-keyring"}}

    def write_profile(self):
        profile = {
            "profile": 1, "id": "toyland", **self.profile_names(),
            "network_backend": "systemd-networkd", "hostname": "toy", "bootstrap_packages": ["toy-base"],
            "disk": {"nominal_size": "256MiB", "filesystem": "ext4", "filesystems": {"ext4": {"mkfs": EXT4}}},
            "roles": {"site": ["toy-site"]},
            "kernel_arguments": [],
            "settings": self.profile_settings(),
            "releases": {"toy": {"arches": {"x86_64": None}}},
        }
        self.write("profiles/toyland.yaml", profile)

    def write(self, name, content):
        """A file of this folder, with text or (as YAML, which JSON is) an object. Returns its path."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content, indent=1))
        return path

    @property
    def environment(self):
        return {**os.environ, "VMFORGE_PROFILE_PATH": os.path.join(self.folder, "profiles")}

    def spec(self, name, mirror=None, **keys):
        """Writes NAME.yaml with these top-level keys and returns its path."""
        spec = {"vmforge": 1, "name": name, "distro": {"id": "toyland", "release": "toy", "arch": "x86_64"},
                "disk": {"size": "320MiB"}, **keys}
        if mirror:
            spec["mirrors"] = [self.url(mirror)]
        return self.write(f"{name}.yaml", spec)
