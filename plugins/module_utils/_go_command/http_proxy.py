# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Choose the HTTP proxy for a server by the environment variables, like the go command.

Source: golang.org/x/net/http/httpproxy, as vendored in net/http of Go 1.26. Python's own rules differ: the lower-case
variable takes precedence, loopback addresses go through the proxy, and NO_PROXY has no networks.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import typing as t
import urllib.parse

from .goproxy import SettingError

__all__ = ["Proxy", "UnsupportedProxyError", "proxy_for"]

_PORTS = {"http": 80}
_UNSUPPORTED_SCHEMES = ("https", "socks5", "socks5h")


class UnsupportedProxyError(Exception):
    """The go command can use this kind of proxy, but this code cannot. The text is its scheme."""


class Proxy(t.NamedTuple):
    """An HTTP proxy."""

    host: str
    port: int
    userinfo: tuple[str, str] | None  # user and password, unquoted


def proxy_for(environment: t.Mapping[str, str], *, scheme: str, host: str, port: int) -> Proxy | None:
    """The proxy for a server, or None if the connection is direct.

    :raises SettingError: the variable is not a valid address
    :raises UnsupportedProxyError: the proxy is used by TLS or SOCKS
    """
    address = _variable(environment, f"{scheme}_proxy")
    if not address or not _through_proxy(_variable(environment, "no_proxy"), host.lower(), str(port)):
        return None
    try:
        parts = urllib.parse.urlsplit(address if "://" in address else f"http://{address}")
        known = parts.port
    except ValueError:
        raise SettingError("not a valid address")
    if parts.scheme in _UNSUPPORTED_SCHEMES:
        raise UnsupportedProxyError(parts.scheme)
    if not parts.hostname or parts.scheme not in _PORTS:
        raise SettingError("not a valid address")
    unquote = urllib.parse.unquote
    userinfo = None
    if parts.username is not None:
        userinfo = (unquote(parts.username), unquote(parts.password or ""))
    return Proxy(parts.hostname, known or _PORTS[parts.scheme], userinfo)


def _variable(environment: t.Mapping[str, str], name: str) -> str:
    return environment.get(name.upper()) or environment.get(name) or ""


def _through_proxy(no_proxy: str, host: str, port: str) -> bool:
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return False
    entries = [entry.strip().lower() for entry in no_proxy.split(",")]
    return "*" not in entries and not any(_matches(entry, host, port, address) for entry in entries)


def _matches(entry: str, host: str, port: str, address: t.Any) -> bool:
    """Whether an entry of NO_PROXY matches a server: a network, or an address or domain with an optional port."""
    with contextlib.suppress(ValueError):
        if "/" in entry:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
    name, only = entry, ""
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*):([^:]*)", entry)
    if found is not None:
        name, only = found.group(1).strip("[]"), found.group(2)
    if not name or only not in ("", port):
        return False
    named = _address(name)
    if named is not None:
        return bool(named == address)
    name = name[1:] if name.startswith("*.") else name
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith(f".{name}")


def _address(text: str) -> t.Any:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
