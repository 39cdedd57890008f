# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Access the files of a user with only that user's permissions."""

from __future__ import annotations

import contextlib
import os
import pwd
import typing as t

from ._errors import HostError

__all__ = ["Account", "account_of", "acting_as"]


class Account(t.NamedTuple):
    """A user of the host."""

    name: str
    uid: int
    gid: int
    home: str


def account_of(name: str | None) -> Account:
    """Return the account of a user, or for None the account that this process runs as.

    :raises HostError: no such user, or a user without a home directory
    """
    try:
        entry = pwd.getpwuid(os.geteuid()) if name is None else pwd.getpwnam(name)
    except KeyError:
        raise HostError(
            f"user {name or os.geteuid()}",
            wanted="a user of this host",
            found="no such user",
            remedy="Create the user first, or correct the name.",
        )
    if not os.path.isdir(entry.pw_dir):
        raise HostError(
            f"user {entry.pw_name}",
            wanted="a home directory",
            found=f"no directory {entry.pw_dir}",
            remedy="Create the user's home directory first.",
        )
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


@contextlib.contextmanager
def acting_as(account: Account) -> t.Iterator[None]:
    """Take the user's identity for file access, so that a link in a home directory gives no additional access.

    :raises HostError: this process runs neither as that user nor as root
    """
    if os.geteuid() == account.uid:
        yield
        return
    if os.geteuid() != 0:
        raise HostError(
            f"user {account.name}",
            wanted="the permissions of that user",
            found=f"a process of user ID {os.geteuid()}",
            remedy="Set `become: true`, or run as that user.",
        )
    groups, group = os.getgroups(), os.getegid()
    os.setgroups(os.getgrouplist(account.name, account.gid))
    os.setegid(account.gid)
    os.seteuid(account.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)
