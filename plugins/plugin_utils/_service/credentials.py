# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Parse the credentials of a service, which systemd passes to its process as files."""

from __future__ import annotations

import typing as t

from ...module_utils._errors import HostError
from ...module_utils._units.credentials import credential_path
from .syntax import setting

__all__ = ["Credential", "credential_lines", "parse_credentials", "stored_credentials"]

_SOURCES = ("content", "src", "path")


class Credential(t.NamedTuple):
    """A credential.

    Exactly one of content, src and path is set.

    content: the secret as text
    src: a file on the controller
    path: a file that is already on the host
    encrypted: whether systemd must decrypt it
    """

    name: str
    content: str | None
    src: str | None
    path: str | None
    encrypted: bool


def parse_credentials(items: t.Sequence[t.Mapping[str, t.Any]], *, service: str) -> list[Credential]:
    """Return the credentials that the user described.

    :param service: its name, for errors
    :raises HostError: a repeated name, no source or several, or a relative path
    """
    credentials = [
        Credential(
            name=str(item["name"]),
            content=None if item.get("content") is None else str(item["content"]),
            src=item.get("src"),
            path=item.get("path"),
            encrypted=bool(item.get("encrypted", False)),
        )
        for item in items
    ]
    names = [credential.name for credential in credentials]
    for credential in credentials:
        given = [source for source in _SOURCES if getattr(credential, source) is not None]
        subject = f"credential {credential.name} of service {service}"
        if len(given) != 1:
            raise HostError(
                subject,
                wanted=f"one source of the secret: {', '.join(_SOURCES)}",
                found=" and ".join(given) or "no source",
                remedy="Set `content` (from a vault), `src` (a file on the controller) or `path` (a file on the host).",
            )
        if names.count(credential.name) > 1:
            raise HostError(
                subject,
                wanted="one entry for each credential",
                found="two entries with this name",
                remedy="Remove one of them.",
            )
        if credential.path is not None and not credential.path.startswith("/"):
            raise HostError(
                subject,
                wanted="an absolute path on the host",
                found=repr(credential.path),
                remedy="Correct `path`, or set `src` to a file on the controller.",
            )
    return credentials


def credential_lines(credentials: t.Sequence[Credential], *, service: str) -> list[str]:
    """Return the settings of a service unit.

    They have names and paths, never a secret.
    """
    return [
        f"LoadCredential{'Encrypted' if one.encrypted else ''}="
        + setting(f"{one.name}:{one.path or credential_path(service, one.name)}")
        for one in credentials
    ]


def stored_credentials(credentials: t.Sequence[Credential]) -> list[dict[str, t.Any]]:
    """Return the credentials that ``systemd_units`` stores on the host, in the form of its options."""
    return [
        {key: getattr(one, key) for key in ("name", "content", "src") if getattr(one, key) is not None}
        for one in credentials
        if one.path is None
    ]
