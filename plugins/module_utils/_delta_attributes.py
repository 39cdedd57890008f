# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Owner, group, permissions and SELinux context of a file or of all in a tree: as asked for, or as they were."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import typing as t

from ._errors import HostError

__all__ = ["Attributes", "Context", "read_attributes"]

_CONTEXT = ("seuser", "serole", "setype", "selevel")


class Context(t.Protocol):
    """SELinux, as AnsibleModule knows it."""

    def selinux_enabled(self) -> bool: ...

    def selinux_context(self, path: str) -> list[str | None]: ...

    def set_context_if_different(
        self, path: str, context: list[str | None], changed: bool, diff: t.Any = None
    ) -> bool: ...


class Attributes(t.NamedTuple):
    """What is wanted; None leaves it as it is."""

    uid: int | None
    gid: int | None
    mode: int | None  # of files
    directory_mode: int | None
    context: tuple[str | None, ...]  # user, role, type, level

    def differences(self, path: str, *, selinux: Context) -> dict[str, t.Any]:
        """What is not as wanted of one file, directory or link; nothing where all is."""
        status = os.lstat(path)
        found: dict[str, t.Any] = {}
        if self.uid not in (None, status.st_uid):
            found["owner"] = status.st_uid
        if self.gid not in (None, status.st_gid):
            found["group"] = status.st_gid
        mode = self._mode(status)
        if mode is not None and mode != stat.S_IMODE(status.st_mode):
            found["mode"] = f"{stat.S_IMODE(status.st_mode):04o}"
        if any(self.context) and selinux.selinux_enabled():
            now = selinux.selinux_context(path)
            if any(wish not in (None, now[index]) for index, wish in enumerate(self.context)):
                found["secontext"] = ":".join(str(part) for part in now)
        return found

    def apply(self, path: str, *, selinux: Context) -> None:
        """Give them to one file, directory or link. Raises OSError."""
        status = os.lstat(path)
        if self.uid is not None or self.gid is not None:
            os.lchown(path, -1 if self.uid is None else self.uid, -1 if self.gid is None else self.gid)
        mode = self._mode(status)
        if mode is not None:
            os.chmod(path, mode)  # after the owner, which takes set-id bits away
        if any(self.context) and selinux.selinux_enabled():
            selinux.set_context_if_different(path, list(self.context), changed=False)

    def as_it_was(self, status: os.stat_result) -> Attributes:
        """With owner and group of what is there in place of those that were not asked for."""
        return self._replace(
            uid=status.st_uid if self.uid is None else self.uid,
            gid=status.st_gid if self.gid is None else self.gid,
        )

    def _mode(self, status: os.stat_result) -> int | None:
        if stat.S_ISLNK(status.st_mode):
            return None
        if stat.S_ISDIR(status.st_mode):
            return self.directory_mode
        return self.mode


def read_attributes(params: t.Mapping[str, t.Any]) -> Attributes:
    """Read the options of the module. Raises HostError for an owner that this host does not know, or no octal mode."""
    return Attributes(
        _number("owner", params["owner"], lambda name: pwd.getpwnam(name).pw_uid),
        _number("group", params["group"], lambda name: grp.getgrnam(name).gr_gid),
        _mode("mode", params["mode"]),
        _mode("directory_mode", params["directory_mode"]),
        tuple(params[name] for name in _CONTEXT),
    )


def _number(option: str, name: str | None, look_up: t.Callable[[str], int]) -> int | None:
    if name is None:
        return None
    try:
        return look_up(name)
    except KeyError:
        if name.isdigit():
            return int(name)
    raise HostError(
        option,
        wanted="a name that this host knows, or a number",
        found=name,
        remedy="Create it first, or correct the name.",
    )


def _mode(option: str, mode: t.Any) -> int | None:
    if mode is None:
        return None
    # YAML makes a number out of 0644 and none out of "0644".
    text = f"{mode:o}" if isinstance(mode, int) else str(mode)
    if not text or text.strip("01234567") or int(text, 8) > 0o7777:
        raise HostError(
            option,
            wanted='an octal number in quotes, such as "0644"',
            found=repr(mode),
            remedy="Give all permissions as digits.",
        )
    return int(text, 8)
