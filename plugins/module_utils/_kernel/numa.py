# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Read the NUMA nodes with their memory and processors."""

from __future__ import annotations

import os
import re
import typing as t

from .._probe.answer import Probe, no, unknown, yes
from .._probe.files import read, read_sysctl
from .._probe.host import Facts, Host

__all__ = ["have_numa", "parse_cpu_list", "parse_meminfo", "probe_numa"]

_NODES = "sys/devices/system/node"


def parse_cpu_list(text: str) -> list[int]:
    """Parse the numbers of a list such as 0-3,8. Return an empty list where it is not valid."""
    numbers: list[int] = []
    for part in filter(None, text.strip().split(",")):
        match = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", part)
        if match is None:
            return []
        numbers += range(int(match.group(1)), int(match.group(2) or match.group(1)) + 1)
    return numbers


def parse_meminfo(text: str) -> dict[str, int]:
    """Parse /proc/meminfo or the meminfo of a node. Return bytes by name."""
    sizes = {}
    for line in text.splitlines():
        match = re.fullmatch(r"(?:Node \d+ )?(\S+):\s+(\d+) kB", line.strip())
        if match is not None:
            sizes[match.group(1)] = int(match.group(2)) * 1024
    return sizes


def have_numa(host: Host) -> Probe:
    """Probe the running kernel for more than one NUMA node (Linux 2.6).

    The Go runtime ignores NUMA nodes. Bind a service to one node, else its memory may be on a remote node.
    """
    found = read(host.root, f"{_NODES}/online")
    if found.text is None:
        if found.error:
            return unknown("kernel", f"/{_NODES}/online: {found.error}")
        return no("kernel", f"no /{_NODES}: built without CONFIG_NUMA, or sysfs is not mounted")
    nodes = parse_cpu_list(found.text)
    if not nodes:
        return unknown("kernel", f"/{_NODES}/online holds {found.text.strip()!r}")
    if len(nodes) == 1:
        return no("kernel", "all memory is on one node")
    return yes("kernel", f"{len(nodes)} nodes are online")


def probe_numa(host: Host) -> Facts:
    """Read the processors and the memory of each online node, and whether the kernel moves pages between nodes."""
    online = parse_cpu_list(read(host.root, f"{_NODES}/online").text or "")
    return Facts(
        values={
            "nodes": [_node(host.root, number) for number in online],
            # 0 off, 1 on, 2 memory tiering, null without CONFIG_NUMA_BALANCING
            "balancing": read_sysctl(host.root, "kernel.numa_balancing"),
            "zone_reclaim": read_sysctl(host.root, "vm.zone_reclaim_mode"),
        },
        capabilities={"numa": have_numa(host)},
    )


def _node(root: str, number: int) -> dict[str, t.Any]:
    directory = os.path.join(_NODES, f"node{number}")
    cpus = read(root, f"{directory}/cpulist").text
    memory = parse_meminfo(read(root, f"{directory}/meminfo").text or "")
    distance = (read(root, f"{directory}/distance").text or "").split()
    return {
        "node": number,
        "cpus": cpus.strip() if cpus is not None else None,
        "memory_bytes": memory.get("MemTotal"),
        "free_bytes": memory.get("MemFree"),
        "distance": [int(hops) for hops in distance if hops.isdigit()],
    }
