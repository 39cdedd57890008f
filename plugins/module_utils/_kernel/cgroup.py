# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Control groups: which hierarchy, and which controllers it has."""

from __future__ import annotations

import typing as t

from .._probe.answer import Probe, no, unknown, yes
from .._probe.files import read
from .._probe.host import Facts, Host
from .._probe.mounts import parse_mounts

__all__ = [
    "cgroup_mode",
    "have_cgroup_v2",
    "have_controller",
    "probe_cgroup",
    "unified_path",
    "unit_of",
]


def unified_path(text: str) -> str | None:
    """The group of a process in the unified hierarchy, by its /proc/PID/cgroup; None: it is in none."""
    return next((line[3:] for line in text.splitlines() if line.startswith("0::/")), None)


def unit_of(text: str) -> str:
    """The unit of a process by its /proc/PID/cgroup, or the path of its control group.

    systemd's own hierarchy where there is one (cgroup v1), else the unified one. Units are below slices; what is
    below another directory belongs to a manager of its own (a container), whose names mean nothing here.
    """
    groups = {}
    for line in text.splitlines():
        dummy, first, rest = line.partition(":")
        controllers, dummy, path = rest.partition(":")
        if first and path.startswith("/"):
            groups[controllers] = path
    path = groups.get("name=systemd", groups.get("", "/"))
    for part in path.strip("/").split("/"):
        name = part[1:] if part.startswith("_") else part
        if name.endswith((".service", ".scope", ".socket", ".mount", ".swap")):
            return name
        if not name.endswith(".slice"):
            break
    return path


def cgroup_mode(mounts: t.Sequence[tuple[t.Any, ...]]) -> str | None:
    """unified, hybrid or legacy, as systemd calls them; None where nothing is mounted."""
    unified = {point for point, kind, *dummy in mounts if kind == "cgroup2"}
    if "/sys/fs/cgroup" in unified:
        return "unified"
    legacy = any(kind == "cgroup" for point, kind, *dummy in mounts)
    if unified:
        return "hybrid" if legacy else "unified"
    return "legacy" if legacy else None


def have_cgroup_v2(host: Host) -> Probe:
    """Probe the running kernel for cgroup v2 with its controllers, which systemd's limits need.

    Commit 67e9c74b8a87 ("cgroup: replace __DEVEL__sane_behavior with cgroup2 fs type"), Linux 4.5.
    """
    found = read(host.root, "proc/self/mounts")
    if found.text is None:
        return unknown("kernel", f"/proc/self/mounts: {found.error or 'is not there'}")
    mode = cgroup_mode(parse_mounts(found.text))
    if mode == "unified":
        return yes("kernel", "cgroup2 is the hierarchy of this host")
    return no(
        "kernel",
        f"the hierarchy is {mode}: the controllers are with cgroup v1" if mode else "none is mounted",
    )


def have_controller(host: Host, name: str) -> Probe:
    """Probe the running kernel for a controller of cgroup v2, Linux 4.5 and for ``cpu`` 4.15."""
    found = read(host.root, "sys/fs/cgroup/cgroup.controllers")
    if found.text is None:
        reason = found.error or "there is none (no unified hierarchy is mounted there)"
        return unknown("kernel", f"/sys/fs/cgroup/cgroup.controllers: {reason}")
    if name in found.text.split():
        return yes("kernel", "in cgroup.controllers of the root")
    return no("kernel", f"not in cgroup.controllers of the root ({found.text.strip()})")


def probe_cgroup(host: Host) -> Facts:
    """The hierarchy, its controllers, and the group of this process."""
    mounts = read(host.root, "proc/self/mounts").text
    mode = cgroup_mode(parse_mounts(mounts)) if mounts is not None else None
    controllers = read(host.root, "sys/fs/cgroup/cgroup.controllers").text
    own = read(host.root, "proc/self/cgroup").text
    return Facts(
        values={
            "mode": mode,
            # of the hierarchy that has the controllers
            "version": {"unified": 2, "hybrid": 1, "legacy": 1}.get(mode or ""),
            "controllers": controllers.split() if controllers is not None else None,
            "self": own.splitlines() if own is not None else None,
        },
        capabilities={
            "cgroup_v2": have_cgroup_v2(host),
            **{
                f"cgroup_{name}": have_controller(host, name)
                for name in ("cpu", "cpuset", "io", "memory", "pids")
            },
        },
    )
