# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Write the systemd units of a service."""

from __future__ import annotations

import typing as t

from .credentials import credential_lines
from .dependencies import dependency_lines
from .instances import Instance
from .lifecycle import Timer, lifecycle_lines
from .limits import go_limits, limit_lines
from .listeners import Listener
from .program import Program
from .sandbox import Sandbox, openings, sandbox_lines
from .service import Service
from .syntax import command, plain, setting, text

__all__ = ["ProgramPath", "service_unit", "socket_unit", "timer_unit", "unit_description"]

# The directory in which the go command runs compiled programs. It does not create it.
_SCRATCH = "scratch"


class ProgramPath(t.NamedTuple):
    """The path of a program on the host.

    release: the directory of the current release, or an empty string for an installed program
    """

    executable: str
    release: str

    def resolve(self, path: str) -> str:
        """Return the absolute path of a file.

        A relative path starts at the release.
        """
        return path if path.startswith("/") else f"{self.release}/{path}"


def unit_description(service: Service) -> str:
    """Return the description of the unit, which lists what the sandbox opens."""
    opened = openings(service.sandbox)
    return text(f"{service.description} (opens: {', '.join(opened)})" if opened else service.description)


def service_unit(
    service: Service,
    instance: Instance,
    *,
    place: ProgramPath,
    program: Program,
    units_of: t.Callable[[str], t.Sequence[str]],
) -> str:
    """Return the text of a service unit.

    :param program: the build that runs
    :param units_of: returns the service units of a service of the list, and any other name as it is
    """
    sockets = [listener.unit for listener in instance.sockets]
    order = dependency_lines(service.dependencies, sockets=sockets, units_of=units_of)
    sections = [
        "\n".join(["[Unit]", f"Description={unit_description(service)}", *order]) + "\n",
        "\n".join(_service_section(service, instance, place=place, program=program)) + "\n",
    ]
    if not service.lifecycle.timer:
        sections.append("[Install]\nWantedBy=multi-user.target\n")
    return "\n".join(sections)


def _service_section(
    service: Service, instance: Instance, *, place: ProgramPath, program: Program
) -> list[str]:
    def hook(words: t.Sequence[str]) -> str:
        return command([place.resolve(words[0]), *words[1:]])

    environment = _environment(service, instance, program=program)
    return [
        "[Service]",
        f"Type={'oneshot' if service.lifecycle.timer else 'notify' if service.lifecycle.notify else 'exec'}",
        f"ExecStart={command([place.executable, *instance.arguments])}",
        *lifecycle_lines(service.lifecycle, command=hook),
        *[f"Environment={setting(f'{key}={value}')}" for key, value in sorted(environment.items())],
        *[f"EnvironmentFile={setting(place.resolve(path))}" for path in service.environment_files],
        *credential_lines(service.credentials, service=service.name),
        "DynamicUser=yes",
        *_directories(service, instance, place=place),
        f"SyslogIdentifier={service.name}",
        # systemd ignores it where the kernel has no AppArmor. Else the service does not start without the profile.
        f"AppArmorProfile={service.profile}",
        "KillMode=mixed",
        *limit_lines(service.limits),
        f"LimitCORE={'infinity' if service.lifecycle.core_dumps else '0'}",
        "",
        "# Sandbox",
        *sandbox_lines(service.sandbox),
    ]


def _directories(service: Service, instance: Instance, *, place: ProgramPath) -> list[str]:
    lines = [f"StateDirectory={instance.directory}", "StateDirectoryMode=0700"]
    if service.sandbox.builder:
        lines += [
            f"CacheDirectory={instance.directory} {instance.directory}/{_SCRATCH}",
            "CacheDirectoryMode=0700",
        ]
    if service.lifecycle.logs:
        lines += [f"LogsDirectory={instance.directory}", "LogsDirectoryMode=0700"]
    if service.config_files:
        lines.append(f"WorkingDirectory={setting(place.release)}")
    elif service.lifecycle.core_dumps:
        # Where kernel.core_pattern is a plain name, the kernel writes into this directory.
        lines.append(f"WorkingDirectory=/var/log/{instance.directory}")
    return lines


def _environment(service: Service, instance: Instance, *, program: Program) -> dict[str, str]:
    """Return the environment.

    Values of the user override those derived from limits and sandbox.
    """
    environment = go_limits(service.limits, program)
    if service.lifecycle.core_dumps:
        environment["GOTRACEBACK"] = "crash"
    if service.sandbox.builder:
        environment.update(_builder_environment(service.sandbox, cache=f"/var/cache/{instance.directory}"))
    return {**environment, **instance.environment}


def _builder_environment(sandbox: Sandbox, *, cache: str) -> dict[str, str]:
    """Return the environment of the go command.

    It writes only to the cache directory.
    """
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


def socket_unit(service: Service, instance: Instance, listener: Listener) -> str:
    """Return the text of a socket unit.

    It owns the address, so that a restart of the service does not close it.
    """
    what = f"socket {listener.name}" if listener.name else "socket"
    lines = [
        "[Unit]",
        f"Description={text(service.description)} ({what})",
        "",
        "[Socket]",
        f"Listen{'Datagram' if listener.datagram else 'Stream'}={setting(listener.listen)}",
        f"FileDescriptorName={setting(listener.fd_name)}",
        f"Service={instance.unit}",
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


def timer_unit(service: Service, instance: Instance, timer: Timer) -> str:
    """Return the text of a timer unit."""
    lines = ["[Unit]", f"Description={text(service.description)} (timer)", "", "[Timer]"]
    lines += [f"OnCalendar={plain(time)}" for time in timer.on_calendar]
    if timer.on_boot:
        lines.append(f"OnBootSec={plain(timer.on_boot)}")
    if timer.every:
        # OnActiveSec= starts the first run: a service that never ran has no last run to count from.
        lines += [f"OnActiveSec={plain(timer.every)}", f"OnUnitActiveSec={plain(timer.every)}"]
    if timer.random_delay:
        lines.append(f"RandomizedDelaySec={plain(timer.random_delay)}")
    if timer.on_calendar:
        lines.append(f"Persistent={'yes' if timer.persistent else 'no'}")
    # By default systemd delays a start by up to a minute.
    lines += ["AccuracySec=1s", f"Unit={instance.unit}", "", "[Install]", "WantedBy=timers.target"]
    return "\n".join(lines) + "\n"
