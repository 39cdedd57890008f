# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""List a file or a directory tree with a hash for each content and one Merkle root for all."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import stat
import typing as t
import zlib

from .._errors import HostError

__all__ = [
    "LEAF_PREFIX",
    "Entry",
    "Manifest",
    "ReportedManifest",
    "chunk_size",
    "leaf_hash",
    "manifest_from_wire",
    "manifest_to_wire",
    "read_manifest",
    "root_of",
]


def leaf_hash(data: bytes) -> bytes:
    """The SHA-256 of a zero byte followed by the data of a chunk."""
    return hashlib.sha256(b"\0" + data).digest()


def root_of(leaves: t.Iterable[bytes]) -> bytes:
    """The Merkle root of leaf hashes, as in RFC 9162: the left part has the largest power of two below their number."""
    # Complete subtrees from left to right with their number of leaves: each size once, the largest first.
    subtrees: list[tuple[int, bytes]] = []
    for leaf in leaves:
        count, node = 1, leaf
        while subtrees and subtrees[-1][0] == count:
            node = _node(subtrees.pop()[1], node)
            count *= 2
        subtrees.append((count, node))
    if not subtrees:
        return hashlib.sha256().digest()
    root = subtrees.pop()[1]
    while subtrees:
        root = _node(subtrees.pop()[1], root)
    return root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


# Bytes of a leaf that are compared to find equal chunks. The whole root decides in the end.
LEAF_PREFIX = 16

_SMALLEST, _LARGEST = 16 * 1024, 1024 * 1024  # bytes of a chunk
_CHUNKS = 16384  # of a file, before chunks get larger


class Entry(t.NamedTuple):
    """One name in a tree. A file that stands alone has the path ``""``."""

    path: str
    kind: str  # file, directory or link
    executable: bool = False
    size: int = 0  # bytes of a file
    leaves: tuple[bytes, ...] = ()  # of a file's chunks
    target: str = ""  # of a link

    @property
    def digest(self) -> bytes:
        """The root of a file."""
        return self.leaves[0] if len(self.leaves) == 1 else root_of(self.leaves)

    @property
    def bytes_alike(self) -> bytes:
        """Equal for files with equal bytes, also where only the first bytes of one file's leaves are known."""
        return b"".join(leaf[:LEAF_PREFIX] for leaf in self.leaves)


class Manifest:
    """The entries of a tree in the order of their paths, or the entry of a file; and the Merkle root."""

    def __init__(self, entries: t.Iterable[Entry], *, is_tree: bool) -> None:
        self.is_tree = is_tree
        self.entries = tuple(sorted(entries, key=lambda entry: os.fsencode(entry.path)))
        self.root = (root_of(map(_leaf, self.entries)) if is_tree else self.entries[0].digest).hex()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.entries)

    def by_path(self) -> dict[str, Entry]:
        return {entry.path: entry for entry in self.entries}


def chunk_size(size: int) -> int:
    """The size of a file's chunks in bytes: 16 KiB up to 256 MiB, doubled with each doubling, at most 1 MiB."""
    chunk = _SMALLEST
    while chunk < _LARGEST and chunk * _CHUNKS < size:
        chunk *= 2
    return chunk


def read_manifest(path: str, *, ignore: t.Collection[str] = ()) -> Manifest:
    """Read a file or a tree.

    :param ignore: names at the top of the tree that do not count
    :raises HostError: no such path, a link, or something in the tree that is not a file, directory or link
    """
    try:
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode):
            return Manifest([_file_entry(path, "", name=path)], is_tree=False)
        if stat.S_ISDIR(status.st_mode):
            return Manifest(_walk(path, ignore), is_tree=True)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError) and not os.path.lexists(path)
        raise _refused(path, "no such file or directory" if missing else str(error))
    raise _refused(path, "a link" if stat.S_ISLNK(status.st_mode) else "a device, a pipe or a socket")


