# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""What is changed of a spec, a profile, a configuration or the world, one at a time, and which stages must be made anew.

A mutation is (sentence, function, stage): the function changes what it gets, and `stage` is the lowest stage whose content
may be another one then, with which all above it miss; NONE: everything hits; REFUSED: nothing of the kind can be built.
"STAGE" stands for each of the four, and the stage where it was changed. Every path of a schema must have one."""
import os

NONE, REFUSED, STAGE = "none", "refused", "STAGE"
HASH = "$6$abcdefgh$0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"


def put(name, value):
    """Sets a member of what it gets."""
    def mutate(place, _):
        place[name] = value
    return mutate


def add(name, *values):
    def mutate(place, _):
        place[name] = [*place.get(name, []), *values]
    return mutate


def first(name, change):
    """Changes the first entry of a list."""
    def mutate(place, world):
        change(place[name][0], world)
    return mutate


def remove(entry):
    """Core has toy-spare, which the stages above can remove; Core itself can name what it does not have."""
    def mutate(place, world):
        name = "toy-links" if world.stage == "core" else "toy-spare"
        place["remove"] = [*place.get("remove", []), entry(name)]
    return mutate


def user(name, value):
    return first("users", put(name, value))


def file_of(kind, change):
    """Changes the entry of `files` that has this member."""
    def mutate(place, world):
        change(next(one for one in place["files"] if kind in one), world)
    return mutate


def write(name, text, mode=0o644):
    """Another content of a file beside the spec, which is put right afterwards."""
    def mutate(_, world):
        world.write(name, text, mode)
    return mutate


def touch(name):
    def mutate(_, world):
        os.utime(world.path(name), (1, 1))
    return mutate


# Of each stage: path below it → mutations.
OF_STAGE = {
    "repositories[].url": [("the same archive by another URL", first("repositories", lambda one, world: put(
        "url", world.url("extra-again"))(one, world)), STAGE)],
    "repositories[].suite": [("another suite", first("repositories", put("suite", "toy2")), STAGE)],
    "repositories[].components[]": [("a component twice", first("repositories", put("components", ["main", "main"])), STAGE)],
    "repositories[].key": [("the same key in another file", first("repositories", put("key", "extra-copy.gpg")), NONE),
                           ("another key beside it", first("repositories", put("key", "extra-more.gpg")), STAGE)],
    "repositories[].name": [("another name", first("repositories", put("name", "renamed")), STAGE)],
    "features[]": [("a feature more", add("features", "more"), STAGE)],
    "packages[]": [("a package more", add("packages", "toy-slow"), STAGE), ("a package less", put("packages", []), STAGE)],
    "packages[].*": [("one for another distribution", add("packages", {"debian": "vim", "toyland": None}), NONE),
                     ("one for this distribution", add("packages", {"toyland": "toy-slow"}), STAGE)],
    "packages[].*[]": [("two for this distribution", add("packages", {"toyland": ["toy-slow", "toy-links"]}), STAGE)],
    "remove[]": [("a package removed", remove(lambda name: name), STAGE)],
    "remove[].*": [("removed of another distribution", add("remove", {"debian": "vim", "toyland": None}), NONE),
                   ("removed of this one", remove(lambda name: {"toyland": name}), STAGE)],
    "remove[].*[]": [("a list of them", remove(lambda name: {"toyland": [name]}), STAGE)],
    "users[].name": [("another name", user("name", "other"), STAGE)],
    "users[].password": [("a password", user("password", HASH), STAGE)],
    "users[].groups[]": [("another group", user("groups", ["adm"]), STAGE)],
    "users[].groups[].*": [("a group of another distribution", user("groups", ["sudo", {"debian": "adm", "toyland": None}]), NONE),
                           ("a group of this one", user("groups", ["sudo", {"toyland": "adm"}]), STAGE)],
    "users[].groups[].*[]": [("a list of them", user("groups", [{"toyland": ["sudo", "adm"]}]), STAGE)],
    "users[].ssh_keys[]": [("another key", user("ssh_keys", ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB7K8F8L other"]), STAGE)],
    "users[].ssh_keys[].file": [("the same key in a file", user("ssh_keys", [{"file": "key.pub"}]), NONE),
                                ("a file with another key", user("ssh_keys", [{"file": "other.pub"}]), STAGE)],
    "users[].shell": [("another shell", user("shell", "/bin/dash"), STAGE)],
    "users[].home": [("another home", user("home", "/srv/home"), STAGE)],
    "users[].gecos": [("another full name", user("gecos", "Some Body"), STAGE)],
    "users[].uid": [("a number", user("uid", 4321), STAGE)],
    "users[].system": [("a system user", user("system", True), STAGE)],
    "files[].from": [("a file of the same content elsewhere", file_of("from", put("from", "file-copy")), NONE),
                     ("another content", write("file", "changed"), STAGE), ("another mode", write("file", "text", 0o600), STAGE),
                     ("another time of change", touch("file"), NONE), ("a file of a folder changed", write("tree/deep/a", "changed"), STAGE),
                     ("the mode of a file in a folder", write("tree/deep/a", "a", 0o755), STAGE),
                     ("a file more in a folder", write("tree/deep/new", "new"), STAGE),
                     ("another time of a file in a folder", touch("tree/deep/a"), NONE)],
    "files[].content": [("another content", file_of("content", put("content", "changed")), STAGE)],
    "files[].link": [("another target", file_of("link", put("link", "/elsewhere")), STAGE)],
    "files[].to": [("another place", file_of("content", put("to", "/srv/elsewhere")), STAGE)],
    "files[].mode": [("another mode", file_of("content", put("mode", "0600")), STAGE),
                     ("the mode that it has anyway", file_of("from", put("mode", "0644")), NONE)],
    "files[].owner": [("another owner", file_of("content", put("owner", "nobody")), STAGE)],
    "run[]": [("a command more", add("run", "true"), STAGE), ("another order", lambda place, _: place["run"].reverse(), STAGE)],
    "run[].command": [("another command", add("run", {"command": "true"}), STAGE)],
    "run[].script": [("another text", write("script", "#!/bin/sh\nexit 0 # changed\n", 0o755), STAGE),
                     ("another time of change", touch("script"), NONE)],
    "run[].network": [("with the network", add("run", {"command": "true", "network": True}), STAGE)],
    "size": [("a larger volume", put("size", "400MiB"), STAGE)],
}

NETWORK = {
    "addresses[]": [("an address", {"addresses": ["192.0.2.9/24"]}, "appliance")],
    "gateway": [("a gateway", {"addresses": ["192.0.2.8/24"], "gateway": "192.0.2.1"}, "appliance")],
    "dns[]": [("a name server", {"dns": ["192.0.2.2"]}, "appliance")],
    "interfaces[].match": [("a card", {"interfaces": [{"match": "eth7", "dhcp": True}]}, "appliance")],
    "interfaces[].dhcp": [("without DHCP", {"interfaces": [{"match": "eth0", "dhcp": False, "addresses": ["192.0.2.3/24"]}]},
                           "appliance")],
    "interfaces[].addresses[]": [("an address of a card", {"interfaces": [{"addresses": ["192.0.2.4/24"]}]}, "appliance")],
    "interfaces[].gateway": [("a gateway of a card", {"interfaces": [{"addresses": ["192.0.2.4/24"], "gateway": "192.0.2.1"}]},
                              "appliance")],
    "interfaces[].dns[]": [("a name server of a card", {"interfaces": [{"dhcp": True, "dns": ["192.0.2.5"]}]}, "appliance")],
}
# Both at the top of a spec and in `appliance`.
OF_APPLIANCE = {
    "locale": [("another locale", put("locale", "POSIX"), "appliance")],
    "timezone": [("another time zone", put("timezone", "Etc/GMT-3"), "appliance")],
    "network": [("DHCP, in a word", put("network", "dhcp"), NONE)],
    "kernel_arguments[]": [("an argument", put("kernel_arguments", ["quiet"]), "appliance")],
    **{f"network.{path}": [(sentence, put("network", value), stage) for sentence, value, stage in some]
       for path, some in NETWORK.items()},
}


def extend(spec, world):
    """The same by way of another file."""
    world.write("below.json", world.to_text(dict(spec)))
    spec.clear()
    spec.update({"vmforge": 1, "extends": "below.json"})


def extend_list(spec, world):
    extend(spec, world)
    spec["extends"] = ["below.json"]


def override(name, value):
    def mutate(spec, _):
        spec["distro"]["override"] = {name: value}
    return mutate


def distro(name, value):
    return lambda spec, _: put(name, value)(spec["distro"], None)


def disk(name, value):
    return lambda spec, _: put(name, value)(spec["disk"], None)


OF_SPEC = {
    "vmforge": [("a format of tomorrow", put("vmforge", 2), REFUSED)],
    "name": [("another name", put("name", "other"), NONE)],
    "version": [("another version", put("version", "7"), NONE)],
    "extends": [("the same by another file", extend, NONE)],
    "extends[]": [("the same by a list of files", extend_list, NONE)],
    "distro.id": [("another distribution", distro("id", "toyworld"), "core")],
    "distro.release": [("another release", distro("release", "toys"), "core")],
    "distro.arch": [("another architecture", distro("arch", "i386"), "core")],
    "distro.snapshot": [("a moment that not every archive has", distro("snapshot", "20260101T000000Z"), REFUSED)],
    "distro.override.settings": [("another setting", override("settings", {"keyring": {"package": "other-keyring"}}), "core")],
    "distro.override.snapshots.*": [("where moments are kept, of which none is asked for",
                                     override("snapshots", {"http://nowhere.invalid/": "http://nowhere.invalid/@SNAPSHOT@/"}), NONE)],
    "distro.override.roles.*[]": [("a role of the base", override("roles", {"of-base": ["toy-links"]}), "base"),
                                  ("a role that nothing uses", override("roles", {"unused": ["toy-links"]}), NONE)],
    "distro.override.bootstrap_packages[]": [("a package of Core", override("bootstrap_packages", ["toy-base", "toy-links"]), "core")],
    "distro.override.kernel_arguments[]": [("an argument of the kernel", override("kernel_arguments", ["quiet"]), "core")],
    "disk.size": [("a larger disk", disk("size", "640MiB"), "appliance")],
    "disk.filesystem": [("another filesystem", disk("filesystem", "xfs"), "core")],
    "disk.firmware[]": [("another firmware", disk("firmware", ["bios"]), "core")],
    "appliance.hostname": [("another host name", lambda spec, _: put("hostname", "other")(spec["appliance"], _), "appliance")],
    "mirrors[]": [("mirrors, which the image keeps", lambda spec, world: put("mirrors", [world.url("good")])(spec, world), "core")],
    "output.formats[]": [("another format", put("output", {"formats": ["qcow2"]}), NONE)],
    "test": [("how it is tested", put("test", {"memory": "1GiB"}), NONE)],
    "machine": [("the machine to run it in", put("machine", {"cpus": 2}), NONE)],
    "context": [("its first boot", put("context", {"a": "b"}), NONE)],
}

# Of a profile, wherever it is written: at the top, in a release or in an architecture of it.
OF_PROFILE = {
    "settings": [("a setting", put("settings", {"keyring": {"package": "other-keyring"}}), "core")],
    "snapshots.*": [("where moments are kept", put("snapshots", {"http://nowhere.invalid/": "http://nowhere.invalid/@SNAPSHOT@/"}), NONE)],
    "kernel_arguments[]": [("an argument of the kernel", put("kernel_arguments", ["quiet"]), "core")],
    "network_backend": [("another network service", put("network_backend", "NetworkManager"), "core")],
    "hostname": [("another host name", put("hostname", "other"), "core")],
    "disk.nominal_size": [("a larger nominal size", put("disk", {"nominal_size": "288MiB"}), "core")],
    "disk.filesystem": [("another filesystem", put("disk", {"filesystem": "xfs"}), "core")],
    "disk.filesystems.*.mkfs[]": [("a feature of the filesystem", put("disk", {"filesystems": {"ext4": {"mkfs": ["-b", "1024"]}}}), "core"),
                                  ("a feature of another one", put("disk", {"filesystems": {"xfs": {"mkfs": ["-b", "size=1024"]}}}), NONE)],
    "bootstrap_packages[]": [("a package of Core", put("bootstrap_packages", ["toy-base", "toy-links"]), "core")],
    "roles.*[]": [("a role of the base", put("roles", {"of-base": ["toy-links"]}), "base"),
                  ("a role that nothing uses", put("roles", {"unused": ["toy-links"]}), NONE)],
}
OF_PROFILE_ALONE = {
    "profile": [("a format of tomorrow", put("profile", 2), REFUSED)],
    "id": [("another id, as the spec has it", put("id", "elsewhere"), REFUSED)],
    "name": [("another name for people", put("name", "Toyland!"), NONE)],
    "purl": [("other package URLs", put("purl", "deb/other"), NONE)],
    "plugin": [("a plugin that is not there", put("plugin", "no-such-plugin"), REFUSED)],
    "arches.*": [("an architecture that has no packages", put("arches", {"x86_64": "riscv64"}), REFUSED)],
    "releases.*.aliases[]": [("an alias", lambda profile, _: profile["releases"]["toy"].update(aliases=["t"]), NONE)],
    "releases.*.name": [("a release's name for people", lambda profile, _: profile["releases"]["toy"].update(name="Toy 1"), NONE)],
}
# None of what is said of the store and the machine is in a key.
OF_CONFIG = {"store": NONE, "storage": NONE, "transport": NONE, "keep_images": NONE, "store_limit": NONE,
             "policy.require[]": NONE, "policy.keys[]": NONE,
             "repository.expires": NONE, "repository.packs": NONE}
