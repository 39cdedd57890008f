# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse the list of Go releases as go.dev publishes it, and look up versions and archives in it.

This file reads and writes nothing.
"""

from __future__ import annotations

import json
import re
import typing as t

from .._errors import HostError

__all__ = [
    "Archive",
    "GoRelease",
    "archive_of",
    "go_arch",
    "is_version",
    "parse_index",
    "sort_key",
]

# 1.27.3, 1.28rc1, 1.21.0. Before Go 1.21 the first release of a minor had no patch number: 1.20.
_NAME = re.compile(r"(?:go)?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?(?:(beta|rc)(\d{1,9}))?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILENAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")

_ARCHES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv6l": "armv6l",
    "armv7l": "armv6l",
    "armv8l": "armv6l",
    "i386": "386",
    "i586": "386",
    "i686": "386",
    "loongarch64": "loong64",
}
# A 64-bit kernel may run a 32-bit user space, as on many Raspberry Pis. cgo then links for 32 bits.
_USER_SPACE_32 = {"aarch64": "armv6l", "x86_64": "386"}
_LITTLE_ENDIAN = {"mips": "mipsle", "mips64": "mips64le"}


class Archive(t.NamedTuple):
    """One file of a release."""

    filename: str
    sha256: str
    size: int  # bytes


class GoRelease(t.NamedTuple):
    """One release of Go."""

    version: str  # without the prefix go
    stable: bool
    archives: dict[str, Archive]  # for Linux, by architecture


def go_arch(machine: str, *, pointer_bits: int = 64, byteorder: str = "big") -> str:
    """Translate a machine name of ``uname -m`` into the architecture name of go.dev's list.

    An unknown machine name is returned unchanged. The index then has no archive for it.

    :param pointer_bits: of the host's user space, which may be 32 on a 64-bit kernel
    :param byteorder: of the host: ``uname -m`` gives the same name for both byte orders of MIPS
    """
    if pointer_bits == 32 and machine in _USER_SPACE_32:
        return _USER_SPACE_32[machine]
    if byteorder == "little" and machine in _LITTLE_ENDIAN:
        return _LITTLE_ENDIAN[machine]
    return _ARCHES.get(machine, machine)


def is_version(name: str) -> bool:
    """Whether a name has the form of a Go version without the prefix ``go``."""
    return not name.startswith("go") and _NAME.fullmatch(name) is not None


def sort_key(version: str) -> tuple[int, ...]:
    """A key that sorts versions, such as 1.27beta1 < 1.27rc1 < 1.27.0 < 1.27.1.

    Other names sort before all versions.
    """
    match = _NAME.fullmatch(version)
    if match is None:
        return (-1,)
    major, minor, patch, kind, number = match.groups()
    stage = {"beta": 0, "rc": 1, None: 2}[kind]
    return (int(major), int(minor), int(patch or 0), stage, int(number or 0))


def parse_index(text: bytes, *, source: str) -> list[GoRelease]:
    """Parse a ``?mode=json`` document of go.dev, and skip entries that are not understood.

    :param source: where the document is from, for errors
    :raises HostError: not JSON, not a list, or a list without any Go release
    """
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise _not_an_index(source, f"text that is not JSON ({error}) and starts with {text[:40]!r}")
    if not isinstance(entries, list):
        raise _not_an_index(source, f"JSON, but a {type(entries).__name__} instead of a list")
    releases = [release for release in map(_release, entries) if release is not None]
    if not releases:
        raise _not_an_index(source, "a list without any Go release")
    return releases


def archive_of(releases: t.Sequence[GoRelease], *, version: str, arch: str, source: str) -> Archive:
    """The archive of exactly this version for this architecture.

    :param source: where the index is from, for errors
    :raises HostError: the index has no such release, or no archive of it for the architecture
    """
    release = next((release for release in releases if release.version == version), None)
    if release is None:
        raise _unknown_version(releases, version=version, source=source)
    if arch not in release.archives:
        raise HostError(
            f"Go {version} for linux/{arch}",
            wanted=f"an archive in the index of {source}",
            found="archives for " + (", ".join(sorted(release.archives)) or "no Linux architecture"),
            remedy="Choose a version or a mirror that has this architecture, or build Go from source.",
        )
    return release.archives[arch]


def _unknown_version(releases: t.Sequence[GoRelease], *, version: str, source: str) -> HostError:
    known = sorted((release.version for release in releases), key=sort_key)
    patches = [name for name in known if sort_key(name)[:2] == sort_key(version)[:2]]
    found = "no release of that name, but " + ", ".join(patches)
    return HostError(
        f"Go {version}",
        wanted=f"this version in the index of {source}",
        found=found if patches else f"{len(known)} releases from {known[0]} to {known[-1]}",
        remedy="Choose one of these versions, or a mirror that has the wanted one.",
    )


def _release(entry: object) -> GoRelease | None:
    if not isinstance(entry, dict):
        return None
    name, files = entry.get("version"), entry.get("files")
    if not isinstance(name, str) or not name.startswith("go") or not isinstance(files, list):
        return None
    version = name[2:]
    if not is_version(version):
        return None
    archives = {}
    for file in files:
        if isinstance(file, dict) and file.get("os") == "linux" and file.get("kind") == "archive":
            archive = _archive(file)
            if archive is not None and isinstance(file.get("arch"), str):
                archives[file["arch"]] = archive
    return GoRelease(version, entry.get("stable") is True, archives)


def _archive(file: dict[str, t.Any]) -> Archive | None:
    filename, sha256, size = file.get("filename"), file.get("sha256"), file.get("size")
    if not isinstance(filename, str) or _FILENAME.fullmatch(filename) is None:
        return None
    if not isinstance(sha256, str) or _SHA256.fullmatch(sha256) is None:
        return None
    return Archive(filename, sha256, size) if isinstance(size, int) and size > 0 else None


def _not_an_index(source: str, found: str) -> HostError:
    return HostError(
        source,
        wanted="the list of Go releases, as JSON in the format of https://go.dev/dl/?mode=json",
        found=found,
        remedy="Check the mirror's address, and that it serves the JSON list and not a web page.",
    )
