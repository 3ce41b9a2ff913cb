# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A package cache on loopback (apt-cacher-ng) that everything measured fetches through, so that the network's mood is in
no figure."""
import contextlib
import os
import shutil
import socket
import subprocess
import time

PROGRAM = shutil.which("apt-cacher-ng", path="/usr/sbin:/usr/bin")
CONFIGURATION = """
CacheDir: {folder}/files
LogDir: {folder}/log
Port: {port}
BindAddress: 127.0.0.1
ForeGround: 1
ExThreshold: 4
"""


def free_port():
    """apt-cacher-ng knows none above 32767."""
    for port in range(23142, 32768):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


def wait_for(port, process):
    for _ in range(100):
        if process.poll() is not None:
            raise RuntimeError(f"apt-cacher-ng ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError("apt-cacher-ng does not answer")


@contextlib.contextmanager
def running(folder):
    """The environment of what is to use it."""
    if PROGRAM is None:
        raise RuntimeError("apt-cacher-ng is missing: install it, or run this by `sh quickstart bench`")
    os.makedirs(f"{folder}/conf")
    for name in ("files", "log"):
        os.makedirs(f"{folder}/{name}")
        shutil.chown(f"{folder}/{name}", "root")
    port = free_port()
    with open(f"{folder}/conf/acng.conf", "w", encoding="utf-8") as file:
        file.write(CONFIGURATION.format(folder=folder, port=port))
    with subprocess.Popen([PROGRAM, "-c", f"{folder}/conf"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port, process)
            yield {**os.environ, "http_proxy": f"http://127.0.0.1:{port}"}
        finally:
            process.terminate()
