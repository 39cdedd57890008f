# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The files of a release beside its program, such as its configuration; they belong to the version."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import stat
import typing as t

from .._errors import HostError
from .store import MARKER

__all__ = ["FILES_LIMIT", "ReleaseFile", "content_hash", "read_files", "shown", "shown_files", "write_files"]

FILES_LIMIT = 1 << 20  # bytes of all files of a release together: they are sent as options of the module
_MODE = re.compile(r"0[0-7]{3}")
_WORLD_READABLE = 0o004


class ReleaseFile(t.NamedTuple):
    path: str  # in the release's directory
    mode: int
    data: bytes


def read_files(items: t.Sequence[t.Mapping[str, t.Any]], *, name: str) -> list[ReleaseFile]:
    """Read and check the files of a release.

    :param items: with path, mode (four octal digits), data (Base64)
    :param name: of the program, whose path is taken
    :raises HostError: a path outside the release or taken, an invalid mode, or too much data
    """
    files = sorted(_file(item, name=name) for item in items)
    paths = [file.path for file in files]
    for path in paths:
        if paths.count(path) > 1 or any(other.startswith(f"{path}/") for other in paths):
            raise _refused(
                name, path, wanted="each path once, as a file or as a directory", found="both or twice"
            )
        if path.split("/")[0] in (name, MARKER):
            raise _refused(
                name, path, wanted="a path that is free", found="the path of the program or of its marker"
            )
    size = sum(len(file.data) for file in files)
    if size > FILES_LIMIT:
        raise HostError(
            f"files of release {name}",
            wanted=f"at most {FILES_LIMIT} bytes together",
            found=f"{size}",
            remedy="Build large files into the program (go:embed), or copy them in a task of their own.",
        )
    return files


def content_hash(program: str, files: t.Sequence[ReleaseFile]) -> str:
    """The SHA-256 of everything in a release; that of the program where there are no other files."""
    if not files:
        return program
    listed = [[file.path, file.mode, hashlib.sha256(file.data).hexdigest()] for file in files]
    return hashlib.sha256(json.dumps([program, listed]).encode()).hexdigest()


def write_files(files: t.Sequence[ReleaseFile], *, into: str) -> None:
    """Write the files into a staged tree that nobody else writes to."""
    for file in files:
        path = os.path.join(into, file.path)
        folder = into
        for part in file.path.split("/")[:-1]:
            folder = os.path.join(folder, part)
            if not os.path.isdir(folder):
                os.mkdir(folder)
                os.chmod(folder, 0o755)  # independent of the umask
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(file.data)
            os.fchmod(descriptor, file.mode)


def shown_files(tree: str, *, name: str) -> list[ReleaseFile]:
    """The files of an installed release, as far as a diff can show them."""
    found = []
    for folder, dummy, names in os.walk(tree):
        for entry in names:
            path = os.path.join(folder, entry)
            inside = os.path.relpath(path, tree)
            status = os.lstat(path)
            if (
                inside not in (name, MARKER)
                and stat.S_ISREG(status.st_mode)
                and status.st_size <= FILES_LIMIT
            ):
                with open(path, "rb") as stream:
                    found.append(ReleaseFile(inside, stat.S_IMODE(status.st_mode), stream.read()))
    return found


def shown(file: ReleaseFile | None) -> str | None:
    """What a diff shows of a file: its text, if everybody on the host may read it."""
    if file is None:
        return None
    if not file.mode & _WORLD_READABLE:
        return f"({len(file.data)} bytes, not shown: mode {file.mode:04o})"
    try:
        return file.data.decode()
    except UnicodeDecodeError:
        return f"({len(file.data)} bytes with SHA-256 {hashlib.sha256(file.data).hexdigest()})"


def _file(item: t.Mapping[str, t.Any], *, name: str) -> ReleaseFile:
    path = item["path"]
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in path:
        raise _refused(name, path, wanted="a path inside the release, such as etc/app.yml", found=repr(path))
    if not _MODE.fullmatch(item["mode"]):
        raise _refused(
            name, path, wanted='a mode of four octal digits in quotes, such as "0644"', found=item["mode"]
        )
    try:
        data = base64.b64decode(item["data"] or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused(name, path, wanted="data in Base64", found=str(error))
    return ReleaseFile(path, int(item["mode"], 8), data)


def _refused(name: str, path: str, *, wanted: str, found: str) -> HostError:
    return HostError(
        f"file {path!r} of release {name}",
        wanted=wanted,
        found=found,
        remedy="Correct it; nothing was changed.",
    )
