# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""The secrets of a service: systemd hands them to the process as files that nobody else can read."""

from __future__ import annotations

import typing as t

from ...module_utils._errors import HostError
from ...module_utils._units.credentials import credential_path
from .syntax import setting

__all__ = ["Credential", "credential_lines", "kept_credentials", "read_credentials"]

_SOURCES = ("content", "src", "path")


class Credential(t.NamedTuple):
    """One secret. ``path``: a file that the host has already; else it comes from the controller, as text or a file."""

    name: str
    content: str | None
    src: str | None
    path: str | None
    encrypted: bool


def read_credentials(items: t.Sequence[t.Mapping[str, t.Any]], *, service: str) -> list[Credential]:
    """:raises HostError: a name that stands twice, a credential with no source or with two"""
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
                wanted=f"its secret from one place: {', '.join(_SOURCES)}",
                found=" and ".join(given) or "none",
                remedy="Give content (from a vault), src (a file on the controller) or path (a file on the host).",
            )
        if names.count(credential.name) > 1:
            raise HostError(
                subject, wanted="each credential once", found="it twice", remedy="Remove one of the two."
            )
        if credential.path is not None and not credential.path.startswith("/"):
            raise HostError(
                subject,
                wanted="path as an absolute path on the host",
                found=repr(credential.path),
                remedy="Correct path, or give a file of the controller in src.",
            )
    return credentials


def credential_lines(credentials: t.Sequence[Credential], *, service: str) -> list[str]:
    """The settings of a service unit: names and paths, never a secret."""
    return [
        f"LoadCredential{'Encrypted' if one.encrypted else ''}="
        + setting(f"{one.name}:{one.path or credential_path(service, one.name)}")
        for one in credentials
    ]


def kept_credentials(credentials: t.Sequence[Credential]) -> list[dict[str, t.Any]]:
    """Those that ``systemd_units`` puts onto the host."""
    return [
        {key: getattr(one, key) for key in ("name", "content", "src") if getattr(one, key) is not None}
        for one in credentials
        if one.path is None
    ]