def _walk(top: str, ignore: t.Collection[str]) -> t.Iterator[Entry]:
    # fwalk opens each directory relative to its parent and follows no link, so nobody can redirect it.
    for directory, folders, files, descriptor in os.fwalk(top, onerror=_raise):
        inside = os.path.relpath(directory, top) if directory != top else ""
        names = [name for name in [*folders, *files] if inside or name not in ignore]
        folders.clear()
        for name in names:
            path = os.path.join(inside, name)
            mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                yield Entry(path, "link", target=os.readlink(name, dir_fd=descriptor))
            elif stat.S_ISDIR(mode):
                folders.append(name)
                yield Entry(path, "directory")
            elif stat.S_ISREG(mode):
                yield _file_entry(name, path, name=os.path.join(top, path), descriptor=descriptor)
            else:
                raise _refused(os.path.join(top, path), "a device, a pipe or a socket")


def _file_entry(file: str, path: str, *, name: str, descriptor: int | None = None) -> Entry:
    opened = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=descriptor)
    with os.fdopen(opened, "rb", buffering=0) as stream:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            raise _refused(name, "another kind of file than a moment ago")
        leaves: list[bytes] = []
        chunk, count = chunk_size(status.st_size), 0
        # An empty file has one leaf, the empty chunk.
        data = stream.read(chunk)
        while data or not leaves:
            leaves.append(leaf_hash(data))
            count += len(data)
            data = stream.read(chunk)
    if count != status.st_size:
        raise _refused(name, "a file that is being written")
    return Entry(path, "file", bool(status.st_mode & stat.S_IXUSR), count, tuple(leaves))


def _leaf(entry: Entry) -> bytes:
    content = entry.digest.hex() if entry.kind == "file" else entry.target
    fields = [entry.kind, "x" if entry.executable else "-", str(entry.size), content, entry.path]
    return leaf_hash(b"\0".join(map(os.fsencode, fields)))


def _raise(error: OSError) -> t.NoReturn:
    raise error


def _refused(path: str, found: str) -> HostError:
    return HostError(
        path,
        wanted="a file, or a tree of files, directories and links",
        found=found,
        remedy="Correct the path, or remove from the tree what is of another kind.",
    )


_LIMIT = 512 * 1024 * 1024  # bytes inflated


class ReportedManifest(Manifest):
    """A manifest that a host reported. Its digests are shortened, so its root is the one that was reported."""

    def __init__(self, entries: t.Iterable[Entry], *, is_tree: bool, root: str) -> None:
        super().__init__(entries, is_tree=is_tree)
        self.root = root


def manifest_to_wire(manifest: Manifest) -> dict[str, t.Any]:
    """The manifest as JSON can hold it: ``root``, ``is_tree``, and the names and leaves compressed."""
    names = [[*entry[:4], entry.target] for entry in manifest.entries]
    leaves = b"".join(entry.bytes_alike for entry in manifest.entries)
    return {
        "root": manifest.root,
        "is_tree": manifest.is_tree,
        "names": base64.b64encode(zlib.compress(json.dumps(names).encode(), 9)).decode(),
        "leaves": base64.b64encode(leaves).decode(),
    }


def manifest_from_wire(reported: t.Mapping[str, t.Any]) -> ReportedManifest:
    """Read what ``manifest_to_wire`` made on a host. Raise HostError where it is damaged."""
    try:
        names = json.loads(zlib.decompressobj().decompress(base64.b64decode(reported["names"]), _LIMIT))
        leaves = base64.b64decode(reported["leaves"])
        root, is_tree = str(reported["root"]), bool(reported["is_tree"])
        return ReportedManifest(_entries(names, leaves), is_tree=is_tree, root=root)
    except (ValueError, KeyError, TypeError, IndexError, zlib.error, binascii.Error) as error:
        raise HostError(
            "the manifest of the host",
            wanted="names and leaves that fit each other",
            found=str(error) or type(error).__name__,
            remedy="Run again; if it fails again, remove the old content on the host.",
        )


def _entries(names: list[list[t.Any]], leaves: bytes) -> t.Iterator[Entry]:
    place = 0
    for path, kind, executable, size, target in names:
        count = max(1, -(-size // chunk_size(size))) if kind == "file" else 0
        end = place + count * LEAF_PREFIX
        if end > len(leaves) or not isinstance(path, str) or not isinstance(target, str):
            raise ValueError("leaves or names that do not fit the sizes")
        cut = tuple(leaves[at : at + LEAF_PREFIX] for at in range(place, end, LEAF_PREFIX))
        yield Entry(path, kind, bool(executable), size, cut, target)
        place = end
    if place != len(leaves):
        raise ValueError("more leaves than the sizes need")
