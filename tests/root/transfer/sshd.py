#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Images go over a real sshd, on loopback, to an account that is not root."""
import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time

from common import RELAY, build, filecmp, fixture, images, judge_error, place, program, push, sound, specs
from fixture import namespace

import killed
import sound as opinion

UID = 61234  # of all these accounts
# Name → shell, and what is in its PATH.
ACCOUNTS = {"receiver": ("/bin/sh", True), "noisy": ("/bin/bash", True), "bare": ("/bin/sh", False)}
SERVER = """ListenAddress 127.0.0.1
Port {port}
HostKey {work}/host
AuthorizedKeysFile {work}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
"""
CLIENT = """Host *
  IdentityFile {work}/user
  IdentitiesOnly yes
  UserKnownHostsFile {work}/known
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  BatchMode yes
"""


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        os.chmod(path, mode)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def accounts(work):
    """This machine has them, in the eyes of this test."""
    lines = {"/etc/passwd": "{name}:x:{uid}:65534::{work}/{name}:{shell}\n", "/etc/shadow": "{name}:*:20000:0:99999:7:::\n"}
    with contextlib.ExitStack() as stack:
        for path, line in lines.items():
            with open(path, encoding="utf-8") as file:
                text = file.read()
            text += "".join(line.format(name=name, uid=UID, work=work, shell=shell) for name, (shell, _) in ACCOUNTS.items())
            write(f"{work}/{os.path.basename(path)}", text, os.stat(path).st_mode & 0o777)
            stack.enter_context(namespace.mounted(f"{work}/{os.path.basename(path)}", path, flags=namespace.MS_BIND))
        for name in ACCOUNTS:
            os.makedirs(f"{work}/{name}")
            os.chown(f"{work}/{name}", UID, 65534)
        write(f"{work}/noisy/.bashrc", "echo Welcome to this host\n")
        yield


def make_keys(work, port):
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{work}/{name}"], check=True)
    with open(f"{work}/host.pub", encoding="utf-8") as file:
        write(f"{work}/known", f"[127.0.0.1]:{port} {file.read()}")


@contextlib.contextmanager
def separation_folder():
    """Where sshd keeps those that nobody knows yet; the package makes it when the machine starts."""
    made = not os.path.isdir("/run/sshd")
    if made:
        os.mkdir("/run/sshd", 0o755)
    try:
        yield
    finally:
        if made:
            os.rmdir("/run/sshd")


