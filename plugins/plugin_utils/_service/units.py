# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Write the systemd units of a service."""

from __future__ import annotations

import typing as t

from .credentials import credential_lines
from .dependencies import order_lines
from .instances import Member
from .lifecycle import Timer, life_lines
from .limits import go_limits, limit_lines
from .listeners import Listener
from .program import Program
from .sandbox import Sandbox, openings, sandbox_lines
from .service import Service
from .syntax import command, plain, setting, text

__all__ = ["Place", "described", "service_unit", "socket_unit", "timer_unit"]

# Where Go runs what it has compiled; it does not make this directory itself.
_SCRATCH = "scratch"


class Place(t.NamedTuple):
    """Where a program is on the host. ``release``: the directory of the version in use, "" where we ship nothing."""

    executable: str
    release: str

    def inside(self, path: str) -> str:
        """A path as users give it: absolute, or one in the release."""
        return path if path.startswith("/") else f"{self.release}/{path}"


def described(service: Service) -> str:
    """The description of the unit: whoever looks at the service sees what its sandbox leaves open."""
    opened = openings(service.sandbox)
    return text(f"{service.description} (opens: {', '.join(opened)})" if opened else service.description)


def service_unit(
    service: Service,
    member: Member,
    *,
    place: Place,
    program: Program,
    units_of: t.Callable[[str], t.Sequence[str]],
) -> str:
    """
    :param program: what is known of the build that runs
    :param units_of: the service units behind the name of a service or unit
    """
    sockets = [listener.unit for listener in member.sockets]
    order = order_lines(service.order, sockets=sockets, units_of=units_of)
    sections = [
        "\n".join(["[Unit]", f"Description={described(service)}", *order]) + "\n",
        "\n".join(_service_section(service, member, place=place, program=program)) + "\n",
    ]
    if not service.life.timer:
        sections.append("[Install]\nWantedBy=multi-user.target\n")
    return "\n".join(sections)


def _service_section(service: Service, member: Member, *, place: Place, program: Program) -> list[str]:
    def hook(words: t.Sequence[str]) -> str:
        return command([place.inside(words[0]), *words[1:]])

    environment = _environment(service, member, program=program)
    return [
        "[Service]",
        f"Type={'oneshot' if service.life.timer else 'notify' if service.life.notify else 'exec'}",
        f"ExecStart={command([place.executable, *member.arguments])}",
        *life_lines(service.life, command=hook),
        *[f"Environment={setting(f'{key}={value}')}" for key, value in sorted(environment.items())],
        *[f"EnvironmentFile={setting(place.inside(path))}" for path in service.environment_files],
        *credential_lines(service.credentials, service=service.name),
        "DynamicUser=yes",
        *_folders(service, member, place=place),
        f"SyslogIdentifier={service.name}",
        # Ignored by systemd where the kernel has no AppArmor; where it has, no profile means no start.
        f"AppArmorProfile={service.profile}",
        "KillMode=mixed",
        *limit_lines(service.limits),
        f"LimitCORE={'infinity' if service.life.core_dumps else '0'}",
        "",
        "# Sandbox",
        *sandbox_lines(service.sandbox),
    ]


def _folders(service: Service, member: Member, *, place: Place) -> list[str]:
    lines = [f"StateDirectory={member.folder}", "StateDirectoryMode=0700"]
    if service.sandbox.builder:
        lines += [f"CacheDirectory={member.folder} {member.folder}/{_SCRATCH}", "CacheDirectoryMode=0700"]
    if service.life.logs:
        lines += [f"LogsDirectory={member.folder}", "LogsDirectoryMode=0700"]
    if service.config_files:
        lines.append(f"WorkingDirectory={setting(place.release)}")
    elif service.life.core_dumps:
        # Where kernel.core_pattern is a plain name, the kernel writes into this directory.
        lines.append(f"WorkingDirectory=/var/log/{member.folder}")
    return lines


def _environment(service: Service, member: Member, *, program: Program) -> dict[str, str]:
    """What a user says goes before what follows from limits and sandbox."""
    environment = go_limits(service.limits, program)
    if service.life.core_dumps:
        environment["GOTRACEBACK"] = "crash"
    if service.sandbox.builder:
        environment.update(_builder_environment(service.sandbox, cache=f"/var/cache/{member.folder}"))
    return {**environment, **member.environment}


def _builder_environment(sandbox: Sandbox, *, cache: str) -> dict[str, str]:
    """All that Go writes lies in the cache directory; nothing else of the host is writable."""
    environment = {
        "GOCACHE": f"{cache}/build",
        "GOMODCACHE": f"{cache}/mod",
        "GOPATH": f"{cache}/go",
        "GOTMPDIR": f"{cache}/{_SCRATCH}",
        "GOTOOLCHAIN": "local",
        "HOME": cache,
        "PATH": f"{sandbox.go_root}/bin:/usr/local/bin:/usr/bin:/bin",
    }
    return environment if sandbox.network else {**environment, "GOPROXY": "off"}


def socket_unit(service: Service, member: Member, listener: Listener) -> str:
    """The unit that owns an address, so that a new build never closes it."""
    what = f"socket {listener.name}" if listener.name else "socket"
    lines = [
        "[Unit]",
        f"Description={text(service.description)} ({what})",
        "",
        "[Socket]",
        f"Listen{'Datagram' if listener.datagram else 'Stream'}={setting(listener.listen)}",
        f"FileDescriptorName={setting(listener.fd_name)}",
        f"Service={member.unit}",
        *_kind_lines(listener),
        "",
        "[Install]",
        "WantedBy=sockets.target",
    ]
    return "\n".join(lines) + "\n"


def _kind_lines(listener: Listener) -> list[str]:
    lines = []
    if not listener.datagram:
        lines += [
            f"Backlog={listener.backlog}",
            "# Keeps what clients have sent while no process is there to accept it.",
            "FlushPending=no",
        ]
    if listener.path:
        lines += [
            f"SocketMode={listener.mode}",
            f"SocketUser={setting(listener.owner)}",
            f"SocketGroup={setting(listener.group)}",
            "RemoveOnStop=yes",
        ]
    elif not listener.datagram:
        lines.append("NoDelay=yes")
    return lines


def timer_unit(service: Service, member: Member, timer: Timer) -> str:
    """The unit that says when a service which runs to its end is started."""
    lines = ["[Unit]", f"Description={text(service.description)} (timer)", "", "[Timer]"]
    lines += [f"OnCalendar={plain(time)}" for time in timer.on_calendar]
    if timer.on_boot:
        lines.append(f"OnBootSec={plain(timer.on_boot)}")
    if timer.every:
        # Counted from the start of the timer too: a service that never ran has no last run to count from.
        lines += [f"OnActiveSec={plain(timer.every)}", f"OnUnitActiveSec={plain(timer.every)}"]
    if timer.random_delay:
        lines.append(f"RandomizedDelaySec={plain(timer.random_delay)}")
    if timer.on_calendar:
        lines.append(f"Persistent={'yes' if timer.persistent else 'no'}")
    # By itself systemd puts a start off by up to a minute, to wake up less often.
    lines += ["AccuracySec=1s", f"Unit={member.unit}", "", "[Install]", "WantedBy=timers.target"]
    return "\n".join(lines) + "\n"
