# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Unpack a gzip-compressed tar archive from a stream into a directory, within limits."""

from __future__ import annotations

import contextlib
import errno
import os
import tarfile
import typing as t
import zlib

from ._errors import HostError
from ._inner_link import leads_inside

__all__ = ["BrokenArchiveError", "Inflated", "PlainHeader", "Readable", "unpack"]

_READ = 64 * 1024  # compressed bytes to read at once
_PIECE = 256 * 1024  # bytes to decompress at once, and the maximum that is buffered
_CHUNK = 1024 * 1024  # bytes of a file to read and write at once
_GZIP = 31  # wbits of zlib: gzip header and trailer, with the checksum verified

# A tar header: see tar(5).
_BLOCK = 512
_CHECKSUM = slice(148, 156)
_MODE, _SIZE = slice(100, 108), slice(124, 136)


class Readable(t.Protocol):
    """A stream of compressed bytes."""

    def read(self, size: int) -> bytes: ...


class Inflated:
    """Decompress a gzip stream, as the file object that tarfile needs: ``read``, ``tell``, and ``seek`` forward.

    ``read`` and ``seek`` raise EOFError if the stream ends too early, and zlib.error if it is damaged.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._inflate = zlib.decompressobj(_GZIP)
        self._buffer = b""
        self._used = 0  # bytes of the buffer that were returned
        self._position = 0

    def read(self, size: int) -> bytes:
        """Read exactly ``size`` bytes, or fewer at the end."""
        if len(self._buffer) - self._used < size:
            self._fill(size)
        data = self._buffer[self._used : self._used + size]
        self._used += len(data)
        self._position += len(data)
        return data

    def tell(self) -> int:
        """Bytes read so far."""
        return self._position

    def seek(self, position: int) -> int:
        """Read and drop bytes up to a position, and return the position that was reached.

        :raises ValueError: the position is before the current one
        """
        if position < self._position:
            raise ValueError(f"a stream cannot seek back from {self._position} to {position}")
        while self._position < position and self.read(min(position - self._position, _PIECE)):
            pass
        return self._position

    def _fill(self, size: int) -> None:
        parts = [self._buffer[self._used :]]
        buffered = len(parts[0])
        while buffered < size:
            part = self._next()
            if part is None:
                break
            parts.append(part)
            buffered += len(part)
        self._buffer, self._used = b"".join(parts), 0

    def _next(self) -> bytes | None:
        """The next bytes, which may be empty, or None at the end."""
        if self._inflate.eof:
            return self._next_member()
        more = self._inflate.unconsumed_tail or self._stream.read(_READ)
        if not more:
            raise EOFError("the compressed data ends too early")
        return self._inflate.decompress(more, _PIECE)

    def _next_member(self) -> bytes | None:
        """The first bytes of the next gzip member, after padding with zeros, or None at the end of the stream."""
        more = self._inflate.unused_data.lstrip(b"\0")
        while not more:
            part = self._stream.read(_READ)
            if not part:
                return None
            more = part.lstrip(b"\0")
        self._inflate = zlib.decompressobj(_GZIP)
        return self._inflate.decompress(more, _PIECE)


class PlainHeader(tarfile.TarInfo):
    """A TarInfo that parses the header of a plain file or directory faster, with only name, mode, size and type."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> PlainHeader:  # type: ignore[override]
        plain = len(buf) == _BLOCK and buf[156:157] in (tarfile.REGTYPE, tarfile.DIRTYPE)
        # A header with a prefix has a long name. The base class parses it, and other formats.
        if not plain or buf[257:262] != b"ustar" or buf[345]:
            return super().frombuf(buf, encoding, errors)
        checksum, mode, size = (_octal(buf[field]) for field in (_CHECKSUM, _MODE, _SIZE))
        # The checksum is computed with its own field taken as eight spaces.
        if mode is None or size is None or checksum != sum(buf) - sum(buf[_CHECKSUM]) + 8 * ord(" "):
            return super().frombuf(buf, encoding, errors)
        header = cls(buf[:100].partition(b"\0")[0].decode(encoding, errors).rstrip("/"))
        header.type, header.mode, header.size = buf[156:157], mode, size
        return header


