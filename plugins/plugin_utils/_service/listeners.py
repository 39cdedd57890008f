# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""What a service listens on: sockets that systemd owns, and a port that the service binds by itself."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._errors import HostError

__all__ = ["INSTANCE", "Listener", "read_listeners", "refuse_taken"]

# Stands for the name of an instance, as in unit files of systemd.
INSTANCE = "%i"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_FD_NAME = re.compile(r"[!-9;-~]{1,255}")  # what FileDescriptorName= takes: no blank, no colon
_MODE = re.compile(r"0[0-7]{3}")
_WITH_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9.]+):([0-9]+)")
_LAST_PORT = 65535
_LONGEST_PATH = 107  # bytes of sun_path, less the closing zero
_ANYWHERE = ("", "0.0.0.0", "[::]")
# As long a queue as the kernel allows (net.core.somaxconn); systemd by itself asks for 4096.
_BACKLOG = 65535


class Listener(t.NamedTuple):
    """One address. ``unit``: the socket unit that owns it, "" where the service binds it; ``path`` or else ``port``."""

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
        """As systemd writes it: a path, a port, or address:port."""
        return self.path or (f"{self.address}:{self.port}" if self.address else str(self.port))

    def url(self, path: str) -> str:
        """Where the host itself asks for an HTTP path; over a Unix socket the host in it only fills a header."""
        if self.path:
            return f"http://localhost{path}"
        host = "127.0.0.1" if self.address in _ANYWHERE else self.address
        return f"http://{host}:{self.port}{path}"


def read_listeners(
    item: t.Mapping[str, t.Any], *, port: int, instance: str, by_systemd: bool
) -> list[Listener]:
    """The main port first, then ``sockets`` in their order.

    :param port: the main port of this instance, 0 for none
    :param instance: "" for a service that has none
    :param by_systemd: whether systemd owns the main port
    :raises HostError: an address, name or mode that is none
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
            wanted="a name of at most 32 lower-case letters, digits, - and _, a letter first",
            found=repr(name),
            remedy="Rename it: the socket unit carries this name.",
        )
    if not _FD_NAME.fullmatch(fd_name):
        raise HostError(
            subject,
            wanted="fd_name without blanks and colons",
            found=repr(fd_name),
            remedy="Rename it: the names of all descriptors stand in LISTEN_FDNAMES with colons between them.",
        )
    if not _MODE.fullmatch(mode):
        raise HostError(
            subject,
            wanted='a mode of four octal digits in quotes, such as "0660"',
            found=mode,
            remedy="Correct mode.",
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
    """Host, port and path of what ``listen`` says; the first two or the last are empty."""
    if instance and INSTANCE not in text:
        raise HostError(
            subject,
            wanted=f"an address of its own for each instance, with {INSTANCE} in it",
            found=repr(text),
            remedy=f"Write it like /run/app/{INSTANCE}.sock, or give each instance its port.",
        )
    listen = text.replace(INSTANCE, instance) if instance else text
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
            remedy="Correct listen.",
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
            wanted=f"the plain absolute path of a Unix socket, of at most {_LONGEST_PATH} bytes",
            found=repr(path),
            remedy="Choose a shorter or plainer path, such as /run/app/app.sock.",
        )


def _refuse_port(port: int, *, service: str) -> None:
    if not 0 < port <= _LAST_PORT:
        raise HostError(
            f"service {service}",
            wanted=f"a TCP port from 1 to {_LAST_PORT}",
            found=str(port),
            remedy="Correct port, or leave it out for a service that listens on nothing.",
        )


def refuse_taken(listeners: t.Iterable[tuple[str, Listener]]) -> None:
    """
    :param listeners: each with the name of its service
    :raises HostError: two on one address, or two socket units of one name
    """
    seen: list[tuple[str, Listener]] = []
    for service, listener in listeners:
        for holder, other in seen:
            if _overlap(listener, other):
                where = listener.path or f"port {listener.port}"
                raise HostError(
                    f"service {service}",
                    wanted=f"{where} for itself",
                    found=f"service {holder} of the same host on it",
                    remedy="Give one of the two another address.",
                )
            if listener.unit and listener.unit == other.unit:
                raise HostError(
                    f"service {service}",
                    wanted=f"a unit {listener.unit} of its own",
                    found=f"one of that name for service {holder}",
                    remedy="Rename a service or a socket.",
                )
        seen.append((service, listener))


def _overlap(one: Listener, other: Listener) -> bool:
    if one.path or other.path:
        return one.path == other.path
    same = (one.port, one.datagram) == (other.port, other.datagram)
    return same and (one.address == other.address or one.address in _ANYWHERE or other.address in _ANYWHERE)
