#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""`vmforge key` and `vmforge sign` as a user meets them, and minisign and vmforge verifying each other.

usage: keys.py VMFORGE SOURCE"""
import json
import os
import pty
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import termios
import time

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
sys.path.insert(0, os.path.join(SOURCE, "tests", "vm"))
from tap import Tap, skip_all  # noqa: E402

PASSPHRASE = "correct horse battery staple"
TIME = 120  # seconds; a passphrase takes one or two, far more under a sanitizer

tap = Tap()


def environment(folder):
    known = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": folder, "VMFORGE_STORE": f"{folder}/store"}
    return {**known, **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}}


def run(folder, *arguments, passphrase=None):
    """(exit status, standard output, standard error). passphrase: goes to the descriptor of --passphrase-fd."""
    passed = ()
    if passphrase is not None:
        reader, writer = os.pipe()
        os.write(writer, passphrase.encode())
        os.close(writer)
        passed = (reader,)
        arguments = [*arguments, "--passphrase-fd", str(reader)]
    result = subprocess.run([PROGRAM, *arguments], cwd=folder, env=environment(folder), stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=TIME, check=False, pass_fds=passed,
                            start_new_session=True)  # no terminal
    for descriptor in passed:
        os.close(descriptor)
    return result.returncode, result.stdout, result.stderr


def minisign(folder, *arguments, answers=""):
    result = subprocess.run(["minisign", *arguments], cwd=folder, input=answers, capture_output=True, text=True,
                            timeout=TIME, check=False, start_new_session=True)
    return result.returncode, result.stdout + result.stderr


def equal(got, wanted, sentence):
    tap.ok(got == wanted, sentence, f"got    {got!r}\nwanted {wanted!r}")


def fails(folder, arguments, status, message, sentence, **how):
    equal(run(folder, *arguments, **how), (status, "", f"vmforge: {message}\n"), sentence)


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


def read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return file.read()


def mode(folder, name):
    return stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)


# ---- author keys

def test_new(folder):
    status, out, errors = run(folder, "key", "new", "author.key", passphrase=PASSPHRASE + "\nnot read")
    facts = dict(line.split("=", 1) for line in out.splitlines())
    equal((status, errors, facts.get("secret"), facts.get("public")), (0, "", "author.key", "author.pub"),
          "'key new' writes a key and says where")
    equal(mode(folder, "author.key"), 0o600, "the secret key is its owner's alone")
    equal(read(folder, "author.pub"), f"untrusted comment: minisign public key {facts['id']}\n{facts['base64']}\n",
          "the public key lies beside it")
    tap.ok("encrypted secret key" in read(folder, "author.key").splitlines()[0], "the secret key says it is encrypted")
    fails(folder, ["key", "new", "author.key"], 1, "'author.key' exists: a key is never overwritten",
          "a key is not overwritten, and no passphrase asked for", passphrase="x\n")
    write(folder, "other.pub", "mine\n")
    fails(folder, ["key", "new", "other.key"], 1, "'other.pub' exists: a key is never overwritten",
          "nor is a public one", passphrase="x\n")
    for text in ("", "\n", "\nsecond line"):
        fails(folder, ["key", "new", "empty.key"], 2, "the passphrase is empty: an author key has one",
              f"an empty passphrase is refused ({text!r})", passphrase=text)
    fails(folder, ["key", "new", "long.key"], 1, "a passphrase is one line of at most 1023 bytes, without a NUL",
          "a passphrase without end is refused", passphrase="x" * 5000)
    fails(folder, ["key", "new", "--passphrase-fd", "77", "x.key"], 2, "--passphrase-fd names an open file descriptor, "
          "not '77': see 'vmforge key new --help'", "a descriptor that is not open is refused")
    fails(folder, ["key", "new", "x.key"], 3, "there is no terminal to ask for the passphrase at: --passphrase-fd N "
          "reads it from a descriptor", "without a terminal it says what to do")
    equal([name for name in os.listdir(folder) if name.startswith((".", "x", "empty", "long"))], [],
          "what is refused leaves nothing")
    return facts["id"]


def test_usual_place(folder):
    fails(folder, ["sign", "author.pub"], 2, f"there is no key '{folder}/.config/vmforge/author.key': `vmforge key new` "
          "makes one, --key names another", "without a key 'sign' says what to do", passphrase=PASSPHRASE)
    status, out, errors = run(folder, "key", "new", "--json", passphrase=PASSPHRASE)
    place = os.path.join(folder, ".config", "vmforge")
    equal((status, errors, json.loads(out or "{}").get("public")), (0, "", f"{place}/author.pub"),
          "'key new' alone makes the key in the usual place")
    equal(mode(folder, ".config/vmforge"), 0o700, "in a folder that is its owner's alone")


def talk(folder, arguments, dialogue):
    """Runs the program on a terminal of its own; dialogue: (what it asks, what is answered). What it showed, the exit
    status, and whether the echo is on afterwards."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(PROGRAM, [PROGRAM, *arguments], environment(folder))
    shown, end = "", time.monotonic() + TIME

    def more():
        nonlocal shown
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            os.kill(pid, signal.SIGKILL)
            return False
        try:
            data = os.read(terminal, 4096)
        except OSError:
            return False
        shown += data.decode(errors="replace")
        return bool(data)

    for question, answer in dialogue:
        while question not in shown and more():
            pass
        # It asks before it turns off the echo, and throws away what came before.
        while termios.tcgetattr(terminal)[3] & termios.ECHO and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)
        os.write(terminal, answer.encode())
    on = None
    while more():
        try:
            on = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
        except termios.error:
            break
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    return shown.replace("\r\n", "\n"), status, on


