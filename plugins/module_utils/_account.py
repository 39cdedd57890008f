# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Files of a user, read and written with that user's rights alone."""

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
    """The account of a name, or for None the one that this process runs as.

    :raises HostError: no such user, or one without a home directory
    """
    try:
        entry = pwd.getpwuid(os.geteuid()) if name is None else pwd.getpwnam(name)
    except KeyError:
        raise HostError(
            f"user {name or os.geteuid()}",
            wanted="a user of this host",
            found="none of that name",
            remedy="Make the user first, or correct the name.",
        )
    if not os.path.isdir(entry.pw_dir):
        raise HostError(
            f"user {entry.pw_name}",
            wanted="a home directory",
            found=f"no directory {entry.pw_dir}",
            remedy="Make the user's home directory first.",
        )
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


@contextlib.contextmanager
def acting_as(account: Account) -> t.Iterator[None]:
    """Have the user's identity for access to files, so that a link in a home leads no further than its owner may go.

    :raises HostError: this process is neither that user nor root
    """
    if os.geteuid() == account.uid:
        yield
        return
    if os.geteuid() != 0:
        raise HostError(
            f"user {account.name}",
            wanted="to act as that user",
            found=f"the rights of user id {os.geteuid()}",
            remedy="Run with become: true, or as that user.",
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
