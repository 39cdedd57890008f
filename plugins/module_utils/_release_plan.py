# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Programs into the release store: which are missing, which become current, and how they get there."""

from __future__ import annotations

import hashlib
import os
import typing as t

from ._converge import State
from ._elf import goarches_of
from ._errors import HostError
from ._release import Marker, Store

__all__ = ["ReleasePlan", "plan_releases", "release_spec"]

_BLOCK = 1 << 20
_LOCK_SECONDS = 60.0
_LABEL_DIGITS = 12


class Release(t.NamedTuple):
    """One program in one version. ``artefact``: its path on this host, or "" while it is still on the controller."""

    name: str
    version: str
    sha256: str
    size: int
    goarch: str
    artefact: str
    store: Store


class ReleasePlan(t.NamedTuple):
    """``apply`` is None while an artefact has yet to be sent; ``result["missing"]`` names those."""

    before: State
    after: State
    apply: t.Callable[[], dict[str, t.Any]] | None
    result: dict[str, t.Any]


def plan_releases(
    wanted: list[dict[str, t.Any]],
    *,
    root: str,
    keep: int,
    switch: bool,
    machine: str,
) -> ReleasePlan:
    """
    :param wanted: items with name, version ("" for a label out of the SHA-256), sha256, size, goarch, artefact
    :param machine: of this host, as uname(2) gives it
    :raises HostError: a program for another machine, or a version that is here with other content
    """
    releases = [_release(item, root=root) for item in wanted]
    before: State = {}
    after: State = {}
    missing: list[Release] = []
    for release in releases:
        _refuse_wrong_machine(release, machine=machine)
        marker = release.store.marker(release.version)
        _refuse_other_content(release, marker=marker)
        here = marker is not None
        before[release.name] = {"staged": release.version if here else None}
        after[release.name] = {"staged": release.version}
        if switch:
            before[release.name]["current"] = release.store.current()
            after[release.name]["current"] = release.version
        if not here:
            missing.append(release)
    sendable = all(release.artefact for release in missing)
    return ReleasePlan(
        before=before,
        after=after,
        apply=(lambda: _apply(releases, missing=missing, keep=keep, switch=switch)) if sendable else None,
        result={
            "releases": {release.name: _report(release) for release in releases},
            "missing": [release.name for release in missing if not release.artefact],
            "pruned": [],
        },
    )


def _release(item: dict[str, t.Any], *, root: str) -> Release:
    version = item["version"] or item["sha256"][:_LABEL_DIGITS]
    store = Store(os.path.join(root, item["name"]))
    return Release(
        item["name"], version, item["sha256"], item["size"], item["goarch"], item["artefact"] or "", store
    )


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
            f"release {release.name} {release.version}",
            wanted=f"a program for this host ({machine}: GOARCH {' or '.join(runs) or 'unknown to Go'})",
            found=f"one for GOARCH {release.goarch}",
            remedy="Set goarch of the build to the host's, or give the file that was built for it.",
        )


def _refuse_other_content(release: Release, *, marker: Marker | None) -> None:
    if marker is not None and marker.sha256 != release.sha256:
        raise HostError(
            f"release {release.name} {release.version}",
            wanted=f"the program with SHA-256 {release.sha256}",
            found=f"another one under this version on the host, with SHA-256 {marker.sha256}",
            remedy="A version never changes its content: give the new build a new version, or leave version out.",
        )


def _apply(releases: list[Release], *, missing: list[Release], keep: int, switch: bool) -> dict[str, t.Any]:
    pruned: list[str] = []
    for release in releases:
        with release.store.lock(_LOCK_SECONDS):
            if release in missing:
                _stage(release)
            if switch:
                release.store.switch(release.version)
            pruned += [f"{release.name} {old}" for old in release.store.prune(keep, {release.version})]
    return {"pruned": pruned}


def _stage(release: Release) -> None:
    with release.store.stage(release.version) as staging:
        target = os.path.join(staging, release.name)
        found = _copy(release.artefact, target)
        if found != release.sha256:
            raise HostError(
                f"release {release.name} {release.version}",
                wanted=f"SHA-256 {release.sha256}",
                found=f"{found} after the transfer",
                remedy="Run again; nothing was installed. If it repeats, look for a fault in the line or the disk.",
            )
        os.chmod(target, 0o755)
        marker = Marker(version=release.version, sha256=release.sha256, size=release.size)
        release.store.commit(staging, release.version, marker)


def _copy(source: str, target: str) -> str:
    digest = hashlib.sha256()
    with open(source, "rb") as reader, open(target, "wb") as writer:
        while True:
            block = reader.read(_BLOCK)
            if not block:
                break
            digest.update(block)
            writer.write(block)
    return digest.hexdigest()


def release_spec() -> dict[str, t.Any]:
    """The options of the module, the same on both its halves."""
    build = {
        "directory": {"type": "path", "required": True},
        "package": {"type": "str", "default": "."},
        "goarch": {"type": "str", "default": "amd64"},
        "ldflags": {"type": "str", "default": ""},
        "tags": {"type": "list", "elements": "str", "default": []},
        "go": {"type": "str", "default": "go"},
    }
    release = {
        "name": {"type": "str", "required": True},
        "version": {"type": "str", "default": ""},
        "file": {"type": "path"},
        "build": {"type": "dict", "options": build},
        "sha256": {"type": "str"},
        "size": {"type": "int"},
        "goarch": {"type": "str"},
        "artefact": {"type": "path"},
    }
    return {
        "releases": {"type": "list", "elements": "dict", "required": True, "options": release},
        "root": {"type": "path", "default": "/opt/gofleet"},
        "keep": {"type": "int", "default": 3},
        "switch": {"type": "bool", "default": False},
    }
