# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os
import typing as t

from ..module_utils._errors import HostError
from ..module_utils._release.files import FILES_LIMIT, read_files
from ..module_utils._release.plan import release_spec
from ..plugin_utils._action import HostAction, Result
from ..plugin_utils._delta.cache import DeltaCache
from ..plugin_utils._delta.last_sent import LastSent, host_of
from ..plugin_utils._release.artefact import Artefact, read_artefact
from ..plugin_utils._release.build import Build, build_program
from ..plugin_utils._release.delta import LastReleases, Payload, pack_delta

_CACHE = "~/.cache/gofleet/builds"


class _Wanted(t.NamedTuple):
    """Programs that a host lacks, its description of old ones, and deltas that were guessed right."""

    artefacts: dict[str, Artefact]
    olds: Result
    right: dict[str, Payload]

    def payloads(self, cache: DeltaCache) -> dict[str, Payload]:
        return {
            name: self.right.get(name) or pack_delta(it, self.olds.get(name), cache=cache)
            for name, it in self.artefacts.items()
        }


class ActionModule(HostAction):
    """Build and read programs on the controller, and send those that the host lacks."""

    MODULE = "gofleet.hosts.release"
    TRANSFERS_FILES = True

    def act(self) -> Result:
        dummy, options = self.validate_argument_spec(argument_spec=release_spec())
        artefacts = {item["name"]: self._artefact(item) for item in options["releases"]}
        options["releases"] = [
            _described(item, artefacts[item["name"]], self._files(item)) for item in options["releases"]
        ]
        return _with_programs(self._converge(options, artefacts), artefacts)

    def _converge(self, options: Result, artefacts: dict[str, Artefact]) -> Result:
        """Send deltas from what was last sent; then send what the host reports as missing."""
        cache = DeltaCache()
        last_sent = LastSent(host_of(self._task, self._task_vars))
        memory = LastReleases(artefacts, store=options["root"], cache=cache, last_sent=last_sent)
        guesses = {} if self._task.check_mode else memory.guesses()
        planned = self._send(options, guesses)
        if guesses and planned.get("failed"):
            planned = self._send(options, {})
        missing = planned.get("missing", [])
        result = _completed(planned, sent={} if missing else guesses)
        if missing and not self._task.check_mode:
            # The guess was right for these, so a refusal now is an error.
            right = {name: it._replace(guess=None) for name, it in guesses.items() if name not in missing}
            lacking = {name: artefacts[name] for name in (*missing, *right)}
            wanted = _Wanted(lacking, planned["olds"], right)
            shipped = self._ship(options, wanted, cache)
            result = {**shipped, "diff": planned["diff"]}
            result["bytes_sent"] += sum(payload.size for payload in guesses.values())
        result.pop("olds", None)
        if not result.get("failed") and not self._task.check_mode:
            memory.keep()
        return result

    def _ship(self, options: Result, wanted: _Wanted, cache: DeltaCache) -> Result:
        """Send what is missing as deltas, with those guessed right; if any is refused, send whole programs once."""
        try:
            payloads = wanted.payloads(cache)
            result = self._send(options, payloads)
            refused = result.get("msg", "") if result.get("failed") else None
        except (HostError, OSError) as error:
            payloads, result, refused = {}, {}, str(error)
        if refused is not None:
            self._display.warning(f"The host refused the delta, so the whole program is sent: {refused}")
            spent = sum(payload.size for payload in payloads.values())
            payloads = {name: _whole(it) for name, it in wanted.artefacts.items()}
            result = self._send(options, payloads)
            result["bytes_sent"] = spent + sum(payload.size for payload in payloads.values())
        return _completed(result, sent=payloads)

    def _send(self, options: Result, payloads: dict[str, Payload]) -> Result:
        items = [
            {**item, **self._sent(item["name"], payloads[item["name"]])} if item["name"] in payloads else item
            for item in options["releases"]
        ]
        return self.run_module({**options, "releases": items})

    def _sent(self, name: str, payload: Payload) -> Result:
        remote = self.transfer(payload.path, name=f"{name}.{payload.method}")
        return {"artefact": remote, "delta": payload.delta, "guess": payload.guess}

    def _files(self, item: Result) -> list[Result]:
        """The files with their content; their source on the controller is not sent."""
        files = [
            {
                "path": file["path"],
                "mode": file["mode"],
                "data": base64.b64encode(self._content(item, file)).decode(),
            }
            for file in item["files"]
        ]
        read_files(files, name=item["name"])
        return files

    def _content(self, item: Result, file: Result) -> bytes:
        if (file["content"] is None) == (file["src"] is None):
            raise HostError(
                f"file {file['path']!r} of release {item['name']}",
                wanted="its content: either content or src",
                found="both" if file["src"] else "neither",
                remedy="Give the text in content, or a file on the controller in src.",
            )
        if file["src"] is None:
            return str(file["content"]).encode()
        path = self.playbook_path(file["src"])
        try:
            with open(path, "rb") as stream:
                return stream.read(FILES_LIMIT + 1)
        except OSError as error:
            raise HostError(
                path,
                wanted=f"a file that the controller can read, for release {item['name']}",
                found=error.strerror or str(error),
                remedy="Correct src; relative paths start at the playbook.",
            )

    def _artefact(self, item: Result) -> Artefact:
        if bool(item["file"]) == bool(item["build"]):
            raise HostError(
                f"release {item['name']}",
                wanted="one artefact: either file or build",
                found="both" if item["file"] else "neither",
                remedy="Name the built program in file, or the Go module to build in build.directory.",
            )
        path = item["file"] or build_program(self._build(item["build"]), cache=os.path.expanduser(_CACHE))
        artefact = read_artefact(os.path.realpath(self.playbook_path(path)))
        if item["sha256"] not in (None, artefact.sha256):
            raise HostError(
                f"release {item['name']}",
                wanted=f"SHA-256 {item['sha256']}",
                found=f"{artefact.sha256} in {artefact.path} on the controller",
                remedy="Fetch or build the program again, or correct sha256.",
            )
        return artefact

    def _build(self, build: Result) -> Build:
        return Build(
            directory=self.playbook_path(build["directory"]),
            package=build["package"],
            goarch=build["goarch"],
            ldflags=build["ldflags"],
            tags=tuple(build["tags"]),
            go=build["go"],
        )


def _described(item: Result, artefact: Artefact, files: list[Result]) -> Result:
    described = {
        **item,
        "sha256": artefact.sha256,
        "size": artefact.size,
        "goarch": artefact.goarch,
        "needs": artefact.needs,
        "files": files,
    }
    # file and build stay on the controller: the host needs only the program.
    return {
        key: value for key, value in described.items() if key not in ("file", "build") and value is not None
    }


def _whole(artefact: Artefact) -> Payload:
    return Payload(artefact.path, artefact.size, "whole", False, None)


def _with_programs(result: Result, artefacts: dict[str, Artefact]) -> Result:
    """Add what is known of each program to the result."""
    for name, report in result.get("releases", {}).items():
        report["program"] = artefacts[name].program()
    return result


def _completed(result: Result, *, sent: dict[str, Payload]) -> Result:
    """Add to the result how each program was sent."""
    for name, report in result.get("releases", {}).items():
        payload = sent.get(name)
        report["bytes_sent"] = payload.size if payload else 0
        report["method"] = payload.method if payload else "none"
        report["hint"] = payload.hint if payload else None
    result.setdefault("bytes_sent", sum(payload.size for payload in sent.values()))
    return result
