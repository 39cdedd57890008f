# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read and write the credential files that systemd passes to services.

Only root can read them.
"""

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
    "CredentialFile",
    "credential_path",
    "decode_credentials",
    "read_credential_files",
    "write_credential",
    "wrong_credential_name",
]

CREDENTIALS = "/etc/gofleet/credentials"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,126}")
_LIMIT = 1 << 20  # bytes; the limit of systemd for all credentials of a unit together


class CredentialFile(t.NamedTuple):
    """A credential file before and after the run.

    None means that there is no file.
    """

    path: str
    old: bytes | None
    new: bytes | None

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    def diff(self) -> tuple[str | None, str | None]:
        """Return what the diff shows before and after.

        It shows whether the content differs, never the content.
        """
        if self.old == self.new:
            return "as wanted", "as wanted"
        before = None if self.old is None else "different content"
        return before, None if self.new is None else "as wanted"


def credential_path(owner: str, name: str) -> str:
    """Return the path of a credential on the host.

    :param owner: name of the set of units
    """
    return f"{CREDENTIALS}/{owner}/{name}"


def wrong_credential_name(name: str) -> str | None:
    """Return what is wrong with the name of a credential, which is also a file name, or None."""
    return (
        None if _NAME.fullmatch(name) else "an empty name, or characters other than letters, digits and _ . -"
    )


def decode_credentials(items: t.Sequence[t.Mapping[str, t.Any]], *, owner: str) -> dict[str, bytes]:
    """Return the content of each credential by name.

    :param items: dictionaries with ``name`` and ``data`` in Base64
    :param owner: name of the set, for errors
    :raises HostError: an invalid or repeated name, invalid data, or too much of it
    """
    credentials: dict[str, bytes] = {}
    for item in items:
        name = item["name"]
        subject = f"credential {name!r} of {owner}"
        wrong = wrong_credential_name(name) or ("the name twice" if name in credentials else None)
        if wrong:
            raise HostError(
                subject,
                wanted="a unique name that can be a file name",
                found=wrong,
                remedy="Correct the name.",
            )
        try:
            credentials[name] = base64.b64decode(item["data"], validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise HostError(
                subject,
                wanted="data in Base64",
                found="something else, which is not shown here",
                remedy="Set `content` or `src`. The controller fills in `data`.",
            )
        if len(credentials[name]) > _LIMIT:
            raise HostError(
                subject,
                wanted=f"at most {_LIMIT} bytes",
                found=f"{len(credentials[name])} bytes",
                remedy="systemd accepts no more. Put the data into a file of the release instead.",
            )
    return credentials


def read_credential_files(wanted: t.Mapping[str, bytes], *, directory: str) -> list[CredentialFile]:
    """Return the credentials that are wanted or present in the directory, sorted by name."""
    try:
        present = [name for name in os.listdir(directory) if _NAME.fullmatch(name)]
    except FileNotFoundError:
        present = []
    return [
        CredentialFile(os.path.join(directory, name), _read(os.path.join(directory, name)), wanted.get(name))
        for name in sorted({*present, *wanted})
    ]


def write_credential(path: str, data: bytes | None) -> None:
    """Write a credential file that only root can read.

    :param data: the content; None removes the file, and its directory when it is empty
    """
    directory = os.path.dirname(path)
    if data is not None:
        os.makedirs(os.path.dirname(directory), mode=0o755, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(directory)
        os.chmod(directory, 0o700)  # independent of the umask, and for an existing directory too
        write_text(path, data.decode("utf-8", "surrogateescape"), mode=0o600)
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        fsync_directory(directory)
    with contextlib.suppress(OSError):  # not empty, or already removed
        os.rmdir(directory)


def _read(path: str) -> bytes | None:
    """Return the content of a credential file, or None where the file has to be written again."""
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
