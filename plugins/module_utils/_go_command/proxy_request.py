# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""One question to one server, and why it was not answered: the layer at fault, by the name of what went wrong there."""

from __future__ import annotations

import base64
import contextlib
import datetime
import http.client
import netrc
import socket
import ssl
import threading
import typing as t
import urllib.parse

from .goproxy import SettingError
from .http_proxy import Proxy, UnspokenError, proxy_for

__all__ = ["Answer", "Asker", "Credentials", "ask"]

_MOST = 65536  # bytes of an answer that are looked at
_HOPS = 5  # redirects
_REDIRECTS = (301, 302, 303, 307, 308)
# X509_V_ERR_ of OpenSSL, where one of them has a cause of its own
_CERTIFICATE = {
    9: "tls_not_yet_valid",
    10: "tls_expired",
    18: "tls_unknown_authority",
    19: "tls_unknown_authority",
    20: "tls_unknown_authority",
    21: "tls_unknown_authority",
    62: "tls_wrong_name",
    64: "tls_wrong_name",
}
_STATUSES = {401: "login", 403: "login", 404: "not_found", 410: "not_found", 407: "proxy_login"}


class Answer(t.NamedTuple):
    """``kind`` is ``answered``, or what went wrong; ``found`` says so in words, without passwords."""

    kind: str
    found: str
    status: int | None = None
    body: str = ""
    media_type: str = ""


class Credentials(t.NamedTuple):
    """``path`` is the netrc file that was looked into, ``found`` whether it has this host."""

    header: str | None
    path: str
    found: bool


class Asker(t.NamedTuple):
    """How to ask: seconds for each step, the environment, which names proxies and authorities, and where netrc is."""

    timeout: float
    environment: t.Mapping[str, str]
    netrc: str

    def credentials(self, host: str) -> Credentials:
        """The name and password that netrc has for a host, as the value of a header."""
        try:
            login = netrc.netrc(self.netrc).authenticators(host)
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
            login = None
        if login is None:
            return Credentials(None, self.netrc, False)
        return Credentials(_basic(login[0], login[2] or ""), self.netrc, True)


def ask(url: str, *, asker: Asker) -> Answer:
    """GET a URL, following redirects, in bounded time."""
    at = url
    for dummy in range(_HOPS):
        parts = urllib.parse.urlsplit(at)
        if parts.scheme == "file":
            return _read_file(parts.path)
        answer, location = _ask_once(parts, asker=asker)
        if location is None:
            return answer
        at = urllib.parse.urljoin(at, location)
        if urllib.parse.urlsplit(at).scheme not in ("http", "https"):
            break
    return Answer("redirects", f"redirects without end, the last one to {_host_of(at)}")


def _read_file(path: str) -> Answer:
    path = urllib.parse.unquote(path)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return Answer("answered", path, 200, file.read(_MOST))
    except FileNotFoundError:
        return Answer("not_found", f"no file {path}")
    except OSError as error:
        return Answer("file", str(error))


class _StoppedError(Exception):
    """No answer was had; what there is in its place."""

    def __init__(self, kind: str, found: str, status: int | None = None) -> None:
        super().__init__(found)
        self.answer = Answer(kind, found, status)


