# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What is expected of an image at rest, and of a guest that runs it. Each check is a sentence and a function that
returns nothing, or says what is wrong."""

# ---- at rest: (disk)


def machine_id_is_empty(disk):
    found = disk.read_file("/etc/machine-id")
    return None if found == "" else f"/etc/machine-id holds {found!r}"


def no_host_keys(disk):
    keys = [name for name in disk.list_folder("/etc/ssh") if name.startswith("ssh_host_")]
    return f"/etc/ssh holds {keys}" if keys else None


def nothing_of_the_build_ships(disk):
    found = [path for path in ("/usr/sbin/policy-rc.d", "/etc/apt/apt.conf.d/90host") if disk.read_file(path) is not None]
    found += [name for name in disk.list_folder("/var/cache/apt/archives") if name.endswith(".deb")]
    return f"the image holds {found}" if found else None


def filesystem_is_clean(disk):
    return disk.check_filesystem() or None


AT_REST = [
    ("its machine id is empty", machine_id_is_empty),
    ("it holds no ssh host keys", no_host_keys),
    ("it holds nothing of the build itself", nothing_of_the_build_ships),
    ("e2fsck finds nothing in its root filesystem", filesystem_is_clean),
]

# ---- running: (guest, expected)


def system_runs(guest, expected):
    status, state = guest.run("systemctl is-system-running --wait", deadline=420)
    if status == 0:
        return None
    _, failed = guest.run("systemctl --no-pager --plain --failed; journalctl --no-pager -b -p err -n 20")
    return f"the system is {state}\n{failed}"


def firmware_is(guest, expected):
    status, _ = guest.run("test -d /sys/firmware/efi")
    found = "bios" if status else "uefi"
    return None if found == expected["firmware"] else f"the kernel was started by {found}"


def machine_is(guest, expected):
    found = guest.check("uname -m")
    return None if found == expected["machine"] else f"uname -m says {found}"


def hostname_is(guest, expected):
    found = guest.check("uname -n; cat /etc/hostname").split()
    return None if set(found) == {expected["hostname"]} else f"login prompt, kernel, file: {expected['hostname']} {found}"


def machine_id_was_made(guest, expected):
    status, found = guest.run("grep -Ex '[0-9a-f]{32}' /etc/machine-id")
    return None if status == 0 else f"/etc/machine-id: {found!r}"


def host_keys_were_made(guest, expected):
    status, found = guest.run("ls /etc/ssh/ssh_host_*_key && (systemctl is-active ssh.service || "
                              "systemctl is-active ssh.socket)", deadline=120)
    return None if status == 0 else found


def network_has_address(guest, expected):
    status, found = guest.run("for i in $(seq 60); do hostname -I | grep -F 10.0.2. && exit 0; sleep 1; done; "
                              "networkctl --no-pager; exit 1", deadline=180)
    return None if status == 0 else found


def resolver_is_known(guest, expected):
    status, found = guest.run("for i in $(seq 30); do grep -qs '^nameserver 10.0.2.3' /etc/resolv.conf "
                              "/run/systemd/resolve/resolv.conf && exit 0; sleep 1; done; "
                              "ls -l /etc/resolv.conf; cat /etc/resolv.conf; exit 1", deadline=120)
    return None if status == 0 else found


def consoles_are_both(guest, expected):
    found = guest.check("cat /proc/cmdline").split()
    missing = [word for word in ("tty0", "ttyS0") if not any(a.startswith("console=" + word) for a in found)]
    return f"no console on {missing}: {' '.join(found)}" if missing else None


def root_has_grown(guest, expected):
    found = int(guest.check("df -B1 --output=size / | tail -n 1"))
    return None if found > expected["disk"] * 0.9 - (256 << 20) else f"/ has {found} bytes of {expected['disk']}"


def web_server_answers(guest, expected):
    request = r"printf 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n'"
    status, found = guest.run(f"timeout 60 bash -c \"exec 3<>/dev/tcp/127.0.0.1/80; {request} >&3; head -n 1 <&3\"")
    return None if status == 0 and " 200 " in found + " " else f"status {status}: {found!r}"


RUNNING = [
    ("the system comes up with no failed unit", system_runs),
    ("the firmware is the one asked for", firmware_is),
    ("the machine is the one of the spec", machine_is),
    ("its name is the one at the login prompt", hostname_is),
    ("it made a machine id", machine_id_was_made),
    ("it made ssh host keys and listens", host_keys_were_made),
    ("it has an address by DHCP", network_has_address),
    ("it knows the name server of the network", resolver_is_known),
    ("its consoles are the screen and the serial line", consoles_are_both),
    ("its root filesystem fills the disk", root_has_grown),
]
WEB = [("the web server answers HTTP", web_server_answers)]
