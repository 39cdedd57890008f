# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils._errors import HostError
from ..module_utils._release_plan import release_spec
from ..plugin_utils._artefact import Artefact, read_artefact
from ..plugin_utils._build import Build, build_program

_MODULE = "gofleet.hosts.release"
_CACHE = "~/.cache/gofleet/builds"


class ActionModule(ActionBase):
    """Builds and reads the programs on the controller, and sends those that the host says it lacks."""

    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        dummy, options = self.validate_argument_spec(argument_spec=release_spec())
        try:
            artefacts = {item["name"]: self._artefact(item) for item in options["releases"]}
        except HostError as error:
            return {"failed": True, **error.report()}
        options["releases"] = [_described(item, artefacts[item["name"]]) for item in options["releases"]]
        result = self._execute_module(module_name=_MODULE, module_args=options, task_vars=task_vars)
        sent = 0
        if result.get("missing") and not self._task.check_mode:
            options["releases"] = [
                self._sent(item, artefacts, result["missing"]) for item in options["releases"]
            ]
            sent = sum(artefacts[name].size for name in result["missing"])
            result = self._execute_module(module_name=_MODULE, module_args=options, task_vars=task_vars)
        result.setdefault("bytes_sent", sent)
        return result

    def _artefact(self, item: dict[str, t.Any]) -> Artefact:
        if bool(item["file"]) == bool(item["build"]):
            raise HostError(
                f"release {item['name']}",
                wanted="one artefact: either file or build",
                found="both" if item["file"] else "neither",
                remedy="Name the built program in file, or the Go module to build in build.directory.",
            )
        path = item["file"] or build_program(self._build(item["build"]), cache=os.path.expanduser(_CACHE))
        artefact = read_artefact(self._at_playbook(path))
        if item["sha256"] not in (None, artefact.sha256):
            raise HostError(
                f"release {item['name']}",
                wanted=f"SHA-256 {item['sha256']}",
                found=f"{artefact.sha256} in {artefact.path} on the controller",
                remedy="Fetch or build the program again, or correct sha256.",
            )
        return artefact

    def _build(self, build: dict[str, t.Any]) -> Build:
        return Build(
            directory=self._at_playbook(build["directory"]),
            package=build["package"],
            goarch=build["goarch"],
            ldflags=build["ldflags"],
            tags=tuple(build["tags"]),
            go=build["go"],
        )

    def _at_playbook(self, path: str) -> str:
        return os.path.join(self._loader.get_basedir(), os.path.expanduser(path))

    def _sent(
        self, item: dict[str, t.Any], artefacts: dict[str, Artefact], missing: list[str]
    ) -> dict[str, t.Any]:
        if item["name"] not in missing:
            return item
        shell = self._connection._shell
        if not shell.tmpdir:
            self._make_tmp_path()
        remote = shell.join_path(shell.tmpdir, item["name"])
        self._transfer_file(artefacts[item["name"]].path, remote)
        self._fixup_perms2((shell.tmpdir, remote))
        return {**item, "artefact": remote}


def _described(item: dict[str, t.Any], artefact: Artefact) -> dict[str, t.Any]:
    described = {**item, "sha256": artefact.sha256, "size": artefact.size, "goarch": artefact.goarch}
    # What only the controller needs stays here: the host sees a program, not where it came from.
    return {
        key: value for key, value in described.items() if key not in ("file", "build") and value is not None
    }
