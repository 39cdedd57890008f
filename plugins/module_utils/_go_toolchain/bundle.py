# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Collect Go archives, their signatures and an index in a directory, for air-gapped hosts.

The directory is a mirror of plain files with an index in the format of go.dev's list. Files that are there and match
their SHA-256 are not fetched again.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from .._atomic import write_text
from .._converge import Plan
from .._download import FetchError
from .._errors import HostError
from .._lock import exclusive_lock
from .._signature import Signer, signer_of
from .index import Archive, GoRelease, archive_of, parse_index, sort_key
from .mirror import GoMirror, check_signature, fetch_archive, fetch_signature, mirror_of, sha256_of
from .version_query import is_floating, normalize, resolve_query

__all__ = ["plan_bundle"]

_INDEX = "index.json"
_LOCK_WAIT = 3600  # seconds; another run may be downloading over a slow network
_INDEX_LIMIT = 1 << 26  # bytes


class _Bundle(t.NamedTuple):
    path: str
    mirror: GoMirror
    signer: Signer | None

    def listed(self) -> list[GoRelease]:
        """The releases in the directory's index, or none if there is no index.

        :raises HostError: the index cannot be read
        """
        path = os.path.join(self.path, _INDEX)
        try:
            with open(path, "rb") as file:
                return parse_index(file.read(_INDEX_LIMIT), source=path)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unusable(self.path, error)

    def is_complete(self, archive: Archive) -> bool:
        """Whether the archive is there and matches its SHA-256, and its signature where one is required.

        :raises HostError: the signature is wrong
        """
        path = os.path.join(self.path, archive.filename)
        if sha256_of(path) != archive.sha256:
            return False
        if self.signer is None:
            return True
        try:
            with open(f"{path}.asc", "rb") as file:
                check_signature(path, file.read(), signer=self.signer, subject=path)
        except FileNotFoundError:
            return False
        return True

    def fetch(self, archive: Archive) -> None:
        """Download the archive and its signature.

        The signature may be missing on the mirror unless the user requires one.

        :raises HostError: the mirror does not have the archive, or its hash or signature is wrong
        """
        path = os.path.join(self.path, archive.filename)
        signature = None
        try:
            signature = fetch_signature(archive.filename, mirror=self.mirror)
        except FetchError:
            if self.signer is not None:
                raise
        fetch_archive(archive, path, mirror=self.mirror, mode=0o644)
        if signature is None:
            return
        if self.signer is not None:
            try:
                check_signature(
                    path, signature, signer=self.signer, subject=self.mirror.file(archive.filename)
                )
            except HostError:
                os.unlink(path)
                raise
        write_text(f"{path}.asc", signature.decode("utf-8", "surrogateescape"))

    def write_index(self, releases: t.Iterable[GoRelease]) -> None:
        """Write the index of the directory."""
        write_text(
            os.path.join(self.path, _INDEX), json.dumps([_entry(one) for one in releases], indent=1) + "\n"
        )


def plan_bundle(params: t.Mapping[str, t.Any]) -> Plan:
    """Compare a directory with what should be in it, without changing anything.

    The mirror is asked only if something is missing, or if a version is a floating one.

    :param params: the options of go_bundle
    :raises HostError: a version or an architecture that the mirror does not have
    """
    bundle = _Bundle(params["path"], mirror_of(params), signer_of(params["signature"]))
    listed = bundle.listed()
    queries = [normalize(name) for name in params["versions"]]
    wanted = _wanted(queries, params["arches"], listed=listed, mirror=bundle.mirror)
    archives = [archive for release in wanted for archive in release.archives.values()]
    missing = [archive for archive in archives if not bundle.is_complete(archive)]
    merged = _merged(listed, wanted)
    names = sorted(archive.filename for release in listed for archive in release.archives.values())
    before = {"archives": sorted({*names} - {archive.filename for archive in missing})}
    after = {"archives": sorted({*names, *(archive.filename for archive in archives)})}

    def apply() -> dict[str, t.Any]:
        with _exclusive(bundle.path):
            for archive in missing:
                bundle.fetch(archive)
            # Last, so that the index never names a missing archive.
            bundle.write_index(merged)
        return {"bytes_downloaded": sum(archive.size for archive in missing)}

    versions = [release.version for release in wanted]
    result = {"path": bundle.path, "versions": versions, "archives": after["archives"], "bytes_downloaded": 0}
    return Plan(before, after, apply, result)


def _wanted(
    queries: t.Sequence[str], arches: t.Sequence[str], *, listed: list[GoRelease], mirror: GoMirror
) -> list[GoRelease]:
    """The requested releases, with only the archives of the requested architectures."""
    known = {(release.version, arch) for release in listed for arch in release.archives}
    source = mirror.name
    if all(not is_floating(query) and (query, arch) in known for query in queries for arch in arches):
        releases = listed
    else:
        releases = mirror.fetch_index()[1]
    wanted = {}
    for query in queries:
        version = resolve_query(releases, query, source=source)
        archives = {arch: archive_of(releases, version=version, arch=arch, source=source) for arch in arches}
        stable = next(release.stable for release in releases if release.version == version)
        wanted[version] = GoRelease(version, stable, archives)
    return list(wanted.values())


def _merged(listed: list[GoRelease], wanted: list[GoRelease]) -> list[GoRelease]:
    """The releases of the old index and the new ones, the newest first, as go.dev lists them."""
    merged = {release.version: release for release in listed}
    for release in wanted:
        old = merged.get(release.version, release)
        merged[release.version] = release._replace(archives={**old.archives, **release.archives})
    return sorted(merged.values(), key=lambda release: sort_key(release.version), reverse=True)


def _entry(release: GoRelease) -> dict[str, t.Any]:
    files = [
        {
            "filename": archive.filename,
            "os": "linux",
            "arch": arch,
            "version": f"go{release.version}",
            "sha256": archive.sha256,
            "size": archive.size,
            "kind": "archive",
        }
        for arch, archive in sorted(release.archives.items())
    ]
    return {"version": f"go{release.version}", "stable": release.stable, "files": files}


@contextlib.contextmanager
def _exclusive(path: str) -> t.Iterator[None]:
    """Create the directory if it is missing, lock it, and remove temporary files of killed runs."""
    try:
        os.makedirs(path, mode=0o755, exist_ok=True)
        with exclusive_lock(os.path.join(path, ".lock"), wait_seconds=_LOCK_WAIT):
            for name in os.listdir(path):
                if name.startswith(".loading-"):
                    os.unlink(os.path.join(path, name))
            yield
    except OSError as error:
        raise _unusable(path, error)


def _unusable(path: str, error: OSError) -> HostError:
    return HostError(
        path,
        wanted="a directory that can be read and written, with space for the archives",
        found=str(error),
        remedy="Free space or correct `path`. The archives that are complete stay.",
    )
