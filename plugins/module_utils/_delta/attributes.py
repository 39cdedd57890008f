# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Compare and set owner, group, permissions and SELinux context of a file or of everything in a tree."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
import typing as t

from .._errors import HostError

__all__ = ["Attributes", "Context", "differences", "read_attributes", "set_attributes"]

_CONTEXT = ("seuser", "serole", "setype", "selevel")
_MOST_SHOWN = 100  # paths with wrong attributes that a result lists
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Shown = t.Dict[str, t.Any]


class Context(t.Protocol):
    """The SELinux functions of AnsibleModule."""

    def selinux_enabled(self) -> bool: ...

    def selinux_context(self, path: str) -> list[str | None]: ...

    def selinux_default_context(self, path: str) -> list[str | None]: ...

    def set_context_if_different(
        self, path: str, context: list[str | None], changed: bool, diff: t.Any = None
    ) -> bool: ...


class Attributes(t.NamedTuple):
    """The attributes wanted; None leaves one as it is."""

    uid: int | None
    gid: int | None
    mode: int | None  # of files
    directory_mode: int | None
    context: tuple[str | None, ...]  # user, role, type, level
    top_mode: int | None = None  # that the context is looked up for, if it is not the file itself

    def as_it_was(self, status: os.stat_result) -> Attributes:
        """Fill what was not asked for with the attributes of what is there."""
        asked = self.directory_mode if stat.S_ISDIR(status.st_mode) else self.mode
        return self._replace(
            uid=status.st_uid if self.uid is None else self.uid,
            gid=status.st_gid if self.gid is None else self.gid,
            top_mode=stat.S_IMODE(status.st_mode) if asked is None else None,
        )


class _Thing(t.NamedTuple):
    """A file, a directory or a link, named relative to its open directory, so that nobody can redirect the path."""

    path: str  # from the top; "" is the top itself
    name: str
    directory: int
    status: os.stat_result

    @property
    def labelled(self) -> str:
        """A path for functions that take no directory descriptor and do not follow a link at the end."""
        return f"/proc/self/fd/{self.directory}/{self.name}"

    def mode(self, wanted: Attributes) -> int | None:
        """The permissions wanted. In a tree, the content says which files are executable."""
        if stat.S_ISLNK(self.status.st_mode):
            return None
        if not self.path and wanted.top_mode is not None:
            return wanted.top_mode
        if stat.S_ISDIR(self.status.st_mode):
            return wanted.directory_mode
        if wanted.mode is None or not self.path:
            return wanted.mode
        if self.status.st_mode & stat.S_IXUSR:
            return wanted.mode | stat.S_IXUSR | (wanted.mode & 0o444) >> 2
        return wanted.mode & ~0o111


def differences(top: str, wanted: Attributes, *, selinux: Context) -> tuple[Shown, Shown]:
    """The attributes that differ, by path: as found, and as wanted."""
    before: Shown = {}
    after: Shown = {}
    for thing in _things(top):
        pairs = dict(_pairs(thing, wanted, selinux))
        if pairs:
            before[thing.path or "."] = {name: pair[0] for name, pair in pairs.items()}
            after[thing.path or "."] = {name: pair[1] for name, pair in pairs.items()}
    return _short(before), _short(after)


def set_attributes(top: str, wanted: Attributes, *, selinux: Context, stands_for: str | None = None) -> None:
    """Set the attributes of a file, or of everything in a tree. Raises OSError.

    :param stands_for: the path that ``top`` will replace; SELinux contexts are looked up for it
    """
    for thing in _things(top):
        if wanted.uid is not None or wanted.gid is not None:
            uid, gid = (-1 if number is None else number for number in (wanted.uid, wanted.gid))
            os.chown(thing.name, uid, gid, dir_fd=thing.directory, follow_symlinks=False)
        mode = thing.mode(wanted)
        if mode is not None:
            _chmod(thing, mode)  # after the owner: chown(2) clears set-id bits
        if selinux.selinux_enabled():
            place = None if stands_for is None else os.path.join(stands_for, thing.path).rstrip("/")
            context = _context(wanted, place, selinux)
            if any(context):
                selinux.set_context_if_different(thing.labelled, context, changed=False)


