# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""Web servers for the tests: a real nginx, and one that is broken on purpose."""
import contextlib
import functools
import http.server
import os
import queue
import re
import socket
import socketserver
import subprocess
import threading
import time

NGINX = """daemon off;
master_process off;
error_log {work}/error.log;
pid {work}/pid;
events {{ }}
http {{
  log_format bytes $bytes_sent;
  access_log {log};
  client_body_temp_path {work}/body;
  proxy_temp_path {work}/proxy;
  fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi;
  scgi_temp_path {work}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ root {root}; }} }}
}}
"""
PORT = 18080  # of a network of the test's own


def answers(port):
    with contextlib.suppress(OSError):
        with contextlib.closing(socket.create_connection(("127.0.0.1", port), 1)):
            return True
    return False


@contextlib.contextmanager
def nginx(test, root, log=None):
    """log: a file that gets a line with the bytes of each answer."""
    work = os.path.join(test.work, "nginx")
    os.makedirs(work, exist_ok=True)
    config = os.path.join(work, "nginx.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(NGINX.format(work=work, root=root, port=PORT, log=f"{log} bytes" if log else "off"))
    process = subprocess.Popen(["nginx", "-c", config, "-e", f"{work}/error.log", "-g", "user root;"], stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while not answers(PORT):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("nginx did not start")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{PORT}"
    finally:
        process.terminate()
        process.wait(10)


def carry(source, target, seconds):
    """Bytes as they come, so much later; the line has room for whatever is on its way."""
    waiting = queue.Queue()

    def deliver():
        while (item := waiting.get()) is not None:
            time.sleep(max(item[0] - time.monotonic(), 0))
            with contextlib.suppress(OSError):
                target.sendall(item[1])
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
    threading.Thread(target=deliver, daemon=True).start()
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            waiting.put((time.monotonic() + seconds, data))
    waiting.put(None)


class Delay(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection(("127.0.0.1", PORT)) as server:
            back = threading.Thread(target=carry, args=(server, self.request, 0.05), daemon=True)
            back.start()
            carry(self.request, server, 0.05)
            back.join()


@contextlib.contextmanager
def far_nginx(test, root):
    """100 ms away, there and back."""
    with nginx(test, root), Far(("127.0.0.1", 0), Delay) as relay:
        relay.daemon_threads = True
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{relay.server_address[1]}"
        finally:
            relay.shutdown()


class Far(socketserver.ThreadingTCPServer):
    def handle_error(self, request, client_address):
        """Clients close connections that they do not need: no news."""


class Broken(http.server.BaseHTTPRequestHandler):
    """mode: `cut` closes each connection after `limit` bytes; `stall` says nothing more after them; `drip` says
    the rest byte by byte; `die` serves nothing once
    it has served so many in all; `no-ranges` always sends whole files; `none`: no fault."""
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()

    def __init__(self, root, mode, limit, served, *arguments):
        self.root, self.mode, self.limit, self.served = root, mode, limit, served
        super().__init__(*arguments)

    def log_message(self, *arguments):  # pylint: disable=arguments-differ
        pass

    def range_of(self, size):
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not found or self.mode == "no-ranges":
            return None
        return int(found[1]), min(int(found[2]), size - 1)

    def do_GET(self):  # pylint: disable=invalid-name
        path = os.path.join(self.root, self.path.lstrip("/"))
        if not os.path.isfile(path) or (self.mode == "die" and self.served[0] > self.limit):
            self.send_error(404 if not os.path.isfile(path) else 503)
            return
        size = os.path.getsize(path)
        wanted = self.range_of(size)
        first, last = wanted or (0, size - 1)
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(last - first + 1))
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        with open(path, "rb") as file:
            file.seek(first)
            data = file.read(last - first + 1)
        self.send(data)

    def send(self, data):
        if self.mode in ("cut", "stall") and len(data) > self.limit:
            self.wfile.write(data[:self.limit])
            self.wfile.flush()
            if self.mode == "stall":
                time.sleep(6)
            self.close_connection = True
            return
        if self.mode == "drip":
            self.drip(data)
            return
        with self.lock:
            left = self.limit - self.served[0] if self.mode == "die" else len(data)
            self.served[0] += len(data)
        with contextlib.suppress(OSError):
            self.wfile.write(data[:max(left, 0)])
            self.close_connection = left < len(data)


    def drip(self, data):
        """What is said at once does not exceed what comes in some seconds, so that no look at the speed sees silence."""
        with contextlib.suppress(OSError):
            self.wfile.write(data[:self.limit])
            for at in range(self.limit, len(data)):
                time.sleep(0.1)
                self.wfile.write(data[at:at + 1])


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Clients close connections that they do not need: no news."""


@contextlib.contextmanager
def broken(root, mode, limit):
    handler = functools.partial(Broken, root, mode, limit, [0])
    with Server(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
