# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Make new content beside the old from a delta and the old content, and check its Merkle root."""

from __future__ import annotations

import contextlib
import os
import shutil
import typing as t

from .._errors import HostError
from .._inner_link import leads_inside
from .format import Body, Header, Plan, read_delta
from .manifest import Entry, Manifest, read_manifest
from .patch import Counts, run_instructions

__all__ = ["Applied", "apply_delta"]

_PIECE = 1024 * 1024
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Applied(t.NamedTuple):
    """The new content: its root, the bytes of its files, and how many of those came from the old content."""

    root: str
    size: int
    bytes_reused: int


class _Made(t.NamedTuple):
    """A file that the delta has instructions for, and the path of the old file, if any, that it is made from."""

    path: str
    executable: bool
    size: int
    source: str | None


def apply_delta(
    delta: str, *, old: str | None, into: str, ignore: t.Collection[str] = (), link_unchanged: bool = False
) -> Applied:
    """Make the new content of a file or a tree. ``old`` is only read. Nothing is flushed to disk here.

    :param into: an empty directory for a tree, an unused path for a file; nobody else may write there
    :param ignore: names at the top of the old tree that do not count
    :param link_unchanged: make hard links to unchanged files; for trees whose files are never written to
    :raises HostError: the old content is not what the delta starts from, the delta is damaged, or the new root is
        wrong; what was made is removed
    """
    with open(delta, "rb") as stream:
        header, plan, body = read_delta(stream)
        before = _before(header, old, ignore)
        entries = _planned(before, plan, header)
        with _removed_on_error(into, header):
            writer = _Writer(old, into, link=link_unchanged)
            for entry in entries:
                writer.settle(entry)
            counts = [
                writer.make(_Made(path, executable, size, source), body)
                for path, kind, executable, size, dummy, source in plan.changed
                if kind == "file"
            ]
            body.finish()
            found = read_manifest(into).root
            if found != header.new:
                raise HostError(
                    "the new content",
                    wanted=f"content with the root {header.new}",
                    found=f"the root {found}",
                    remedy="Nothing was changed. Run again; if it fails again, check the disk for faults.",
                )
    literal = sum(count.literal for count in counts)
    return Applied(header.new, header.size, header.size - literal)


class _Writer:
    def __init__(self, old: str | None, into: str, *, link: bool) -> None:
        self.old = old
        self.into = into
        self.link = link

    def settle(self, entry: Entry) -> None:
        """Make the directories, links and unchanged files."""
        path = self._place(entry.path)
        if entry.kind == "directory":
            os.mkdir(path, 0o755)
            os.chmod(path, 0o755)  # independent of the umask
        elif entry.kind == "link":
            os.symlink(entry.target, path)
        elif entry.leaves and self.link:
            os.link(self._source(entry.path), path, follow_symlinks=False)
        elif entry.leaves:
            with self._old_file(entry.path) as source, self._new_file(path, entry.executable) as target:
                _copy(source, target, entry.size)

    def make(self, made: _Made, body: Body) -> Counts:
        """Make a file from the instructions of the delta."""
        with contextlib.ExitStack() as stack:
            source = None if made.source is None else stack.enter_context(self._old_file(made.source))
            target = stack.enter_context(self._new_file(self._place(made.path), made.executable))

            def old(start: int, length: int) -> bytes:
                return b"" if source is None else os.pread(source.fileno(), length, start)

            return run_instructions(body, size=made.size, old=old, write=target.write)

    def _place(self, path: str) -> str:
        return os.path.join(self.into, path) if path else self.into

    def _source(self, path: str) -> str:
        if self.old is None:
            raise ValueError("a delta that starts from nothing uses nothing")
        return os.path.join(self.old, path) if path else self.old

    def _old_file(self, path: str) -> t.BinaryIO:
        return os.fdopen(os.open(self._source(path), _OLD_FILE), "rb", buffering=0)

    def _new_file(self, path: str, executable: bool) -> t.BinaryIO:
        descriptor = os.open(path, _NEW_FILE, 0o600)
        os.fchmod(descriptor, 0o755 if executable else 0o644)  # independent of the umask
        return os.fdopen(descriptor, "wb")


def _copy(source: t.BinaryIO, target: t.BinaryIO, size: int) -> None:
    # At most that many bytes, even if the file was replaced meanwhile; the root is checked at the end.
    while size > 0:
        data = source.read(min(_PIECE, size))
        if not data:
            return
        target.write(data)
        size -= len(data)


def _before(header: Header, old: str | None, ignore: t.Collection[str]) -> Manifest | None:
    if header.old is None:
        return None
    found = None if old is None else read_manifest(old, ignore=ignore)
    if found is None or found.root != header.old or found.is_tree != header.is_tree:
        raise HostError(
            old or "the old content",
            wanted=f"content with the root {header.old}, which the delta starts from",
            found="none" if found is None else f"the root {found.root}",
            remedy="It changed after the delta was made. Nothing was written; run again.",
        )
    return found


def _planned(before: Manifest | None, plan: Plan, header: Header) -> list[Entry]:
    """The new entries in the order of their paths; those that the delta has instructions for have no leaves.

    :raises HostError: a name, a link or a source outside the tree, or sizes that do not add up
    """
    olds = {} if before is None else before.by_path()
    news = {path: entry for path, entry in olds.items() if path not in set(plan.removed)}
    for path, kind, executable, size, target, source in plan.changed:
        if source is not None and (source not in olds or olds[source].kind != "file"):
            raise _refused(path, f"the old file {source!r} to make it from, which does not exist")
        news[path] = Entry(path, kind, executable, size if kind == "file" else 0, (), target)
    if len({change[0] for change in plan.changed}) != len(plan.changed):
        raise _refused("delta", "the same path twice")
    if sum(entry.size for entry in news.values()) != header.size:
        raise _refused("delta", f"files of more or less than {header.size} bytes together")
    entries = Manifest(news.values(), is_tree=True).entries
    for entry in entries:
        _check(entry, news, is_tree=header.is_tree)
    return list(entries)


def _check(entry: Entry, news: t.Mapping[str, Entry], *, is_tree: bool) -> None:
    parts = entry.path.split("/")
    plain = not any(part in ("", ".", "..") or "\0" in part for part in parts)
    if plain != is_tree or (not is_tree and (len(news) != 1 or entry.path or entry.kind != "file")):
        raise _refused(entry.path, "a name outside the tree")
    parent = os.path.dirname(entry.path)
    if parent and (parent not in news or news[parent].kind != "directory"):
        raise _refused(entry.path, "a name below something that is not a directory")
    if entry.kind == "link" and not leads_inside(entry.path, entry.target):
        raise _refused(entry.path, f"a link to {entry.target}, which can lead outside the tree")


def _refused(path: str, found: str) -> HostError:
    return HostError(
        repr(path),
        wanted="files, directories and links inside the tree, each once",
        found=found,
        remedy="Nothing was changed. Remove it from the source.",
    )


@contextlib.contextmanager
def _removed_on_error(into: str, header: Header) -> t.Iterator[None]:
    try:
        yield
    except BaseException:
        if header.is_tree:
            for entry in os.scandir(into):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(into)
        raise