class Server:
    def __init__(self, test, work):
        self.test, self.work, self.port = test, work, free_port()
        self.options = ("--rsh", f"ssh -F {work}/client")
        self.store = f"{work}/receiver/store"

    @contextlib.contextmanager
    def running(self):
        make_keys(self.work, self.port)
        text = SERVER.format(work=self.work, port=self.port)
        for name, (_, has_program) in ACCOUNTS.items():
            path = (os.path.dirname(program.PROGRAM) + ":" if has_program else "") + "/usr/bin:/bin"
            text += f"Match User {name}\n  SetEnv PATH={path}\n"
        write(f"{self.work}/server", text)
        write(f"{self.work}/client", CLIENT.format(work=self.work))
        with open(f"{self.work}/log", "w", encoding="utf-8") as log, separation_folder(), accounts(self.work), \
                subprocess.Popen([shutil.which("sshd", path="/usr/sbin"), "-D", "-e", "-f", f"{self.work}/server"],
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
            try:
                self.wait(process)
                yield
            finally:
                process.terminate()

    def wait(self, process):
        end = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise RuntimeError("sshd does not answer: " + self.said())

    def said(self):
        with open(f"{self.work}/log", encoding="utf-8", errors="replace") as file:
            return file.read()[-1500:]

    def url(self, user="receiver", port=None):
        return f"ssh://{user}@127.0.0.1:{port or self.port}{self.store}"

    def push(self, image, **where):
        return push(self.test, image, self.url(**where), *self.options)

    def there(self, *arguments):
        """What vmforge says there, to that account."""
        return subprocess.run([program.PROGRAM, *arguments, "--store", self.store], user=UID, group=65534, extra_groups=[],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd="/",
                              env={"PATH": "/usr/bin:/bin", "HOME": f"{self.work}/receiver"})

    def trust(self):
        write(f"{self.work}/service.pub", self.test.vmforge("key", "export").stdout)
        done = self.there("key", "trust", f"{self.work}/service.pub", "--role", "service")
        if done.returncode:
            raise RuntimeError(program.said(done))

    def judge(self, image):
        """It is there, as bytes and by name, and all of that is the account's own."""
        path = self.test.vmforge("images", "path", image).stdout.strip()
        volumes = [os.path.join(f"{self.store}/volumes", name) for name in os.listdir(f"{self.store}/volumes")]
        if not any(filecmp.cmp(path, volume, shallow=False) for volume in volumes if volume.endswith(".raw")):
            return f"none of {volumes} has the content of {path}"
        if image not in self.there("images", "list").stdout:
            return program.said(self.there("images", "list"))
        others = [name for name, _, _ in os.walk(self.store) if os.stat(name).st_uid != UID]
        return f"not the account's own: {others}" if others else opinion.problems_of(self.store)


def whole(server):
    done, _ = server.push("first")
    return program.said(done) + server.said() if done.returncode else server.judge("first")


def derived(server):
    _, before = push(server.test, "first", server.url(), *server.options)
    done, figures = server.push("next")
    if done.returncode or figures["moved_bytes"] > 4 << 20 or before["wire_bytes"] > 16 << 10:
        return f"{before} {figures} {program.said(done)}"
    return server.judge("next")


def cut(server):
    """In front of ssh, which ends then."""
    with place(server.test, "uncut-store") as target:
        for image in ("first", "next", killed.WHOLE):  # in the order in which they come here
            _, whole_figures = push(server.test, image, target)
    at = whole_figures["wire_bytes"] * 3 // 5
    shell = shlex.quote(f"VMFORGE_RELAY_SHELL={server.options[1]}")
    done, _ = push(server.test, killed.WHOLE, server.url(), "--rsh", f"env {shell} {sys.executable} {RELAY} cut {at}")
    problem = judge_error(done, "the connection was cut")
    if problem:
        return problem
    done, figures = server.push(killed.WHOLE)
    if done.returncode or not figures["moved_bytes"] < whole_figures["moved_bytes"]:
        return f"{figures} of {whole_figures} {program.said(done)}"
    return server.judge(killed.WHOLE)


def noise(server):
    """Of a start-up file of a shell, before vmforge can say anything."""
    done, _ = server.push("next", user="noisy")
    return judge_error(done, "first is not the protocol: does its shell print something")


def no_program(server):
    done, _ = server.push("next", user="bare")
    return judge_error(done, "did not answer: is vmforge installed there")


def refused(server):
    """By the host, and by sshd: ssh says why, and vmforge that it got no answer."""
    done, _ = server.push("next", port=free_port())
    problem = judge_error(done, "Connection refused(.|\n)*did not answer")
    done, _ = server.push("next", user="stranger")
    return problem or judge_error(done, "Permission denied(.|\n)*did not answer")


def run(test):
    given, work = specs(test), os.path.join(test.work, "ssh")
    for spec in (given["first"], given["next"], killed.large(test)):
        build(test, spec)
    os.chmod(test.work, 0o711)
    os.makedirs(work)
    server = Server(test, work)
    with server.running():
        server.trust()
        for sentence, function in (("an image goes over ssh to an account that is not root", whole),
                                   ("of a derived one, what it has more", derived),
                                   ("what is cut in ssh goes on where it stopped", cut),
                                   ("a shell that prints something is told of", noise),
                                   ("a host without vmforge is told of", no_program),
                                   ("hosts that refuse are told of", refused),
                                   ("root finds that store sound", lambda server: sound(test, server.store))):
            test.attempt(sentence, lambda function=function: function(server))
    assert images(test, test.store)


if __name__ == "__main__":
    os.environ.pop("TMPDIR", None)  # the private view has no such folder
    fixture.main(run)