def test_terminal(folder):
    again = "The same again: "
    first = "Passphrase for the new key 'typed.key': "
    shown, status, _ = talk(folder, ["key", "new", "typed.key"], [(first, "hush\n"), (again, "hash\n")])
    equal((status, shown), (2, f"{first}\n{again}\nvmforge: the two passphrases differ: nothing was written\n"),
          "two passphrases that differ are refused, and neither is shown")
    shown, status, echo = talk(folder, ["key", "new", "typed.key"], [(first, "\x03")])
    tap.ok(status == 130 and "stopped by the user" in shown, "^C at the question stops it", shown)
    tap.ok(echo is not False, "and the terminal echoes again")
    tap.ok(not os.path.exists(os.path.join(folder, "typed.key")), "neither leaves a key")
    shown, status, _ = talk(folder, ["key", "new", "typed.key"], [(first, "hush\n"), (again, "hush\n")])
    tap.ok(status == 0 and "hush" not in shown, "a passphrase that is typed twice makes a key, and is not shown", shown)
    write(folder, "typed", "text\n")
    shown, status, _ = talk(folder, ["sign", "--key", "typed.key", "typed"], [("Passphrase of 'typed.key': ", "hush\n")])
    tap.ok(status == 0 and "hush" not in shown, "'sign' asks for it once", shown)
    tap.ok(minisign(folder, "-Vm", "typed", "-p", "typed.pub")[0] == 0, "and minisign verifies what it wrote")


# ---- signatures, both ways

