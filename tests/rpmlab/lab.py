# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A small RPM distribution that boots, made on the spot of the archives of a minimal Debian: signed with a key of this run, served
over HTTP on loopback. What maintainer scripts do there, scriptlets do here in rpm's ways."""
import concurrent.futures
import glob
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "vm"), os.path.join(HERE, "..", "root")]

# pylint: disable=wrong-import-position
import convert
import rpmrepo
import toyrepo

PACKAGES = """
    base-files base-passwd bash coreutils cpio dash dbus debianutils diffutils dracut dracut-core e2fsprogs findutils fdisk grep
    grub-common grub-efi-amd64-bin grub-pc-bin grub2-common gzip hostname iproute2 kmod less libc-bin libnss-systemd libpam-modules
    libpam-runtime libpam-systemd linux-image-cloud-amd64 login mawk mount openssh-server passwd procps rpm sed sudo systemd systemd-resolved
    systemd-sysv tar udev util-linux zstd
""".split()
# What belongs to Debian's own tools.
LEFT_OUT = "adduser apt debconf dpkg init-system-helpers initramfs-tools initramfs-tools-core klibc-utils libklibc linux-base perl-base ucf usrmerge".split()
SYSUSERS = "u systemd-network 998 - /\nu systemd-resolve 997 - /\nu messagebus 996 - /nonexistent\nu sshd 995 - /run/sshd\ng sgx 994\ng kvm 993\ng render 992\n"
PAM = {
    "common-auth": "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\n",
    "common-account": "account [success=1 default=ignore] pam_unix.so\naccount requisite pam_deny.so\naccount required pam_permit.so\n",
    "common-password": "password [success=1 default=ignore] pam_unix.so obscure yescrypt\npassword requisite pam_deny.so\npassword required pam_permit.so\n",
    "common-session": "session required pam_unix.so\nsession optional pam_systemd.so\n",
    "common-session-noninteractive": "session required pam_unix.so\n",
}
KERNEL = """set -e
kernel=$(ls /usr/lib/modules)
/usr/sbin/depmod $kernel
/usr/bin/dracut --force /boot/initrd.img-$kernel $kernel"""
SCRIPTS = {
    "libc6": {"post": "/usr/sbin/ldconfig"},
    "systemd": {"post": "/usr/bin/systemd-sysusers\n/usr/bin/systemctl preset-all"},
    "udev": {"post": "/usr/bin/systemd-hwdb update"},
}


def fetch(folder):
    """The archives, by the host's apt, which knows of no installed package. Their paths."""
    os.makedirs(f"{folder}/partial")
    status = f"{folder}/status"
    with open(status, "w", encoding="ascii"):
        pass
    options = [f"Dir::State::status={status}", f"Dir::Cache::archives={folder}", "APT::Install-Recommends=false", "Debug::NoLocking=1",
               "APT::Sandbox::User=root"]
    rpmrepo.run("apt-get", "--quiet", "--yes", "--download-only", *[word for option in options for word in ("-o", option)], "install", *PACKAGES)
    return sorted(path for path in glob.glob(f"{folder}/*.deb") if os.path.basename(path).split("_")[0] not in LEFT_OUT)


def setup_files():
    """What base-passwd, libpam-runtime and others make when they are configured."""
    files = {f"/{name}": f"-> usr/{name}" for name in ("bin", "sbin", "lib", "lib64")}
    files |= {f"/usr/{name}": None for name in ("bin", "sbin", "lib", "lib64")}
    files |= {f"/etc/pam.d/{name}": text for name, text in PAM.items()}
    for name in ("passwd", "group"):
        with open(f"/usr/share/base-passwd/{name}.master", encoding="ascii") as file:
            files[f"/etc/{name}"] = file.read().replace(":*:", ":x:")
    users = [line.split(":")[0] for line in files["/etc/passwd"].splitlines()]
    groups = [line.split(":")[0] for line in files["/etc/group"].splitlines()]
    files |= {"/etc/shadow": ("".join(f"{user}:*:20000:0:99999:7:::\n" for user in users), 0o640),
              "/etc/gshadow": ("".join(f"{group}:*::\n" for group in groups), 0o640)}
    files |= {"/etc/nsswitch.conf": "passwd: files systemd\ngroup: files systemd\nshadow: files\nhosts: files dns\n",
              "/usr/lib/sysusers.d/lab.conf": SYSUSERS, "/etc/rpm/macros.lab": "%_dbpath /usr/lib/sysimage/rpm\n",
              "/usr/bin/awk": "-> mawk", "/usr/sbin/ldconfig.real": None,
              "/etc/ssh/sshd_config": "UsePAM yes\nSubsystem sftp internal-sftp\n",
              "/usr/share/lab-release": "the lab\n"}
    del files["/usr/sbin/ldconfig.real"]
    return files


def make_packages(pool, folder):
    debs = fetch(folder)
    known = {os.path.basename(deb).split("_")[0] for deb in debs}
    scripts = dict(SCRIPTS)
    scripts[next(name for name in known if name.startswith("linux-image-6"))] = {"posttrans": KERNEL}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as crew:
        made = [crew.submit(convert.convert, deb, pool, known, scripts) for deb in debs]
        made.append(crew.submit(rpmrepo.make_rpm, pool, "lab-setup", setup_files(), tags=["Provides: filesystem"]))
        for one in made:
            one.result()


class Lab(toyrepo.Toyland):
    """Specs of it are for the distribution "lab"."""

    def __init__(self, folder):
        super().__init__(folder, few=True)

    def make_packages(self):
        make_packages(self.pool, os.path.join(self.folder, "debs"))

    def make_archive(self, name, signer, valid_for=None):
        folder = self.archive_path(name)
        shutil.move(self.pool, folder)
        rpmrepo.sign(sorted(glob.glob(f"{folder}/*.rpm")), signer)
        rpmrepo.publish(folder)

    def write_profile(self):
        profile = {
            "profile": 1, "id": "toyland", "plugin": "yum", "purl": "rpm/lab", "arches": {"x86_64": "x86_64"},
            "network_backend": "systemd-networkd", "hostname": "lab", "kernel_arguments": ["console=tty0", "console=ttyS0,115200"],
            "bootstrap_packages": [name for name in PACKAGES if not name.startswith(("linux-", "grub", "openssh", "sudo", "less"))] + ["lab-setup"],
            "disk": {"nominal_size": "1GiB", "filesystem": "ext4", "filesystems": {"ext4": {"mkfs": toyrepo.EXT4}}},
            "roles": {"kernel": ["linux-image-cloud-amd64"], "bootloader": ["grub-pc-bin", "grub-efi-amd64-bin", "grub2-common"],
                      "ssh": ["openssh-server"], "sudo": ["sudo"]},
            "settings": {"mirror": self.url("good"), "repositories": [{"id": "lab", "path": ""}],
                         "keys": [{"path": self.key, "fingerprint": self.signers[0].fingerprint()}]},
            "releases": {"toy": {"arches": {"x86_64": None}}},
        }
        self.write("profiles/toyland.yaml", profile)