def _octal(field: bytes) -> int | None:
    """An octal number, or None if the field is damaged or has the form of another tar format."""
    digits = field.partition(b"\0")[0].strip(b" ")
    # int() alone would accept a sign and underscores.
    return int(digits, 8) if digits.isdigit() and not digits.strip(b"01234567") else None


class BrokenArchiveError(Exception):
    """The stream is not a complete tar.gz. The caller, which knows its size and hash, reports it to the user."""


def unpack(stream: Readable, *, into: str, name: str, top: str | None = None, limit: int) -> None:
    """Unpack a tar.gz stream up to the end of the archive, one member at a time, in bounded memory.

    :param into: an empty directory that nobody else writes to
    :param name: the archive's name, for errors
    :param top: the directory that contains everything in the archive; it is stripped from the paths
    :param limit: maximum bytes of all files together
    :raises BrokenArchiveError: the stream is damaged, ends too early, or is not a tar.gz
    :raises HostError: a member is dangerous (a path that leads out, a device), or the files exceed ``limit``
    """
    writer = _Writer(into, name=name, top=top, limit=limit)
    # tarfile's own stream mode is slower: it copies its buffer for every header.
    data: t.Any = Inflated(stream)
    with _umask(0o022), _damage(), tarfile.open(fileobj=data, mode="r:", tarinfo=PlainHeader) as archive:
        member = archive.next()
        while member is not None:
            writer.write(data, member)
            # Save memory: tarfile keeps every member, and a Go release has 15,000.
            archive.members.clear()  # type: ignore[attr-defined]
            member = archive.next()


class _Writer:
    def __init__(self, into: str, *, name: str, top: str | None, limit: int) -> None:
        self.into = into
        self.name = name
        self.top = top
        self.room = limit
        # Files are written only into directories made here, so a link in the archive is never followed.
        self.made = {""}

    def write(self, data: Inflated, member: tarfile.TarInfo) -> None:
        path = self._inside(member)
        if member.mode & 0o7000:
            raise self._refused(member, "setuid, setgid or sticky bits")
        if member.isdir():
            self._directory(member, path)
            return
        if not path:
            raise self._refused(member, "a file where the top directory should be")
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
        with self._named_by(member, existing="a path through a link or a file"):
            os.mkdir(os.path.join(self.into, path), 0o755)
        self.made.add(path)

    def _file(self, data: Inflated, member: tarfile.TarInfo, path: str) -> None:
        self.room -= member.size
        if member.size < 0 or self.room < 0:
            raise self._refused(member, "more data than a release of this archive size can have")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._named_by(member, existing="the same path twice"):
            target = os.open(os.path.join(self.into, path), flags, 0o755 if member.mode & 0o100 else 0o644)
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
        if not member.linkname:
            raise self._refused(member, "a link to nothing")
        if not leads_inside(path, member.linkname):
            raise self._refused(member, f"a link to {member.linkname}, which can lead out of the archive")
        with self._named_by(member, existing="the same path twice"):
            os.symlink(member.linkname, os.path.join(self.into, path))

    @contextlib.contextmanager
    def _named_by(self, member: tarfile.TarInfo, *, existing: str) -> t.Iterator[None]:
        """Refuse a member for a name that this file system does not take; ``existing`` is said where it is there."""
        try:
            yield
        except FileExistsError:
            raise self._refused(member, existing)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise self._refused(member, "a name that is too long for this file system")

    def _refused(self, member: tarfile.TarInfo, found: str) -> HostError:
        return HostError(
            f"{self.name}: {member.name!r}",
            wanted="regular files, directories, and links that stay inside the archive, each path once",
            found=found,
            remedy="Do not trust this archive. Get it from another mirror.",
        )


@contextlib.contextmanager
def _damage() -> t.Iterator[None]:
    """Raise BrokenArchiveError for the exceptions that a damaged archive causes."""
    try:
        yield
    # tarfile raises ValueError for some damage, and seeks back for a negative size.
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        raise BrokenArchiveError(str(error) or type(error).__name__)


@contextlib.contextmanager
def _umask(mask: int) -> t.Iterator[None]:
    """Set the umask for a while, so that a release is readable for all users whatever the umask of the login is."""
    old = os.umask(mask)
    try:
        yield
    finally:
        os.umask(old)
