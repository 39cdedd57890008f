# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse the option ``units`` and refuse entries that no host can satisfy."""

from __future__ import annotations

import os
import typing as t

from .._errors import HostError
from .._health import HealthCheck, parse_health
from .._systemd.text import is_drop_in, is_template, kind, settings, wrong_name

__all__ = ["MARKER", "Release", "Unit", "mark", "parse_units", "unit_spec"]

MARKER = "# Managed by gofleet.hosts.systemd_units; edits here are lost."


class Release(t.NamedTuple):
    """The version that must be ``current`` in the release store at ``path``."""

    path: str
    version: str


class Unit(t.NamedTuple):
    """A unit or drop-in, as an entry of the option ``units`` describes it.

    text: the file with our marker line; None where no file is written
    optional: settings that systemd may ignore when it does not know them
    """

    name: str
    text: str | None
    state: str | None
    enabled: bool | None
    adopt: bool
    release: Release | None
    health: HealthCheck | None
    exposure_max: float | None
    set: str | None
    optional: frozenset[str]

    @property
    def absent(self) -> bool:
        return self.state == "absent"

    @property
    def has_file(self) -> bool:
        """Whether this run writes or removes the file in our directory."""
        return self.text is not None or self.absent

    @property
    def runs(self) -> bool:
        """Whether systemd can start it, which is not so for a drop-in or template."""
        return not is_drop_in(self.name) and not is_template(self.name)

    @property
    def may_run(self) -> bool:
        """Whether it may run after this run."""
        return self.runs and self.state not in ("stopped", "absent")


def mark(owner: str | None) -> str:
    """Return the marker line.

    It is the first line of a file of ours, and names the set that the file belongs to.
    """
    return f"{MARKER} Set: {owner}" if owner else MARKER


def unit_spec() -> dict[str, t.Any]:
    """Return the argument spec of one entry of ``units``."""
    release = {"path": {"type": "path", "required": True}, "version": {"type": "str", "required": True}}
    health = {
        "url": {"type": "str", "required": True},
        "unix_socket": {"type": "path"},
        "status": {"type": "int", "default": 200},
        "timeout": {"type": "float", "default": 30},
        "warm_up": {"type": "list", "elements": "str", "default": []},
    }
    return {
        "name": {"type": "str", "required": True},
        "content": {"type": "str"},
        "state": {"type": "str", "choices": ["started", "stopped", "absent"]},
        "enabled": {"type": "bool"},
        "adopt": {"type": "bool", "default": False},
        "release": {"type": "dict", "options": release},
        "health": {"type": "dict", "options": health},
        "exposure_max": {"type": "float"},
        "set": {"type": "str"},
        "optional": {"type": "list", "elements": "str", "default": []},
    }


def parse_units(entries: t.Sequence[t.Mapping[str, t.Any]]) -> list[Unit]:
    """Return the units that the user described.

    :param entries: the option ``units``
    :raises HostError: an entry that no host can satisfy
    """
    units = [_parse_unit(entry) for entry in entries]
    names = [unit.name for unit in units]
    versions: dict[str, str] = {}
    for unit in units:
        if names.count(unit.name) > 1:
            raise HostError(
                unit.name,
                wanted="one entry for each unit",
                found="two entries with this name",
                remedy="Remove one of them.",
            )
        if (
            unit.release
            and versions.setdefault(unit.release.path, unit.release.version) != unit.release.version
        ):
            raise HostError(
                unit.release.path,
                wanted="one current version",
                found=f"{versions[unit.release.path]} and {unit.release.version}",
                remedy="Set the same version for every service of this release store.",
            )
        _refuse_impossible(unit)
    return units


def _parse_unit(entry: t.Mapping[str, t.Any]) -> Unit:
    name, content, state = entry["name"], entry.get("content"), entry.get("state")
    found = wrong_name(name)
    if found:
        raise HostError(
            repr(name),
            wanted="the name of a unit (hello.service) or of a drop-in (hello.service.d/10-limits.conf)",
            found=found,
            remedy="Correct the name.",
        )
    release = entry.get("release")
    owner = entry.get("set") or None
    return Unit(
        name=name,
        text=None
        if content is None or state == "absent"
        else mark(owner) + "\n" + content.rstrip("\n") + "\n",
        state=state,
        enabled=False if state == "absent" and not is_drop_in(name) else entry.get("enabled"),
        adopt=bool(entry.get("adopt")),
        release=Release(os.path.normpath(release["path"]), release["version"]) if release else None,
        health=parse_health(entry["health"]) if entry.get("health") else None,
        exposure_max=entry.get("exposure_max"),
        set=owner,
        optional=frozenset(entry.get("optional") or []),
    )


def _refuse_impossible(unit: Unit) -> None:
    found = remedy = ""
    if is_drop_in(unit.name) and unit.text is None and not unit.absent:
        found, remedy = "a drop-in without `content`", "Set `content`, or `state: absent`."
    elif not unit.runs and (unit.state in ("started", "stopped") or unit.enabled):
        found = "`state` or `enabled` on a drop-in or template, which cannot run by itself"
        remedy = "Set them on the unit, or on an instance of the template."
    elif (unit.release or unit.health or unit.exposure_max is not None) and kind(unit.name) != "service":
        found = "`release`, `health` or `exposure_max` on a unit that is not a service"
        remedy = "Set them on the service."
    elif unit.exposure_max is not None and not unit.runs:
        found = "`exposure_max` on a drop-in or template, whose exposure systemd cannot compute"
        remedy = "Set it on the service, or on an instance of the template."
    elif unit.enabled and unit.text is not None and not _installable(unit.text):
        found = "`enabled: true` without WantedBy=, RequiredBy=, UpheldBy=, Alias= or Also= in [Install]"
        remedy = "Add an [Install] section, or omit `enabled`."
    elif unit.state == "started" and unit.text is not None and _ends_at_once(unit.text):
        found = "`state: started` with Type=oneshot without RemainAfterExit=yes, which never stays active"
        remedy = "Add RemainAfterExit=yes, or start the service with a timer."
    if found:
        raise HostError(unit.name, wanted="an entry that a host can satisfy", found=found, remedy=remedy)


def _installable(text: str) -> bool:
    return any(
        settings(text, "Install", key) for key in ("WantedBy", "RequiredBy", "UpheldBy", "Alias", "Also")
    )


def _ends_at_once(text: str) -> bool:
    oneshot = settings(text, "Service", "Type")[-1:] == ["oneshot"]
    remains = settings(text, "Service", "RemainAfterExit")[-1:]
    return oneshot and remains not in (["yes"], ["true"], ["1"], ["on"])
