# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""One release as it is asked for, and its installation into the store."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import typing as t

from .._delta.apply import apply_delta
from .._delta.manifest import read_manifest
from .._errors import HostError
from .files import ReleaseFile, content_hash, read_files, write_files
from .store import Marker, Store

__all__ = ["Release", "describe_program", "old_program", "read_release", "stage_release"]

_BLOCK = 1 << 20
_LABEL_DIGITS = 12


class Release(t.NamedTuple):
    """One program and its files in one version."""

    name: str
    version: str
    sha256: str  # of the program
    size: int  # of the program in bytes
    goarch: str
    files: list[ReleaseFile]
    content: str  # SHA-256 of the whole release
    needs: dict[str, t.Any] | None
    artefact: str  # a path on this host, or "" while the program is still on the controller
    delta: bool  # whether the artefact is a delta from the program that is here
    store: Store

    @property
    def subject(self) -> str:
        """The name of the release in errors."""
        return f"release {self.name} {self.version}"


def read_release(item: t.Mapping[str, t.Any], *, root: str) -> Release:
    """Read one item of the option ``releases``.

    :param item: a version of "" becomes a label made from the content
    :raises HostError: files that a release cannot have
    """
    files = read_files(item["files"], name=item["name"])
    content = content_hash(item["sha256"], files)
    release = Release(
        name=item["name"],
        version=item["version"] or content[:_LABEL_DIGITS],
        sha256=item["sha256"],
        size=item["size"],
        goarch=item["goarch"],
        files=files,
        content=content,
        needs=item["needs"],
        artefact=item["artefact"] or "",
        delta=item["delta"],
        store=Store(os.path.join(root, item["name"])),
    )
    guess = item["guess"]
    # A delta from another program than the one here is useless.
    return release if guess is None or guess == _old_root(release) else release._replace(artefact="")


def old_program(release: Release) -> str | None:
    """The program that a delta can start from: the version in use, else the one installed last."""
    version = release.store.current() or next(iter(release.store.versions()), None)
    return None if version is None else os.path.join(release.store.path, version, release.name)


def _old_root(release: Release) -> str | None:
    program = old_program(release)
    return None if program is None or not os.path.isfile(program) else read_manifest(program).root


def describe_program(path: str) -> dict[str, t.Any]:
    """What the controller needs to make a delta from a program here: its size, and its leaves in Base64."""
    (entry,) = read_manifest(path).entries
    return {"size": entry.size, "leaves": base64.b64encode(b"".join(entry.leaves)).decode()}


def stage_release(release: Release) -> None:
    """Install the version completely, or leave the store as it was.

    :raises HostError: the program arrived damaged, or the delta does not fit what is here
    """
    with release.store.stage(release.version) as staging:
        target = os.path.join(staging, release.name)
        if release.delta:
            apply_delta(release.artefact, old=old_program(release), into=target)
        else:
            shutil.copyfile(release.artefact, target)
        found = _sha256(target)
        if found != release.sha256:
            raise HostError(
                release.subject,
                wanted=f"SHA-256 {release.sha256}",
                found=f"{found} after the transfer",
                remedy="Nothing was installed. Run again; if it fails again, check the network and the disk.",
            )
        os.chmod(target, 0o755)
        write_files(release.files, into=staging)
        marker = Marker(version=release.version, sha256=release.content, size=release.size)
        release.store.commit(staging, release.version, marker)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as reader:
        while True:
            block = reader.read(_BLOCK)
            if not block:
                return digest.hexdigest()
            digest.update(block)
