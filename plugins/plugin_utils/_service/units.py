# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""The service unit of one process: a program in its sandbox, within its limits."""

from __future__ import annotations

import typing as t

from .credentials import credential_lines
from .dependencies import order_lines
from .instances import Member
from .lifecycle import life_lines
from .limits import go_limits, limit_lines
from .program import Program
from .sandbox import Sandbox, openings, sandbox_lines
from .service import Service
from .syntax import command, setting, text

__all__ = ["Place", "described", "service_unit"]

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