def test_sign(folder):
    write(folder, "release.txt", "the release\n")
    sign = ["sign", "--key", "author.key", "release.txt"]
    equal(run(folder, *sign, passphrase=PASSPHRASE), (0, "release.txt.minisig\n", ""), "'sign' names what it wrote")
    status, said = minisign(folder, "-H", "-V", "-p", "author.pub", "-m", "release.txt")
    tap.ok(status == 0 and re.search(r"timestamp:\d+\tfile:release.txt\thashed", said),
           "minisign verifies it, and shows time and name", said)
    before = read(folder, "release.txt.minisig")
    fails(folder, sign, 1, "'release.txt.minisig' exists: --force overwrites it", "a signature is not overwritten",
          passphrase=PASSPHRASE)
    write(folder, "release.txt", "another release\n")
    fails(folder, [*sign, "--force"], 1, "wrong passphrase for 'author.key' (or the file is damaged: nothing can tell)",
          "a wrong passphrase is told", passphrase="wrong horse")
    equal(read(folder, "release.txt.minisig"), before, "and leaves the signature")
    tap.ok(minisign(folder, "-Vm", "release.txt", "-p", "author.pub")[0] != 0, "minisign refuses it for other content")
    equal(run(folder, *sign, "--force", passphrase=PASSPHRASE)[0], 0, "--force overwrites it")
    tap.ok(minisign(folder, "-Vm", "release.txt", "-p", "author.pub")[0] == 0, "minisign verifies the new one")
    fails(folder, ["sign", "--key", "author.key", "."], 2, "'.' is a folder: what is signed is a file",
          "a folder is not signed", passphrase=PASSPHRASE)
    fails(folder, ["sign", "--key", "author.key", "./absent"], 1, "cannot open './absent': No such file or directory",
          "an absent file is named", passphrase=PASSPHRASE)
    status, out, errors = run(folder, "sign", "--key", "release.txt", "author.pub", passphrase=PASSPHRASE)
    tap.ok(status == 1 and not out and "'release.txt' is no minisign secret key" in errors, "what is no key is named",
           errors)


def test_minisign_uses_our_key(folder):
    write(folder, "theirs", "by minisign with our key\n")
    status, said = minisign(folder, "-S", "-s", "author.key", "-m", "theirs", answers=PASSPHRASE + "\n")
    tap.ok(status == 0, "minisign signs with a key that we made, and its passphrase", said)
    status, said = minisign(folder, "-Vm", "theirs", "-p", "author.pub")
    tap.ok(status == 0, "and verifies that", said)


def test_their_keys(folder):
    for name, options, passphrase in (("locked", (), "their passphrase"), ("open", ("-W",), None)):
        status, said = minisign(folder, "-G", *options, "-p", f"{name}.pub", "-s", f"{name}.key",
                                answers=f"{passphrase}\n{passphrase}\n")
        tap.ok(status == 0, f"minisign makes a key ({name})", said)
        write(folder, f"with-{name}", "text\n")
        status, _, errors = run(folder, "sign", "--key", f"{name}.key", f"with-{name}", passphrase=passphrase)
        tap.ok(status == 0, f"we sign with it ({name})", errors)
        status, said = minisign(folder, "-Vm", f"with-{name}", "-p", f"{name}.pub")
        tap.ok(status == 0, f"minisign verifies that ({name})", said)


# ---- the store's keys

def test_store(folder, author):
    fails(folder, ["key", "list"], 3, f"there is no store '{folder}/store' yet: `vmforge build` makes it, --store or "
          "VMFORGE_STORE names another", "a store that is not there has no keys")
    fails(folder, ["key", "trust", "author.pub"], 2, "say what it may sign: --role service or --role author: see 'vmforge key trust "
          "--help'", "a key is trusted in a role")
    equal(run(folder, "key", "trust", "--role", "author", "--name", "Anna", "author.pub"), (0, f"{author}\n", ""),
          "'key trust' prints the id, and makes the store")
    status, text, errors = run(folder, "key", "export")
    tap.ok(status == 0 and text.startswith("untrusted comment: minisign public key "),
           "'key export' prints the service key, made for it", errors)
    equal(run(folder, "key", "export")[1], text, "it is made once")
    equal((mode(folder, "store/keys"), mode(folder, "store/keys/service.key")), (0o700, 0o600),
          "the store's keys are its owner's alone")
    own = text.split()[5]
    rows = [line.split(None, 2)[:2] + [line.split()[-1]] for line in run(folder, "key", "list")[1].splitlines()]
    equal(rows, [[own, "service", "store)"], [author, "author", "Anna"]], "'key list' has both, the store's own first")
    keys = json.loads(run(folder, "key", "list", "--json")[1])
    equal([(key["id"], key["own"], key["state"], key["name"]) for key in keys],
          [(own, True, "trusted", None), (author, False, "trusted", "Anna")], "'key list --json' has the same")
    equal(run(folder, "key", "export", author[:8].lower())[1], read(folder, "author.pub"),
          "a public key comes out as it went in")
    write(folder, "build", "signed by the store\n")
    status, said = minisign(folder, "-S", "-W", "-s", "store/keys/service.key", "-m", "build")
    tap.ok(status == 0 and minisign(folder, "-Vm", "build", "-P", text.split()[-1])[0] == 0,
           "minisign takes the service key", said)
    return own


