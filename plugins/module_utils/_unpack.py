# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A tar.gz stream unpacked into an empty directory, member by member, with nothing outside it touched.

Python 3.8 has no extraction filters, so the rules stand here: plain files, directories, and symbolic links that
stay inside. Files get mode 0644 or 0755 and the owner who runs this; times are those of the unpacking.
"""

from __future__ import annotations

import contextlib
import os
import tarfile
import typing as t
import zlib

from ._errors import HostError
from ._inflate import Inflated, Readable
from ._inner_link import leads_inside
from ._tar_header import PlainHeader

__all__ = ["BrokenArchiveError", "unpack"]

_CHUNK = 1024 * 1024  # bytes read and written at once


class BrokenArchiveError(Exception):
    """The stream is no whole tar.gz. Whoever counted and hashed it knows better what to tell the user."""


def unpack(stream: Readable, *, into: str, name: str, top: str | None = None, limit: int) -> None:
    """Unpack a tar.gz stream up to the end of the archive, one member at a time, in bounded memory.

    :param into: an empty directory that nobody else writes to
    :param name: the archive's name, for errors
    :param top: the one directory that everything in the archive stands in, left out of what is written
    :param limit: bytes that the files may have in all
    """
    writer = _Writer(into, name=name, top=top, limit=limit)
    # Not tarfile's own stream mode: it copies what it has read ahead again for every header.
    data: t.Any = Inflated(stream)
    with _umask(0o022), _told_apart(), tarfile.open(fileobj=data, mode="r:", tarinfo=PlainHeader) as archive:
        member = archive.next()
        while member is not None:
            writer.write(data, member)
            # tarfile remembers every member, and a Go release has 15,000
            archive.members.clear()  # type: ignore[attr-defined]
            member = archive.next()


class _Writer:
    def __init__(self, into: str, *, name: str, top: str | None, limit: int) -> None:
        self.into = into
        self.name = name
        self.top = top
        self.room = limit
        # Only directories made here are written into, so a link in the archive is never walked through.
        self.made = {""}

    def write(self, data: Inflated, member: tarfile.TarInfo) -> None:
        path = self._inside(member)
        if member.mode & 0o7000:
            raise self._refused(member, "setuid, setgid or sticky bits")
        if member.isdir():
            self._directory(member, path)
            return
        if not path:
            raise self._refused(member, "a file in place of the directory that is unpacked")
        self._directory(member, os.path.dirname(path))
        if member.isreg() and not member.issparse():
            self._file(data, member, path)
        elif member.issym():
            self._link(member, path)
        else:
            raise self._refused(member, "a hard link, a device, a pipe or a sparse file")

    def _inside(self, member: tarfile.TarInfo) -> str:
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        if member.name.startswith("/") or ".." in parts or "\0" in member.name:
            raise self._refused(member, "a path that leads out of the archive")
        if self.top is not None:
            if parts[:1] != [self.top]:
                raise self._refused(member, f"a path outside {self.top}/")
            parts = parts[1:]
        return "/".join(parts)

    def _directory(self, member: tarfile.TarInfo, path: str) -> None:
        if path in self.made:
            return
        self._directory(member, os.path.dirname(path))
        try:
            os.mkdir(os.path.join(self.into, path), 0o755)
        except FileExistsError:
            raise self._refused(member, "a path through a link or a file")
        self.made.add(path)

    def _file(self, data: Inflated, member: tarfile.TarInfo, path: str) -> None:
        self.room -= member.size
        if member.size < 0 or self.room < 0:
            raise self._refused(member, "more data than an archive of this size can honestly hold")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            target = os.open(os.path.join(self.into, path), flags, 0o755 if member.mode & 0o100 else 0o644)
        except FileExistsError:
            raise self._refused(member, "the same path twice")
        try:
            left = member.size
            while left:
                chunk = memoryview(data.read(min(left, _CHUNK)))
                if not chunk:
                    raise EOFError(f"the end in the middle of {member.name}")
                left -= len(chunk)
                while chunk:  # a write may be short
                    chunk = chunk[os.write(target, chunk) :]
        finally:
            os.close(target)

    def _link(self, member: tarfile.TarInfo, path: str) -> None:
        if not leads_inside(path, member.linkname):
            raise self._refused(member, f"a link to {member.linkname}, which can lead out of the archive")
        try:
            os.symlink(member.linkname, os.path.join(self.into, path))
        except FileExistsError:
            raise self._refused(member, "the same path twice")

    def _refused(self, member: tarfile.TarInfo, found: str) -> HostError:
        return HostError(
            f"{self.name}: {member.name!r}",
            wanted="plain files, directories, and links that stay inside, each once",
            found=found,
            remedy="Do not trust this archive: get it from another mirror.",
        )


@contextlib.contextmanager
def _told_apart() -> t.Iterator[None]:
    try:
        yield
    # tarfile has a ValueError for some damage, and sizes below zero make it go back in the stream.
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        raise BrokenArchiveError(str(error) or type(error).__name__)


@contextlib.contextmanager
def _umask(mask: int) -> t.Iterator[None]:
    """A release is readable for all, whatever umask the connection came with."""
    old = os.umask(mask)
    try:
        yield
    finally:
        os.umask(old)
