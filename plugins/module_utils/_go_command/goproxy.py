# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse GOPROXY, GOSUMDB and patterns of module paths like the go command.

Source: cmd/go (modfetch/proxy.go, modfetch/sumdb.go) and golang.org/x/mod (sumdb/note, module) of Go 1.26.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import re
import typing as t
import urllib.parse

__all__ = [
    "Database",
    "ProxyEntry",
    "SettingError",
    "escaped",
    "matches_pattern",
    "parse_goproxy",
    "parse_gosumdb",
    "userinfo_of",
]

_ALIASES = {"sum.golang.google.cn": "sum.golang.org https://sum.golang.google.cn"}
_KNOWN_KEYS = {"sum.golang.org": "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"}
_ED25519 = 1
_KEY_SIZE = 33  # bytes: the kind of key, and an Ed25519 public key


class SettingError(Exception):
    """A value that the go command refuses, or that cannot work. The text says why, without passwords."""


class ProxyEntry(t.NamedTuple):
    """One entry of GOPROXY."""

    url: str  # or "direct", "off"
    on_error: bool  # the next entry is tried after any error (|), not only after 404 and 410 (,)


class Database(t.NamedTuple):
    """A checksum database, as GOSUMDB describes it."""

    name: str
    key_hash: str  # 8 hexadecimal digits
    url: str | None  # used instead of the proxies; None if GOSUMDB has no URL


def parse_goproxy(text: str) -> list[ProxyEntry]:
    """Parse a value of GOPROXY.

    :raises SettingError: with a reason that contains no password
    """
    entries: list[ProxyEntry] = []
    parts = re.split(r"([,|])", text)
    for part, separator in zip(parts[::2], [*parts[1::2], ""]):
        url = part.strip()
        if not url:
            continue
        if entries and entries[-1].url in ("direct", "off"):
            raise SettingError(f"entries after {entries[-1].url} are never used")
        entries.append(ProxyEntry(url if url in ("direct", "off") else _proxy_url(url), separator == "|"))
    if not entries:
        raise SettingError("the list has no entries")
    return entries


def _proxy_url(text: str) -> str:
    url = text
    if re.search(r"[.:/]", url) and ":/" not in url and not url.startswith("/"):
        url = f"https://{url}"
    try:
        parts = urllib.parse.urlsplit(url)
        host, dummy = parts.hostname, parts.port
    except ValueError as error:
        raise SettingError(f"an entry is not a URL: {error}")
    if re.search(r"[\s\x00-\x1f]", url):
        raise SettingError("an entry has a blank in it")
    if not parts.scheme:
        raise SettingError(f"{text} is neither a URL nor direct or off")
    if parts.scheme == "file":
        if parts.netloc or parts.query or parts.fragment or not parts.path.startswith("/"):
            raise SettingError("a file:// entry must be an absolute path and nothing else")
    elif parts.scheme not in ("http", "https"):
        raise SettingError(f"the scheme {parts.scheme} is not https, http or file")
    elif not host:
        raise SettingError("an entry has no host")
    return url


def parse_gosumdb(text: str) -> Database | None:
    """Parse a value of GOSUMDB, or None for ``off``.

    :raises SettingError: the go command would refuse the value
    """
    if text == "off":
        return None
    fields = _ALIASES.get(text, text).split()
    if not 1 <= len(fields) <= 2:
        raise SettingError(f"it has {len(fields)} fields, and must have a name and optionally a URL")
    name, key_hash = _verifier(_KNOWN_KEYS.get(fields[0], fields[0]))
    parts = urllib.parse.urlsplit(f"https://{name}")
    if not parts.hostname or name.endswith("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise SettingError(f"the name {name} is not host[/path]")
    if len(fields) == 2 and urllib.parse.urlsplit(fields[1]).scheme not in ("http", "https"):
        raise SettingError("the URL of the database is neither https nor http")
    return Database(name, key_hash, fields[1] if len(fields) == 2 else None)


def _verifier(text: str) -> tuple[str, str]:
    """Parse a verifier key ``name+hash+key``, and return its name and hash.

    :raises SettingError: it has another form, or the hash is not that of name and key
    """
    name, *rest = text.split("+", 2)
    if len(rest) < 2:
        reason = "go has no key for" if not rest else "there is no key in the entry of"
        raise SettingError(f"malformed verifier id: {reason} the database {name}; write name+hash+key")
    key_hash, encoded = rest
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise SettingError("malformed verifier id: its key is not base64")
    if not name or len(key) != _KEY_SIZE or key[0] != _ED25519:
        raise SettingError("malformed verifier id: its key is not an Ed25519 key")
    wanted = hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8]
    if key_hash != wanted:
        raise SettingError(f"malformed verifier id: its hash is {key_hash}, that of name and key is {wanted}")
    return name, key_hash


def matches_pattern(patterns: str, path: str) -> bool:
    """Whether a module path, or a prefix of it that ends before a slash, matches a list of patterns as in GOPRIVATE."""
    for pattern in patterns.split(","):
        wanted = pattern.rstrip("/").split("/")
        found = path.split("/")[: len(wanted)]
        if (
            wanted != [""]
            and len(wanted) == len(found)
            and all(fnmatch.fnmatchcase(part, glob.replace("[^", "[!")) for part, glob in zip(found, wanted))
        ):
            return True
    return False


def escaped(path: str) -> str:
    """Escape a module path or version for a proxy's URL, where each capital letter becomes ``!`` and its lower case."""
    return re.sub(r"[A-Z]", lambda letter: f"!{letter.group().lower()}", path)


def userinfo_of(value: str) -> list[str]:
    """The texts before ``@`` in the URLs of a setting, and the passwords in them, both quoted and unquoted."""
    found = []
    for user in re.findall(r"://([^/@\s,|]*)@", value):
        found += [user, *user.split(":", 1)[1:]]
    return [text for part in found for text in (part, urllib.parse.unquote(part)) if text]
