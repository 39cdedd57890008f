# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make a fleet of any size from the recorded results of real hosts, with the variety of real fleets.

The same seed makes the same fleet.
"""

from __future__ import annotations

import copy
import json
import pathlib
import random
import typing as t

RECORDED = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "fleet"
GROUPS = ["web", "api", "queue", "build", "edge"]
SERVICES = ["hello", "orders", "billing", "search", "gateway", "mailer", "ledger", "images"]
GO = [("go1.27.3", "yes"), ("go1.26.6", "yes"), ("go1.27.1", "yes"), ("go1.24.11", "no"), ("go1.22.10", "no")]
LAYERS = [
    ("sysctl", "EPERM: kernel.io_uring_disabled is 2"),
    ("seccomp", "EPERM under a seccomp filter, and no setting explains it"),
    ("apparmor", "EACCES under the AppArmor profile gofleet.hello (enforce)"),
    ("lockdown", "EPERM: the kernel is locked down (integrity)"),
    ("capability", "EPERM: the caller lacks CAP_BPF"),
]

Results = t.Dict[str, t.Any]


def answer(word: str, layer: str = "kernel", reason: str = "tried, it works") -> dict[str, str]:
    return {"answer": word, "decided_by": layer, "reason": reason}


def recorded() -> list[Results]:
    """Read the recorded results of the modules on real hosts."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDED.glob("*.json"))]


def inventory(count: int) -> dict[str, list[str]]:
    """Return the groups of a number of hosts, by group name."""
    groups: dict[str, list[str]] = {"all": [], "go_hosts": []}
    for number in range(count):
        group = GROUPS[number * len(GROUPS) // count]
        name = f"{group}{number:04d}"
        for member_of in ("all", "go_hosts", group):
            groups.setdefault(member_of, []).append(name)
    return groups


def results_of(name: str, *, seed: int = 1) -> Results:
    """Return the results of the modules on one host."""
    rng = random.Random(f"{seed} {name}")
    if rng.random() < 0.004:
        return {
            "kernel_info": {"unreachable": True, "msg": "Failed to connect to the host via ssh: timed out"}
        }
    base = copy.deepcopy(rng.choice(recorded_once()))
    results = {**base, **_missing(base, rng)}
    _vary_kernel(results, rng)
    results["go_binary_info"] = {"binaries": _binaries(rng), "passed_over": []}
    if rng.random() < 0.003:
        results["ebpf_inventory_info"] = {"msg": "bpf(PROG_GET_NEXT_ID): wanted CAP_SYS_ADMIN; found EPERM."}
    return results


_RECORDED: list[Results] = []


def recorded_once() -> list[Results]:
    if not _RECORDED:
        _RECORDED.extend(recorded())
    return _RECORDED


def _missing(base: Results, rng: random.Random) -> Results:
    """Add the results that were recorded on the newest kernel only, with some features missing as on older kernels."""
    newest = recorded_once()[-1]
    made = {name: copy.deepcopy(newest[name]) for name in newest if name not in base}
    made["ebpf_inventory_info"] = {
        **copy.deepcopy(newest["ebpf_inventory_info"]),
        "findings": _findings(rng),
    }
    if "ebpf_info" in made:
        for area, name in [
            ("programs", "netfilter"),
            ("maps", "arena"),
            ("attach", "uprobe_multi"),
            ("attach", "tcx"),
        ]:
            if name in made["ebpf_info"][area]:
                made["ebpf_info"][area][name] = answer("no", reason="EINVAL: this kernel does not know it")
    return made


def _findings(rng: random.Random) -> list[dict[str, t.Any]]:
    if rng.random() > 0.01:
        return []
    return [
        {
            "kind": "orphan_pin",
            "object": "/sys/fs/bpf/old_agent/prog",
            "name": "/sys/fs/bpf/old_agent/prog",
            "unit": None,
            "reason": "no process holds it, and its directory is that of no unit",
            "remedy": "rm /sys/fs/bpf/old_agent/prog",
        }
    ]


def _vary_kernel(results: Results, rng: random.Random) -> None:
    kernel = results["kernel_info"]
    values = kernel["values"]
    # Most hosts run the newest kernel of the distribution. Some were not rebooted since its installation.
    build = 41 if rng.random() < 0.97 else 38
    values["release"]["release"] = values["release"]["release"].split("-", 1)[0] + f"-{build}-amd64"
    values["cpu"] = {"goarch": "amd64", "level": rng.choice(["v3", "v3", "v3", "v4", "v2"])}
    if rng.random() < 0.02:
        values["sysctl"]["vm.swappiness"] = 10
        values["sysctl_origin"] = {
            "vm.swappiness": {
                "live": "10",
                "boot_value": "60",
                "file": None,
                "wins": "/etc/sysctl.d/99-local.conf",
                "overridden": True,
                "reason": "/etc/sysctl.d/99-local.conf comes after every other file that sets it",
            }
        }
    for area in (kernel["capabilities"], results["io_uring_info"].get("setup") or {}):
        if rng.random() < 0.06:
            layer, reason = rng.choice(LAYERS)
            for name in rng.sample(sorted(area), k=min(2, len(area))):
                area[name] = answer("no", layer, reason)


def _binaries(rng: random.Random) -> list[dict[str, t.Any]]:
    made = []
    for service in rng.sample(SERVICES, k=rng.choice([1, 1, 2, 3])):
        go_version, supported = rng.choices(GO, weights=[60, 25, 10, 3, 2])[0]
        stale = rng.random() < 0.004
        made.append(
            {
                "path": f"/opt/gofleet/{service}/current/{service}",
                "go_version": go_version,
                "supported": supported,
                "main": {
                    "path": f"example.net/{service}",
                    "version": rng.choice(["v1.4.0", "v1.4.0", "v1.3.9"]),
                },
                "goarch": "amd64",
                "goamd64": "v1",
                "pie": False,
                "static": True,
                "stripped": True,
                "cgo": False,
                "starts_here": answer("yes", reason="static, for this architecture and level"),
                "processes": [_process(service, rng, stale=stale)],
            }
        )
    return made


def _process(service: str, rng: random.Random, *, stale: bool) -> dict[str, t.Any]:
    confined = rng.random() < 0.97
    return {
        "pid": rng.randrange(300, 30000),
        "unit": f"{service}.service",
        "comm": service,
        "uid": 61184 if confined else 0,
        "deleted": stale,
        "seccomp": 2 if confined else 0,
        "no_new_privs": confined,
        "capabilities": "0000000000000000" if confined else "000001ffffffffff",
        "apparmor": f"gofleet.{service} (enforce)" if confined else "unconfined",
        "limits": {"nofile": {"soft": 524288, "hard": 524288}},
        "cgroup": {"memory_max": 536870912, "cpu_max": None},
        "environment_go": {"GOMEMLIMIT": "483183820"} if confined else {},
    }
