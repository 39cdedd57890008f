# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Files that systemd hands to services as credentials: root's alone, and never shown."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import stat
import typing as t

from .._atomic import fsync_directory, write_text
from .._errors import HostError

__all__ = [
    "CREDENTIALS",
    "Secret",
    "credential_path",
    "put_secret",
    "read_secrets",
    "secrets_of",
    "wrong_credential_name",
]

CREDENTIALS = "/etc/gofleet/credentials"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,126}")
_LIMIT = 1 << 20  # bytes; what systemd takes of all credentials of a unit together


class Secret(t.NamedTuple):
    """One file as it is and as it is to be; None: not there."""

    path: str
    old: bytes | None
    new: bytes | None

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    def told(self) -> tuple[str | None, str | None]:
        """What a difference says of it before and after: whether it is another one, never what it is."""
        if self.old == self.new:
            return "as wanted", "as wanted"
        before = None if self.old is None else "another one"
        return before, None if self.new is None else "as wanted"


def credential_path(owner: str, name: str) -> str:
    """Where the credential of a set of units is on the host."""
    return f"{CREDENTIALS}/{owner}/{name}"


def wrong_credential_name(name: str) -> str | None:
    """What is wrong with a name that is to be one of a file and of a credential; None for nothing."""
    return None if _NAME.fullmatch(name) else "other characters than letters, digits and _ . -, or none"


def secrets_of(items: t.Sequence[t.Mapping[str, t.Any]], *, owner: str) -> dict[str, bytes]:
    """
    :param items: each with a name and ``data`` in Base64
    :raises HostError: a name that is none or stands twice, data that is none
    """
    secrets: dict[str, bytes] = {}
    for item in items:
        name = item["name"]
        subject = f"credential {name!r} of {owner}"
        wrong = wrong_credential_name(name) or ("it twice" if name in secrets else None)
        if wrong:
            raise HostError(
                subject, wanted="a name of its own for a file", found=wrong, remedy="Correct the name."
            )
        try:
            secrets[name] = base64.b64decode(item["data"], validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise HostError(
                subject,
                wanted="data in Base64",
                found="something else, not shown here",
                remedy="Give content or src, and leave data to the controller.",
            )
        if len(secrets[name]) > _LIMIT:
            raise HostError(
                subject,
                wanted=f"at most {_LIMIT} bytes",
                found=f"{len(secrets[name])}",
                remedy="systemd takes no more; give the service a file of its release instead.",
            )
    return secrets


def read_secrets(wanted: t.Mapping[str, bytes], *, folder: str) -> list[Secret]:
    """Each that is wanted or that is there, in the order of their names."""
    try:
        there = sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))
    except FileNotFoundError:
        there = []
    return [
        Secret(os.path.join(folder, name), _read(os.path.join(folder, name)), wanted.get(name))
        for name in sorted({*there, *wanted})
    ]


def put_secret(path: str, data: bytes | None) -> None:
    """Write a secret whole, for root alone; or remove it, and its directories where they are empty then."""
    folder = os.path.dirname(path)
    if data is not None:
        os.makedirs(os.path.dirname(folder), mode=0o755, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder)
        os.chmod(folder, 0o700)  # whatever the umask and whoever made it
        write_text(path, data.decode("utf-8", "surrogateescape"), mode=0o600)
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        fsync_directory(folder)
    with contextlib.suppress(OSError):  # not empty, or gone
        os.rmdir(folder)


def _read(path: str) -> bytes | None:
    """The secret in a file that is root's alone; None: to be written anew, whatever it is."""
    try:
        status = os.lstat(path)
        if (
            not stat.S_ISREG(status.st_mode)
            or stat.S_IMODE(status.st_mode) != 0o600
            or status.st_size > _LIMIT
        ):
            return None
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
