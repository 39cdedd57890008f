# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Send one HTTP request, and name the layer that failed if there is no answer."""

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
from .http_proxy import Proxy, UnsupportedProxyError, proxy_for

__all__ = ["Answer", "Client", "Credentials", "ask"]

_MAX_BODY = 65536  # bytes; the rest of a body is not read
_MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
# The values of X509_V_ERR_ in OpenSSL that have a kind of their own.
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
    """The answer of a server, or the reason why there is none."""

    kind: str  # answered, or the cause; see the kinds of go_proxy_info
    found: str  # the same in words, without passwords
    status: int | None = None
    body: str = ""
    media_type: str = ""


class Credentials(t.NamedTuple):
    """What a netrc file has for a host."""

    header: str | None  # value of the header Authorization
    path: str  # of the netrc file
    found: bool  # whether the file has the host


class Client(t.NamedTuple):
    """The settings with which requests are sent."""

    timeout: float  # seconds for each step
    environment: t.Mapping[str, str]  # names proxies and certificate authorities
    netrc: str  # path

    def credentials(self, host: str) -> Credentials:
        """The user and the password that netrc has for a host, as the value of a header."""
        try:
            login = netrc.netrc(self.netrc).authenticators(host)
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
            login = None
        if login is None:
            return Credentials(None, self.netrc, False)
        return Credentials(_basic(login[0], login[2] or ""), self.netrc, True)


def ask(url: str, *, client: Client) -> Answer:
    """GET a URL, and follow a limited number of redirects. Each step has a timeout."""
    at = url
    for dummy in range(_MAX_REDIRECTS):
        parts = urllib.parse.urlsplit(at)
        if parts.scheme == "file":
            return _read_file(parts.path)
        answer, location = _ask_once(parts, client=client)
        if location is None:
            return answer
        at = urllib.parse.urljoin(at, location)
        if urllib.parse.urlsplit(at).scheme not in ("http", "https"):
            break
    return Answer("redirects", f"too many redirects, the last one to {_host_of(at)}")


def _read_file(path: str) -> Answer:
    path = urllib.parse.unquote(path)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return Answer("answered", path, 200, file.read(_MAX_BODY))
    except FileNotFoundError:
        return Answer("not_found", f"no file {path}")
    except OSError as error:
        return Answer("file", str(error))


class _FailedError(Exception):
    """A step failed before there was an answer. It carries the Answer that says so."""

    def __init__(self, kind: str, found: str, status: int | None = None) -> None:
        super().__init__(found)
        self.answer = Answer(kind, found, status)


def _ask_once(parts: urllib.parse.SplitResult, *, client: Client) -> tuple[Answer, str | None]:
    """Send one request, and return the answer and the location that it redirects to."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        proxy = proxy_for(client.environment, scheme=parts.scheme, host=host, port=port)
    except SettingError as error:
        return Answer("proxy_address", f"{error} (the HTTP proxy for {host})"), None
    except UnsupportedProxyError as error:
        return Answer("proxy_unspoken", f"the proxy for {host} uses {error}"), None
    peer = f"{host}:{port}" if proxy is None else f"the HTTP proxy for {host}"
    connection = http.client.HTTPConnection(host, port, timeout=client.timeout)
    try:
        target = (host, port) if proxy is None else proxy[:2]
        addresses = _resolve(*target, timeout=client.timeout)
        plain = _connect(addresses, name=f"{target[0]}:{target[1]}", client=client)
        connection.sock = plain
        if parts.scheme == "https":
            if proxy is not None:
                _tunnel(connection, host, port, proxy=proxy)
            connection.sock = _authorities(client).wrap_socket(plain, server_hostname=host)
        return _request(connection, parts, client=client, proxy=proxy)
    except _FailedError as error:
        through = f" ({peer})" if proxy is not None and error.answer.status is None else ""
        answer = error.answer._replace(found=error.answer.found + through)
    except ssl.SSLCertVerificationError as error:
        answer = _certificate(error, host=f"{host}:{port}")
    except ssl.SSLError as error:
        answer = Answer("tls", f"{host}:{port} and this host do not agree on TLS: {error.reason or error}")
    except socket.timeout:
        answer = Answer(
            "timeout", f"{peer} accepted the connection and sent nothing for {client.timeout:g} seconds"
        )
    except (OSError, http.client.HTTPException) as error:
        answer = Answer("broken", f"{peer} closed the connection: {type(error).__name__} {error}".rstrip())
    finally:
        connection.close()
    return answer, None


def _authorities(client: Client) -> ssl.SSLContext:
    """The certificate authorities of the host, and those of SSL_CERT_FILE in the client's environment."""
    context = ssl.create_default_context()
    named = client.environment.get("SSL_CERT_FILE")
    if named:
        # The go command ignores a file that it cannot read, too. An ssl.SSLError is an OSError.
        with contextlib.suppress(OSError):
            context.load_verify_locations(named)
    return context