def read_attributes(params: t.Mapping[str, t.Any]) -> Attributes:
    """Read the options of the module. Raise HostError for an unknown owner or group, or an invalid mode."""
    return Attributes(
        _number("owner", params["owner"], lambda name: pwd.getpwnam(name).pw_uid),
        _number("group", params["group"], lambda name: grp.getgrnam(name).gr_gid),
        _mode("mode", params["mode"]),
        _mode("directory_mode", params["directory_mode"]),
        tuple(params[name] for name in _CONTEXT),
    )


def _things(top: str) -> t.Iterator[_Thing]:
    front, name = os.path.split(top)
    directory = os.open(front, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        first = _Thing("", name, directory, os.stat(name, dir_fd=directory, follow_symlinks=False))
        yield first
        if stat.S_ISDIR(first.status.st_mode):
            # fwalk opens each directory below the one above it and follows no link.
            for folder, folders, files, descriptor in os.fwalk(name, dir_fd=directory, onerror=_raise):
                names = [*folders, *files]
                folders.clear()
                for inner in names:
                    path = os.path.relpath(os.path.join(folder, inner), name)
                    status = os.stat(inner, dir_fd=descriptor, follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        folders.append(inner)
                    yield _Thing(path, inner, descriptor, status)
    finally:
        os.close(directory)


def _pairs(
    thing: _Thing, wanted: Attributes, selinux: Context
) -> t.Iterator[tuple[str, tuple[object, object]]]:
    if wanted.uid not in (None, thing.status.st_uid):
        yield "owner", (thing.status.st_uid, wanted.uid)
    if wanted.gid not in (None, thing.status.st_gid):
        yield "group", (thing.status.st_gid, wanted.gid)
    mode, found = thing.mode(wanted), stat.S_IMODE(thing.status.st_mode)
    if mode not in (None, found):
        yield "mode", (f"{found:04o}", f"{mode:04o}")
    if any(wanted.context) and selinux.selinux_enabled():
        now = selinux.selinux_context(thing.labelled)
        then = [asked or part for asked, part in zip(wanted.context, now)]
        if then != now:
            yield "secontext", (_colons(now), _colons(then))


def _chmod(thing: _Thing, mode: int) -> None:
    # Before Linux 6.6 (fchmodat2) no chmod refuses to follow links, so open the file with O_NOFOLLOW.
    descriptor = os.open(thing.name, _FILE, dir_fd=thing.directory)
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _context(wanted: Attributes, place: str | None, selinux: Context) -> list[str | None]:
    if place is None:
        return list(wanted.context)
    there = os.path.lexists(place)
    base = selinux.selinux_context(place) if there else selinux.selinux_default_context(place)
    return [asked or part for asked, part in zip(wanted.context, base)]


def _short(shown: Shown) -> Shown:
    first = dict(list(shown.items())[:_MOST_SHOWN])
    return first if len(first) == len(shown) else {**first, "and more": len(shown) - len(first)}


def _colons(context: t.Iterable[str | None]) -> str:
    return ":".join(str(part) for part in context)


def _number(option: str, name: str | None, look_up: t.Callable[[str], int]) -> int | None:
    if name is None:
        return None
    with contextlib.suppress(KeyError):
        return look_up(name)
    if name.isdigit():
        return int(name)
    raise HostError(
        option,
        wanted="a name known on this host, or a number",
        found=name,
        remedy="Create it first, or correct the name.",
    )


def _mode(option: str, mode: t.Any) -> int | None:
    if mode is None:
        return None
    # YAML reads 0644 as a number, and "0644" as text.
    text = f"{mode:o}" if isinstance(mode, int) else str(mode)
    if isinstance(mode, bool) or not text or text.strip("01234567") or int(text, 8) > 0o7777:
        raise HostError(
            option,
            wanted='an octal number in quotes, such as "0644"',
            found=repr(mode),
            remedy="Give all permissions as digits.",
        )
    return int(text, 8)


def _raise(error: OSError) -> t.NoReturn:
    raise error
