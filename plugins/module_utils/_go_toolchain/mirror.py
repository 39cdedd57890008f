# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A place that has Go releases: go.dev, or whatever serves the same list and files."""

from __future__ import annotations

import typing as t
import urllib.parse

from .._download import PLAIN, Access, FetchError, read_document, shown
from .._errors import HostError
from .index import GoRelease, parse_index

__all__ = ["GoMirror", "mirror_of", "secrets_of"]

_INDEX_LIMIT = 64 * 1024 * 1024  # bytes; the list of all releases had about 5 million in 2026


class GoMirror(t.NamedTuple):
    """Where it is, and how it is asked."""

    url: str  # without a slash at its end
    timeout: float  # seconds for a connection, and for each read on it
    access: Access = PLAIN

    @property
    def name(self) -> str:
        """The URL as it may be shown."""
        return shown(self.url)

    @property
    def directory(self) -> str | None:
        """Where its files are on the machine that asks, if the mirror is no server."""
        parts = urllib.parse.urlsplit(self.url)
        return urllib.parse.unquote(parts.path) if parts.scheme == "file" else None

    def file(self, filename: str) -> str:
        """The URL of a file."""
        return f"{self.url}/{filename}"

    def fetch_index(self) -> tuple[bytes, list[GoRelease]]:
        """The list of releases, as it came and as it reads: what go.dev serves, or ``index.json`` of plain files."""
        urls = [self.file("index.json")]
        if self.directory is None:
            urls.insert(0, f"{self.url}/?mode=json&include=all")
        failures = []
        for url in urls:
            try:
                text = read_document(url, timeout=self.timeout, limit=_INDEX_LIMIT, access=self.access)
                return text, parse_index(text, source=shown(url))
            except HostError as error:
                failures.append(error)
        raise FetchError(
            self.name,
            wanted="the list of Go releases",
            found="; ".join(f"{error.subject}: {error.found}" for error in failures),
            remedy=failures[0].remedy,
        )


def mirror_of(params: t.Mapping[str, t.Any]) -> GoMirror:
    """The mirror that a module's options name: ``mirror``, ``timeout``, ``ca_path`` and ``headers``."""
    headers = {str(name): str(value) for name, value in (params["headers"] or {}).items()}
    return GoMirror(params["mirror"].rstrip("/"), params["timeout"], Access(params["ca_path"], headers))


def secrets_of(params: t.Mapping[str, t.Any]) -> set[str]:
    """What of the mirror's URL must not be shown: the user and the password in it, together and alone."""
    userinfo = params["mirror"].partition("://")[2].partition("/")[0].rpartition("@")[0]
    return {secret for secret in (userinfo, userinfo.partition(":")[2]) if secret}
