# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Parse the sockets that systemd owns for a service, and the port that it binds itself."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._errors import HostError

__all__ = ["SPECIFIER", "Listener", "parse_listeners", "refuse_conflicts"]

# The name of an instance, as in unit files (systemd.unit(5), specifiers).
SPECIFIER = "%i"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_FD_NAME = re.compile(r"[!-9;-~]{1,255}")  # as FileDescriptorName= allows: no blank, no colon
_MODE = re.compile(r"0[0-7]{3}")
_WITH_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9.]+):([0-9]+)")
_LAST_PORT = 65535
_LONGEST_PATH = 107  # bytes of sun_path without the terminating zero
_ANYWHERE = ("", "0.0.0.0", "[::]")
# The kernel reduces it to net.core.somaxconn. The default of systemd is 4096.
_BACKLOG = 65535


class Listener(t.NamedTuple):
    """One address that a service listens on.

    Either ``path`` or ``port`` is set.

    name: of the socket, or an empty string for the main port
    unit: the socket unit that owns it, or an empty string where the service binds it
    """

    name: str
    unit: str
    fd_name: str
    address: str
    port: int
    path: str
    datagram: bool
    mode: str
    owner: str
    group: str
    backlog: int

    @property
    def listen(self) -> str:
        """The address in systemd's format, which is a path, a port, or address:port."""
        return self.path or (f"{self.address}:{self.port}" if self.address else str(self.port))

    def url(self, path: str) -> str:
        """Return the URL of an HTTP path as seen on the host.

        For a Unix socket, its host is only a header.
        """
        if self.path:
            return f"http://localhost{path}"
        host = "127.0.0.1" if self.address in _ANYWHERE else self.address
        return f"http://{host}:{self.port}{path}"


def parse_listeners(
    item: t.Mapping[str, t.Any], *, port: int, instance: str, by_systemd: bool
) -> list[Listener]:
    """Return the main port and then ``sockets`` in their order.

    :param port: the main port of this instance, or 0
    :param instance: its name, or an empty string for a service without instances
    :param by_systemd: whether systemd owns the main port
    :raises HostError: an invalid address, name or mode
    """
    name = str(item["name"])
    at = f"@{instance}" if instance else ""
    listeners = []
    if port:
        _refuse_port(port, service=name)
        listeners.append(
            Listener(
                name="",
                unit=f"{name}{at}.socket" if by_systemd else "",
                fd_name=name,
                address=item.get("address") or "",
                port=port,
                path="",
                datagram=False,
                mode="",
                owner="",
                group="",
                backlog=_BACKLOG,
            )
        )
    return listeners + [
        _named(socket, service=name, instance=instance, at=at) for socket in item.get("sockets") or []
    ]


def _named(socket: t.Mapping[str, t.Any], *, service: str, instance: str, at: str) -> Listener:
    name = str(socket["name"])
    subject = f"socket {name} of service {service}"
    fd_name = str(socket.get("fd_name") or name)
    mode = str(socket.get("mode") or "0660")
    if not _NAME.fullmatch(name):
        raise HostError(
            subject,
            wanted="a name of at most 32 lower-case letters, digits, - and _ that starts with a letter",
            found=repr(name),
            remedy="Rename it. The name is part of the unit name.",
        )
    if not _FD_NAME.fullmatch(fd_name):
        raise HostError(
            subject,
            wanted="fd_name without blanks and colons",
            found=repr(fd_name),
            remedy="Rename it. LISTEN_FDNAMES separates the names of descriptors by colons.",
        )
    if not _MODE.fullmatch(mode):
        raise HostError(
            subject,
            wanted='a mode of four octal digits in quotes, such as "0660"',
            found=mode,
            remedy="Correct `mode`.",
        )
    address, port, path = _address(str(socket["listen"]), instance=instance, subject=subject)
    return Listener(
        name=name,
        unit=f"{service}-{name}{at}.socket",
        fd_name=fd_name,
        address=address,
        port=port,
        path=path,
        datagram=socket.get("type") == "datagram",
        mode=mode,
        owner=socket.get("owner") or "root",
        group=socket.get("group") or "root",
        backlog=int(socket.get("backlog") or _BACKLOG),
    )


def _address(text: str, *, instance: str, subject: str) -> tuple[str, int, str]:
    """Return the host, port and path of ``listen``.

    Either the first two or the last are empty.
    """
    if instance and SPECIFIER not in text:
        raise HostError(
            subject,
            wanted=f"a different address for each instance, with {SPECIFIER} in it",
            found=repr(text),
            remedy=f"Use an address such as /run/app/{SPECIFIER}.sock, or set a port for each instance.",
        )
    listen = text.replace(SPECIFIER, instance) if instance else text
    if listen.startswith("/"):
        _refuse_path(listen, subject=subject)
        return "", 0, listen
    match = _WITH_HOST.fullmatch(listen)
    host, digits = match.groups() if match else ("", listen)
    if not digits.isdecimal() or not 0 < int(digits) <= _LAST_PORT:
        raise HostError(
            subject,
            wanted=f"a port from 1 to {_LAST_PORT}, address:port, [IPv6 address]:port, or the path of a Unix socket",
            found=repr(listen),
            remedy="Correct `listen`.",
        )
    return host, int(digits), ""


def _refuse_path(path: str, *, subject: str) -> None:
    parts = path.split("/")[1:]
    if (
        len(path.encode()) > _LONGEST_PATH
        or any(part in ("", ".", "..") for part in parts)
        or not path.isprintable()
    ):
        raise HostError(
            subject,
            wanted=f"the normalized absolute path of a Unix socket of at most {_LONGEST_PATH} bytes",
            found=repr(path),
            remedy="Choose another path, such as /run/app/app.sock.",
        )


def _refuse_port(port: int, *, service: str) -> None:
    if not 0 < port <= _LAST_PORT:
        raise HostError(
            f"service {service}",
            wanted=f"a TCP port from 1 to {_LAST_PORT}",
            found=str(port),
            remedy="Correct `port`, or omit it for a service without a port.",
        )


def refuse_conflicts(listeners: t.Iterable[tuple[str, Listener]]) -> None:
    """Check that listeners do not conflict.

    :param listeners: each with the name of its service
    :raises HostError: two listeners with the same address, or two socket units with the same name
    """
    seen: list[tuple[str, Listener]] = []
    for service, listener in listeners:
        for holder, other in seen:
            if _overlap(listener, other):
                address = listener.path or f"port {listener.port}"
                raise HostError(
                    f"service {service}",
                    wanted=f"{address} for only one service",
                    found=f"service {holder} of the same host with {address}",
                    remedy="Choose another address for one of the two.",
                )
            if listener.unit and listener.unit == other.unit:
                raise HostError(
                    f"service {service}",
                    wanted=f"the unit {listener.unit} for only one service",
                    found=f"service {holder} with a unit of that name",
                    remedy="Rename a service or a socket.",
                )
        seen.append((service, listener))


def _overlap(one: Listener, other: Listener) -> bool:
    if one.path or other.path:
        return one.path == other.path
    same = (one.port, one.datagram) == (other.port, other.datagram)
    return same and (one.address == other.address or one.address in _ANYWHERE or other.address in _ANYWHERE)
