# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A guest in QEMU, driven through its serial console: boot, log in, run commands, power off."""
import functools
import os
import re
import select
import shlex
import subprocess
import time

QEMU = "qemu-system-x86_64"
ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()][0-9A-Za-z]|\x1b[=>78cM]|\x1b\][^\x07]*\x07|\r|\x00")
OVMF_IMAGES = ("/usr/share/ovmf/OVMF.fd", "/usr/share/qemu/OVMF.fd", "/usr/share/OVMF/OVMF.fd")
PATIENCE = float(os.environ.get("VMFORGE_VM_PATIENCE", "1"))  # factor of every deadline, for slow machines


RUNNING = set()  # every guest that has a QEMU


class GuestError(Exception):
    """What went wrong, with the last lines of the console."""


@functools.cache
def accelerator():
    """KVM where a guest really runs: /dev/kvm may open and then abort it. SeaBIOS tells how far it came."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    probe = subprocess.Popen(
        [QEMU, "-machine", "q35", "-accel", "kvm", "-cpu", "host", "-nodefaults", "-display", "none", "-no-reboot",
         "-chardev", "stdio,id=debug", "-device", "isa-debugcon,iobase=0x402,chardev=debug"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text, end = b"", time.monotonic() + 5
    while b"No bootable device" not in text and time.monotonic() < end:
        if select.select([probe.stdout], [], [], 0.2)[0]:
            chunk = os.read(probe.stdout.fileno(), 65536)
            if not chunk:
                break
            text += chunk
    probe.kill()
    probe.wait()
    probe.stdout.close()
    return "kvm" if b"No bootable device" in text else "tcg"


def uefi_image():
    for path in OVMF_IMAGES:
        if os.path.exists(path):
            return path
    raise GuestError("no OVMF.fd: install the package ovmf")


def stop_all():
    """For the end of a test program that other threads still run guests in: they hold files open."""
    for guest in list(RUNNING):
        guest.qemu.kill()
        guest.qemu.wait()


def make_overlay(image, path, size=None, image_format="raw"):
    """A disk that begins as `image` and takes all writes; larger than it where a size is given."""
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", image_format, "-b", os.path.abspath(image), path]
    subprocess.run(command + ([str(size)] if size else []), check=True)
    return path


class Guest:
    """Use it in a `with`: whatever happens, QEMU has ended afterwards. Deadlines are in seconds."""

    def __init__(self, disk, firmware="bios", log=None, drives=(), memory=1024, disk_format="qcow2",
                 extra=()):
        self.extra = list(extra)  # further arguments for QEMU
        self.disk, self.firmware, self.drives, self.memory = disk, firmware, list(drives), memory
        self.disk_format, self.log_path = disk_format, log
        self.console = ""  # all that was printed, without control sequences
        self.seen = 0      # how much of it wait_for has consumed
        self.tail = b""
        self.commands = 0
        self.lost = False  # a deadline has passed: what the console says next belongs to nobody
        self.qemu = self.log = None

    def __enter__(self):
        accel = accelerator()
        command = [
            # Ends with this program; and sees no network but QEMU's own, so that no clock or package comes from outside.
            "setpriv", "--pdeathsig", "KILL", "unshare", "--net", QEMU, "-machine", "q35", "-accel", "kvm" if accel == "kvm" else "tcg,thread=multi",
            "-cpu", "host" if accel == "kvm" else "max", "-smp", "2", "-m", str(self.memory),
            "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
            "-nic", "user,model=virtio-net-pci", "-device", "virtio-rng-pci",
            "-drive", f"file={self.disk},if=virtio,format={self.disk_format},cache=unsafe",
        ]
        for drive in self.drives:
            command += ["-drive", f"file={drive},if=virtio,format=raw,readonly=on"]
        if self.firmware == "uefi":
            command += ["-bios", uefi_image()]
        command += self.extra
        if self.log_path:
            self.log = open(self.log_path, "ab", buffering=0)
        self.qemu = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, bufsize=0)
        RUNNING.add(self)
        return self

    def __exit__(self, *_):
        self.qemu.kill()
        self.qemu.wait()
        RUNNING.discard(self)
        self.qemu.stdin.close()
        self.qemu.stdout.close()
        if self.log:
            self.log.close()

    # ---- the console

    def fail(self, message):
        lines = self.console.rstrip().splitlines()[-25:]
        raise GuestError("\n".join([message, f"the console of {os.path.basename(self.disk)} under {self.firmware}:",
                                    *("| " + line for line in lines or ["(nothing)"])]))

    def read_some(self, seconds):
        """False once QEMU has ended."""
        if not select.select([self.qemu.stdout], [], [], seconds)[0]:
            return True
        chunk = os.read(self.qemu.stdout.fileno(), 65536)
        if not chunk:
            return False
        if self.log:
            self.log.write(chunk)
        # A control sequence may be cut in two: the part from its ESC waits for the next chunk.
        data = self.tail + chunk
        cut = data.rfind(b"\x1b", max(0, len(data) - 16))
        if cut >= 0 and not ANSI.match(data[cut:].decode("utf-8", "replace")):
            data, self.tail = data[:cut], data[cut:]
        else:
            self.tail = b""
        self.console += ANSI.sub("", data.decode("utf-8", "replace"))
        return True

    def wait_for(self, pattern, deadline, what):
        """The match of the first of what comes after the last wait; an error after `deadline` seconds."""
        if self.lost:
            raise GuestError("not tried: this guest missed an earlier deadline")
        expression = re.compile(pattern, re.MULTILINE)
        end = time.monotonic() + deadline * PATIENCE
        while True:
            found = expression.search(self.console, self.seen)
            if found:
                self.seen = found.end()
                return found
            if time.monotonic() > end:
                self.lost = True
                self.fail(f"no {what} within {deadline * PATIENCE:.0f} s")
            if not self.read_some(min(1.0, max(0.0, end - time.monotonic()))):
                self.lost = True
                self.fail(f"QEMU ended (status {self.qemu.wait()}) before {what}")

    def send(self, text):
        try:
            self.qemu.stdin.write(text.encode())
        except BrokenPipeError:
            self.fail("QEMU has ended")

    # ---- what tests do

    def wait_for_login(self, deadline=420):
        return self.wait_for(r"^(\S+) login: ?", deadline, "login prompt")[1]

    def login(self, user, password, deadline=120):
        """From the prompt to a plain shell without echo, prompt, line editing or kernel messages."""
        self.send(user + "\n")
        self.wait_for(r"Password: ?", deadline, "password prompt")
        self.send(password + "\n")
        found = self.wait_for(r"(?P<no>Login incorrect)|[#$] ?$", deadline, "shell prompt")
        if found["no"]:
            self.fail(f"'{user}' cannot log in")
        self.send("exec env TERM=dumb PS1= PS2= ENV= HISTFILE= PAGER=cat SYSTEMD_COLORS=0 COLUMNS=200 sh\n")
        self.send("stty -echo cols 500; dmesg -n 1 2>/dev/null; echo plain-''shell\n")
        self.wait_for(r"^plain-shell$", deadline, "plain shell")

    def run(self, command, deadline=120):
        """(exit status, output). The marks are written in pieces, so that an echo cannot be taken for them."""
        self.commands += 1
        mark = f"vf{self.commands}"
        if len(command) > 3000:
            raise ValueError("longer than a line of a terminal")
        self.send(f"printf '%s\\n' '<<'{mark}; sh -c {shlex.quote(command)} </dev/null 2>&1; "
                  f"printf '\\n%s %s %s\\n' '>>'{mark} $? end\n")
        self.wait_for(rf"^<<{mark}$", deadline, f"start of '{command}'")
        start = self.seen
        found = self.wait_for(rf"^>>{mark} (\d+) end$", deadline, f"end of '{command}'")
        return int(found[1]), self.console[start:found.start()].strip("\n")

    def check(self, command, deadline=120):
        """Its output; a status other than 0 is an error."""
        status, output = self.run(command, deadline)
        if status:
            self.fail(f"'{command}' exited {status}: {output}")
        return output

    def power_off(self, deadline=240):
        """Also what follows a reboot here: -no-reboot ends QEMU then."""
        self.send("systemctl poweroff\n")
        end = time.monotonic() + deadline * PATIENCE
        while time.monotonic() < end:
            if not self.read_some(1.0):
                return self.qemu.wait()
        return self.fail(f"not off within {deadline * PATIENCE:.0f} s")
