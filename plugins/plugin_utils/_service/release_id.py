# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Identify a release of services by a hash of their programs and descriptions, and read which versions a host has."""

from __future__ import annotations

import hashlib
import json
import os
import typing as t

from .._release.artefact import read_artefact
from .._release.build import Build, build_program

__all__ = ["release_id", "services_of", "versions_of"]

Item = t.Dict[str, t.Any]
_CACHE = "~/.cache/gofleet/builds"


def services_of(described: t.Mapping[str, t.Sequence[Item]], names: t.Collection[str]) -> list[Item]:
    """Return the descriptions of all hosts, each once; with ``names``, only of those services."""
    found: dict[str, Item] = {}
    for items in described.values():
        for item in items:
            if not names or item["name"] in names:
                found[json.dumps(item, sort_keys=True, default=str)] = item
    return [found[key] for key in sorted(found)]


def release_id(services: t.Sequence[Item], *, base: str) -> str:
    """
    Return twelve hexadecimal digits: equal for equal programs and descriptions, whoever built the programs.

    :param base: the directory that relative paths start from
    :raises HostError: a program is missing or does not build
    """
    parts = [{**item, "artefact": _digest(item.get("artefact") or {}, base=base)} for item in services]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def versions_of(found: t.Mapping[str, t.Any]) -> dict[str, str | None]:
    """
    Return the version in use of each service on a host.

    :param found: what go_service_info returned
    """
    return {name: release.get("version") for name, release in (found.get("releases") or {}).items()}


def _digest(artefact: t.Mapping[str, t.Any], *, base: str) -> t.Any:
    build = artefact.get("build")
    if not build and not artefact.get("file"):
        return dict(artefact)
    path = artefact.get("file") or build_program(
        _build(build or {}, base=base), cache=os.path.expanduser(_CACHE)
    )
    return read_artefact(_at(base, path)).sha256


def _build(build: t.Mapping[str, t.Any], *, base: str) -> Build:
    return Build(
        directory=_at(base, build["directory"]),
        package=build.get("package") or ".",
        goarch=build.get("goarch") or "amd64",
        ldflags=build.get("ldflags") or "",
        tags=tuple(build.get("tags") or ()),
        go=build.get("go") or "go",
    )


def _at(base: str, path: str) -> str:
    return os.path.join(base, os.path.expanduser(path))
