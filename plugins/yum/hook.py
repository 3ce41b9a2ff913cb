# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
"""A command of dnf 4, `dnf vmforge REQUEST`: says on descriptor 3, a line of JSON each, what an installation would be.

REQUEST is a file of JSON: install (packages, @groups, module streams), pinned (exactly these stay installed), excluded (what is
to go, and what needs it goes with it)."""
import json
import os

import dnf
import dnf.cli
import dnf.exceptions

MISSING = (("no_match_pkg_specs", "package"), ("no_match_group_specs", "group"), ("error_group_specs", "group"), ("error_pkg_specs", "package"))


def tell(**words):
    os.write(3, (json.dumps(words) + "\n").encode())


class Command(dnf.cli.Command):
    aliases = ("vmforge",)
    summary = "resolves for vmforge"

    @staticmethod
    def set_argparser(parser):
        parser.add_argument("request")

    def configure(self):
        self.cli.demands.available_repos = True
        self.cli.demands.sack_activation = True
        self.cli.demands.load_system_repo = False

    def run(self):
        with open(self.opts.request, encoding="utf-8") as file:
            request = json.load(file)
        try:
            self.solve(request)
        except dnf.exceptions.MarkingErrors as error:
            self.explain_marking(error)
        except dnf.exceptions.DepsolveError as error:
            tell(problem=str(error))
        else:
            for package in self.base.transaction.install_set:
                self.tell_package(package)
            tell(end=True)

    def solve(self, request):
        """What is installed stays as it is; where that cannot be, in another version."""
        try:
            self.mark(request, "nevra")
            self.base.resolve()
        except dnf.exceptions.DepsolveError:
            if not request["pinned"]:
                raise
            self.base.reset(goal=True)
            self.mark(request, "name")
            self.base.resolve()

    def mark(self, request, form):
        pinned = [package[form] for package in request["pinned"] if package["name"] not in request["excluded"]]
        if request["excluded"]:
            self.base.sack.add_excludes(self.base.sack.query().filterm(name=request["excluded"]))
        # Those that need something excluded go with it.
        self.base.install_specs(pinned, strict=not request["excluded"])
        self.base.install_specs(request["install"])

    @staticmethod
    def explain_marking(error):
        for member, kind in MISSING:
            for word in getattr(error, member):
                tell(unknown=word, kind=kind)
        if error.module_depsolv_errors:
            tell(problem=str(error))

    @staticmethod
    def tell_package(package):
        kind, digest = package.returnIdSum()
        tell(name=package.name, evr=package.evr, arch=package.arch, nevra=str(package), url=package.remote_location(), size=package.downloadsize,
             installed=package.installsize, checksum=kind, digest=digest, repo=package.repoid)


class Plugin(dnf.Plugin):
    name = "vmforge"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        if cli:
            cli.register_command(Command)
