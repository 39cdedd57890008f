# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Plan the releases of a host: which are missing, which become current, and which are removed."""

from __future__ import annotations

import os
import typing as t

from .._converge import Plan, State
from .._elf.file import goarches_of
from .._errors import HostError
from .files import shown, shown_files
from .item import Release, describe_program, old_program, read_release, stage_release
from .requirements import check_requirements, needs_spec
from .store import Marker, surplus

__all__ = ["plan_releases", "release_spec"]

_LOCK_SECONDS = 60.0


def plan_releases(
    wanted: list[dict[str, t.Any]],
    *,
    root: str,
    keep: int,
    switch: bool,
    machine: str,
    host: str = "/",
) -> Plan:
    """Compare the releases with the store, check what would be installed, and plan the rest.

    The plan's ``apply`` is None while an artefact has yet to be sent; ``result["missing"]`` names those.

    :param wanted: items of the option ``releases``, as the controller completed them
    :param machine: of this host, as uname(2) gives it
    :param host: where ``proc`` and the libraries of this host are
    :raises HostError: a program that does not start on this host, or a version that is installed with other content
    """
    releases = [read_release(item, root=root) for item in wanted]
    before: State = {}
    after: State = {}
    missing: list[Release] = []
    warnings: list[str] = []
    for release in releases:
        _refuse_wrong_machine(release, machine=machine)
        marker = release.store.marker(release.version)
        _refuse_other_content(release, marker=marker)
        before[release.name], after[release.name] = _compare(
            release, here=marker is not None, keep=keep, switch=switch
        )
        if marker is None:
            missing.append(release)
            warnings += _doubts(release, machine=machine, host=host)
            _add_texts(release, before=before, after=after)
    sendable = all(release.artefact for release in missing)
    return Plan(
        before=before,
        after=after,
        apply=(lambda: _apply(releases, missing=missing, keep=keep, switch=switch)) if sendable else None,
        result={
            "releases": {release.name: _report(release) for release in releases},
            "missing": [release.name for release in missing if not release.artefact],
            "olds": {release.name: _old(release) for release in missing if not release.artefact},
            "pruned": [],
        },
        warnings=warnings,
    )


def _compare(release: Release, *, here: bool, keep: int, switch: bool) -> tuple[State, State]:
    """The store as it is, and as it is wanted."""
    before: State = {"staged": release.version if here else None}
    after: State = {"staged": release.version}
    if switch:
        before["current"], after["current"] = release.store.current(), release.version
    unwanted = _unwanted(release, keep=keep, switch=switch)
    if unwanted:
        before["to remove"], after["to remove"] = unwanted, []
    return before, after


def _unwanted(release: Release, *, keep: int, switch: bool) -> list[str]:
    """What a killed run left in a store that is otherwise as wanted."""
    store, left = release.store, release.store.leftovers()
    if not switch or store.current() != release.version:
        # A switch that is done later leaves one version too many, which the next release removes.
        return left
    protect = {release.version, store.previous() or release.version}
    return left + surplus(list(store.versions()), keep=keep, protect=protect)


def _doubts(release: Release, *, machine: str, host: str) -> list[str]:
    if release.needs is None:
        return []
    warning = check_requirements(
        release.subject,
        release.needs,
        executable=os.path.join(release.store.path, release.version, release.name),
        machine=machine,
        root=host,
        brings={os.path.basename(file.path) for file in release.files},
    )
    return [] if warning is None else [warning]


def _add_texts(release: Release, *, before: State, after: State) -> None:
    """Add the texts of the files to the diff, compared with the version in use or installed last."""
    program = old_program(release)
    there = [] if program is None else shown_files(os.path.dirname(program), name=release.name)
    olds = {file.path: file for file in there}
    news = {file.path: file for file in release.files}
    for path in {**olds, **news}:
        name = f"{release.name}/{path}"
        before[name], after[name] = shown(olds.get(path)), shown(news.get(path))


def _old(release: Release) -> dict[str, t.Any] | None:
    program = old_program(release)
    return None if program is None or not os.path.isfile(program) else describe_program(program)


def _report(release: Release) -> dict[str, t.Any]:
    return {
        "version": release.version,
        "sha256": release.sha256,
        "path": release.store.path,
        "executable": os.path.join(release.store.path, "current", release.name),
    }


def _refuse_wrong_machine(release: Release, *, machine: str) -> None:
    runs = goarches_of(machine)
    if release.goarch not in runs:
        raise HostError(
            release.subject,
            wanted=f"a program for this host ({machine}: GOARCH {' or '.join(runs) or 'unknown to Go'})",
            found=f"one for GOARCH {release.goarch}",
            remedy="Set goarch of the build to that of the host, or give a file that was built for it.",
        )


def _refuse_other_content(release: Release, *, marker: Marker | None) -> None:
    if marker is not None and marker.sha256 != release.content:
        raise HostError(
            release.subject,
            wanted=f"content with SHA-256 {release.content}",
            found=f"other content under this version on the host, with SHA-256 {marker.sha256}",
            remedy="A version never changes its content: give the new build a new version, or leave version out.",
        )


def _apply(releases: list[Release], *, missing: list[Release], keep: int, switch: bool) -> dict[str, t.Any]:
    pruned: list[str] = []
    for release in releases:
        with release.store.lock(_LOCK_SECONDS):
            if release in missing and release.store.marker(release.version) is None:
                stage_release(release)
            if switch:
                release.store.switch(release.version)
            pruned += [f"{release.name} {old}" for old in release.store.prune(keep, {release.version})]
    return {"pruned": pruned}


def release_spec() -> dict[str, t.Any]:
    """The options of the module, the same for both of its halves."""
    build = {
        "directory": {"type": "path", "required": True},
        "package": {"type": "str", "default": "."},
        "goarch": {"type": "str", "default": "amd64"},
        "ldflags": {"type": "str", "default": ""},
        "tags": {"type": "list", "elements": "str", "default": []},
        "go": {"type": "str", "default": "go"},
    }
    file = {
        "path": {"type": "str", "required": True},
        "content": {"type": "str"},
        "src": {"type": "path"},
        "mode": {"type": "str", "default": "0644"},
        "data": {"type": "str", "no_log": True},
    }
    release = {
        "name": {"type": "str", "required": True},
        "version": {"type": "str", "default": ""},
        "file": {"type": "path"},
        "build": {"type": "dict", "options": build},
        "files": {"type": "list", "elements": "dict", "default": [], "options": file},
        "sha256": {"type": "str"},
        "size": {"type": "int"},
        "goarch": {"type": "str"},
        "needs": {"type": "dict", "options": needs_spec()},
        "artefact": {"type": "path"},
        "delta": {"type": "bool", "default": False},
        "guess": {"type": "str"},
    }
    return {
        "releases": {"type": "list", "elements": "dict", "required": True, "options": release},
        "root": {"type": "path", "default": "/opt/gofleet"},
        "keep": {"type": "int", "default": 3},
        "switch": {"type": "bool", "default": False},
    }
