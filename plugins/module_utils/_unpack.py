# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Unpack a gzip-compressed tar archive from a stream into a directory, within limits."""

from __future__ import annotations

import contextlib
import os
import tarfile
import typing as t
import zlib

from ._errors import HostError
from ._inner_link import leads_inside

__all__ = ["BrokenArchiveError", "Inflated", "PlainHeader", "Readable", "unpack"]

_READ = 64 * 1024  # compressed bytes asked for at once
_PIECE = 256 * 1024  # inflated bytes made at once, and the most that are held
_GZIP = 31  # zlib's word for: a gzip header and trailer, with the checksum verified


class Readable(t.Protocol):
    """What a stream must be able to do."""

    def read(self, size: int) -> bytes: ...


class Inflated:
    """Reads ahead only, in the form that tarfile takes as a file: ``read``, ``tell``, and ``seek`` forward.

    Raises EOFError where the stream ends too early, and zlib.error where it is damaged.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._inflate = zlib.decompressobj(_GZIP)
        self._held = b""
        self._at = 0  # of what is held, the part that was given out
        self._place = 0

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes; fewer at the end."""
        if len(self._held) - self._at < size:
            self._fill(size)
        data = self._held[self._at : self._at + size]
        self._at += len(data)
        self._place += len(data)
        return data

    def tell(self) -> int:
        return self._place

    def seek(self, place: int) -> int:
        """Go forward to ``place``."""
        if place < self._place:
            raise ValueError(f"a stream does not go back, from {self._place} to {place}")
        while self._place < place and self.read(min(place - self._place, _PIECE)):
            pass
        return self._place

    def _fill(self, size: int) -> None:
        parts = [self._held[self._at :]]
        there = len(parts[0])
        while there < size:
            part = self._next()
            if part is None:
                break
            parts.append(part)
            there += len(part)
        self._held, self._at = b"".join(parts), 0

    def _next(self) -> bytes | None:
        """Some more bytes, perhaps none yet; None at the end."""
        if self._inflate.eof:
            return self._after_the_end()
        more = self._inflate.unconsumed_tail or self._stream.read(_READ)
        if not more:
            raise EOFError("the compressed data ends too early")
        return self._inflate.decompress(more, _PIECE)

    def _after_the_end(self) -> bytes | None:
        """gzip files may stand one after the other, with zeros behind each."""
        more = self._inflate.unused_data.lstrip(b"\0")
        while not more:
            part = self._stream.read(_READ)
            if not part:
                return None
            more = part.lstrip(b"\0")
        self._inflate = zlib.decompressobj(_GZIP)
        return self._inflate.decompress(more, _PIECE)


_BLOCK = 512
_CHECKSUM = slice(148, 156)
_MODE, _SIZE = slice(100, 108), slice(124, 136)


class PlainHeader(tarfile.TarInfo):
    """A TarInfo with name, mode, size and type alone where that is all that counts."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> PlainHeader:  # type: ignore[override]
        plain = len(buf) == _BLOCK and buf[156:157] in (tarfile.REGTYPE, tarfile.DIRTYPE)
        # A prefix is the front of a long name.
        if not plain or buf[257:262] != b"ustar" or buf[345]:
            return super().frombuf(buf, encoding, errors)
        checksum, mode, size = (_octal(buf[field]) for field in (_CHECKSUM, _MODE, _SIZE))
        # As if the checksum itself were eight spaces.
        if mode is None or size is None or checksum != sum(buf) - sum(buf[_CHECKSUM]) + 8 * ord(" "):
            return super().frombuf(buf, encoding, errors)
        header = cls(buf[:100].partition(b"\0")[0].decode(encoding, errors).rstrip("/"))
        header.type, header.mode, header.size = buf[156:157], mode, size
        return header


def _octal(field: bytes) -> int | None:
    """A number, or None where another format says it in its own way, or it is damaged."""
    digits = field.partition(b"\0")[0].strip(b" ")
    # A sign and underscores are good for int().
    return int(digits, 8) if digits.isdigit() and not digits.strip(b"01234567") else None


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