def _resolve(host: str, port: int, *, timeout: float) -> list[t.Any]:
    """The addresses of a name. A thread keeps to the timeout, because the resolver's own may be longer."""
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
    reason = str(failed[0].strerror or failed[0]) if failed else f"no answer within {timeout:g} seconds"
    raise _FailedError("dns", f"the name {host} has no address here: {reason}")


def _connect(addresses: list[t.Any], *, name: str, client: Client) -> socket.socket:
    errors: list[OSError] = []
    for family, kind, protocol, dummy, address in addresses[:4]:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(client.timeout)
        try:
            connection.connect(address)
            return connection
        except OSError as error:
            connection.close()
            errors.append(error)
    if any(isinstance(error, ConnectionRefusedError) for error in errors):
        raise _FailedError("refused", f"{name} refuses the connection")
    if any(isinstance(error, socket.timeout) for error in errors):
        raise _FailedError("timeout", f"{name} does not answer within {client.timeout:g} seconds")
    raise _FailedError("unreachable", f"no route to {name}: {errors[0].strerror or errors[0]}")


def _tunnel(connection: http.client.HTTPConnection, host: str, port: int, *, proxy: Proxy) -> None:
    """Have an HTTP proxy connect to the server."""
    header = f"Proxy-Authorization: {_basic(*proxy.userinfo)}\r\n" if proxy.userinfo else ""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    connection.sock.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{header}\r\n".encode())
    response = http.client.HTTPResponse(connection.sock, method="CONNECT")
    response.begin()
    if response.status == http.client.OK:
        return
    kind = "proxy_login" if response.status == 407 else "proxy_refused"
    found = f"the HTTP proxy answers {response.status} {response.reason} to CONNECT {host}:{port}"
    raise _FailedError(kind, found, response.status)


def _request(
    connection: http.client.HTTPConnection,
    parts: urllib.parse.SplitResult,
    *,
    client: Client,
    proxy: Proxy | None,
) -> tuple[Answer, str | None]:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"User-Agent": "gofleet.hosts", "Connection": "close"}
    # Like the go command, use netrc only for https.
    known = (
        client.credentials(parts.hostname or "") if parts.scheme == "https" else Credentials(None, "", False)
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
    body = response.read(_MAX_BODY).decode("utf-8", "replace")
    kind = _STATUSES.get(response.status, "answered" if response.status == 200 else "status")
    found = f"{_host_of(urllib.parse.urlunsplit(parts))} answers {response.status} {response.reason}"
    if kind == "login":
        found += " to a user and password" if authorization else " to a request without user and password"
        found += f" (from {known.path})" if known.found else ""
    return Answer(kind, found, response.status, body, response.getheader("Content-Type") or ""), None


def _certificate(error: ssl.SSLCertVerificationError, *, host: str) -> Answer:
    kind = _CERTIFICATE.get(error.verify_code, "tls_certificate")
    found = f"the certificate of {host} is not valid: {error.verify_message}"
    if kind in ("tls_expired", "tls_not_yet_valid"):
        now = datetime.datetime.now(datetime.timezone.utc)
        found += f"; the clock of this host is at {now:%Y-%m-%d %H:%M} UTC"
    return Answer(kind, found)


def _userinfo(parts: urllib.parse.SplitResult) -> str | None:
    if parts.username is None:
        return None
    return _basic(urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or ""))


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _host_of(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc.rpartition("@")[2]