def test_trust_base64(folder):
    base64 = read(folder, "locked.pub").split()[-1]
    status, out, errors = run(folder, "key", "trust", "--role", "service", base64)
    # minisign leaves out zeros at the beginning of an id
    tap.ok(status == 0 and out.strip().lstrip("0") in read(folder, "locked.pub"), "a key is trusted by its base64 as well", errors)
    status, out, errors = run(folder, "key", "trust", "--role", "service", base64[:-1] + "!")
    tap.ok(status == 1 and not out and "is no minisign public key" in errors, "one that is mistyped is refused", errors)
    status, out, errors = run(folder, "key", "trust", "--role", "service", "author.key")
    tap.ok(status == 1 and not out and "'author.key' is no minisign public key" in errors,
           "a secret key is not taken for a public one", errors)


def test_revoke(folder, author, own):
    equal(run(folder, "key", "revoke", author), (0, "", ""), "'key revoke' says nothing")
    tap.ok(re.search(rf"^{author} +author +revoked ", run(folder, "key", "list")[1], re.MULTILINE), "the list has it")
    fails(folder, ["key", "trust", "--role", "author", "author.pub"], 1, f"key {author} was revoked, which is for good: "
          "its owner has to make another", "a revoked key is not trusted again")
    fails(folder, ["key", "revoke", "0123456789ABCDEF"], 2, "no key '0123456789ABCDEF': 'vmforge key list' shows those "
          "that are known", "an unknown key cannot be revoked")
    equal(run(folder, "key", "revoke", own)[0], 0, "the service key can be revoked")
    fails(folder, ["key", "export"], 1, f"the service key {own} was revoked: `vmforge key rotate` makes another",
          "it is exported no more")
    status, out, errors = run(folder, "key", "rotate")
    tap.ok(status == 0 and out.strip() != own, "'key rotate' makes another", errors)
    tap.ok(out.strip() in run(folder, "key", "export")[1], "which is exported from then on")


def test_secrets(folder):
    """What is secret is in no message."""
    fails(folder, ["key", "new", "--passphrase", PASSPHRASE, "y.key"], 2, "unknown option '--passphrase' (did you mean "
          "'--passphrase-fd'?): see 'vmforge key new --help'", "a passphrase is no argument")
    secret = read(folder, "store/keys/service.key").split()[-1]
    shutil.copy(os.path.join(folder, "store/keys/service.key"), os.path.join(folder, "cut.key"))
    for length in (len(secret) // 2, len(secret) - 1):
        write(folder, "cut.key", f"untrusted comment: minisign secret key\n{secret[:length]}\n")
        status, out, errors = run(folder, "sign", "--key", "cut.key", "author.pub")
        tap.ok(status == 1 and not out and errors.count("\n") == 1 and secret[:16] not in errors,
               f"a damaged key is told in one line, without what it holds ({length})", errors)


def main():
    if not shutil.which("minisign"):
        skip_all("there is no minisign")
    with tempfile.TemporaryDirectory(prefix="vmforge-keys-") as folder:
        author = test_new(folder)
        test_usual_place(folder)
        test_terminal(folder)
        test_sign(folder)
        test_minisign_uses_our_key(folder)
        test_their_keys(folder)
        own = test_store(folder, author)
        test_trust_base64(folder)
        test_revoke(folder, author, own)
        test_secrets(folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