def _ask_once(parts: urllib.parse.SplitResult, *, asker: Asker) -> tuple[Answer, str | None]:
    """The answer, and where it redirects."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        proxy = proxy_for(asker.environment, scheme=parts.scheme, host=host, port=port)
    except SettingError as error:
        return Answer("proxy_address", f"{error} (the HTTP proxy for {host})"), None
    except UnspokenError as error:
        return Answer("proxy_unspoken", f"a proxy for {host} that is spoken to by {error}"), None
    near = f"{host}:{port}" if proxy is None else f"the HTTP proxy for {host}"
    connection = http.client.HTTPConnection(host, port, timeout=asker.timeout)
    try:
        place = (host, port) if proxy is None else proxy[:2]
        plain = _connect(_resolve(*place, timeout=asker.timeout), name=f"{place[0]}:{place[1]}", asker=asker)
        connection.sock = plain
        if parts.scheme == "https":
            if proxy is not None:
                _tunnel(connection, host, port, proxy=proxy)
            connection.sock = _authorities(asker).wrap_socket(plain, server_hostname=host)
        return _request(connection, parts, asker=asker, proxy=proxy)
    except _StoppedError as stop:
        through = f" ({near})" if proxy is not None and stop.answer.status is None else ""
        answer = stop.answer._replace(found=stop.answer.found + through)
    except ssl.SSLCertVerificationError as error:
        answer = _certificate(error, host=f"{host}:{port}")
    except ssl.SSLError as error:
        answer = Answer("tls", f"{host}:{port} and this host do not agree on TLS: {error.reason or error}")
    except socket.timeout:
        answer = Answer(
            "timeout", f"{near} took the connection and said nothing for {asker.timeout:g} seconds"
        )
    except (OSError, http.client.HTTPException) as error:
        answer = Answer("broken", f"{near} broke off: {type(error).__name__} {error}".rstrip())
    finally:
        connection.close()
    return answer, None


def _authorities(asker: Asker) -> ssl.SSLContext:
    """Those of the host, and those that a variable names which this process was perhaps started before."""
    context = ssl.create_default_context()
    named = asker.environment.get("SSL_CERT_FILE")
    if named:
        with contextlib.suppress(OSError):  # of ssl.SSLError too; go overlooks a file that it cannot read
            context.load_verify_locations(named)
    return context


def _resolve(host: str, port: int, *, timeout: float) -> list[t.Any]:
    """The addresses of a name; the resolver has timeouts of its own, which may be longer than ours."""
    found: list[t.Any] = []
    failed: list[OSError] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failed.append(error if isinstance(error, OSError) else OSError(str(error)))

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(timeout)
    if found:
        return found
    why = str(failed[0].strerror or failed[0]) if failed else f"no answer within {timeout:g} seconds"
    raise _StoppedError("dns", f"the name {host} has no address here: {why}")


def _connect(addresses: list[t.Any], *, name: str, asker: Asker) -> socket.socket:
    errors: list[OSError] = []
    for family, kind, protocol, dummy, address in addresses[:4]:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(asker.timeout)
        try:
            connection.connect(address)
            return connection
        except OSError as error:
            connection.close()
            errors.append(error)
    if any(isinstance(error, ConnectionRefusedError) for error in errors):
        raise _StoppedError("refused", f"{name} refuses the connection")
    if any(isinstance(error, socket.timeout) for error in errors):
        raise _StoppedError("timeout", f"{name} does not answer within {asker.timeout:g} seconds")
    raise _StoppedError("unreachable", f"no way to {name}: {errors[0].strerror or errors[0]}")


def _tunnel(connection: http.client.HTTPConnection, host: str, port: int, *, proxy: Proxy) -> None:
    """Have an HTTP proxy lead to the server."""
    header = f"Proxy-Authorization: {_basic(*proxy.userinfo)}\r\n" if proxy.userinfo else ""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    connection.sock.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{header}\r\n".encode())
    response = http.client.HTTPResponse(connection.sock, method="CONNECT")
    response.begin()
    if response.status == http.client.OK:
        return
    kind = "proxy_login" if response.status == 407 else "proxy_refused"
    found = f"the HTTP proxy answers {response.status} {response.reason} to CONNECT {host}:{port}"
    raise _StoppedError(kind, found, response.status)


def _request(
    connection: http.client.HTTPConnection,
    parts: urllib.parse.SplitResult,
    *,
    asker: Asker,
    proxy: Proxy | None,
) -> tuple[Answer, str | None]:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"User-Agent": "gofleet.hosts", "Connection": "close"}
    # As the go command does: netrc is for https alone.
    known = (
        asker.credentials(parts.hostname or "") if parts.scheme == "https" else Credentials(None, "", False)
    )
    authorization = _userinfo(parts) or known.header
    if authorization:
        headers["Authorization"] = authorization
    if proxy and parts.scheme == "http":
        path = urllib.parse.urlunsplit(
            ("http", parts.netloc.rpartition("@")[2], parts.path or "/", parts.query, "")
        )
        headers.update({"Proxy-Authorization": _basic(*proxy.userinfo)} if proxy.userinfo else {})
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    location = response.getheader("Location")
    if response.status in _REDIRECTS and location:
        return Answer("redirects", ""), location
    body = response.read(_MOST).decode("utf-8", "replace")
    kind = _STATUSES.get(response.status, "answered" if response.status == 200 else "status")
    found = f"{_host_of(urllib.parse.urlunsplit(parts))} answers {response.status} {response.reason}"
    if kind == "login":
        found += ", to a name and password" if authorization else ", to nobody in particular"
        found += f" (from {known.path})" if known.found else ""
    return Answer(kind, found, response.status, body, response.getheader("Content-Type") or ""), None


def _certificate(error: ssl.SSLCertVerificationError, *, host: str) -> Answer:
    kind = _CERTIFICATE.get(error.verify_code, "tls_certificate")
    found = f"the certificate of {host} does not hold: {error.verify_message}"
    if kind in ("tls_expired", "tls_not_yet_valid"):
        now = datetime.datetime.now(datetime.timezone.utc)
        found += f"; the clock of this host says {now:%Y-%m-%d %H:%M} UTC"
    return Answer(kind, found)


def _userinfo(parts: urllib.parse.SplitResult) -> str | None:
    if parts.username is None:
        return None
    return _basic(urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or ""))


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _host_of(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc.rpartition("@")[2]
