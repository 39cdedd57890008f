# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for systemd, and helpers for units and a release store."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

from ansible_collections.gofleet.hosts.plugins.module_utils._converge import Plan
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed
from ansible_collections.gofleet.hosts.plugins.module_utils._units.plan import plan_units
from ansible_collections.gofleet.hosts.plugins.module_utils._units.state import Roots

SOCKET = "[Socket]\nListenStream=80\n[Install]\nWantedBy=sockets.target\n"
SERVICE = "[Service]\nExecStart=/opt/x/current/x\n"


class Systemd:
    """A Runner that answers as systemd does.

    ``calls`` has the commands that it received, except those that only read.
    """

    def __init__(self, root: pathlib.Path) -> None:
        self.roots = Roots(*(str(root / name) for name in ("etc", "proc", "sys", "run", "secrets", "var")))
        (root / "run/systemd/system").mkdir(parents=True)
        (root / "etc").mkdir()
        self.etc = root / "etc"
        self.running: set[str] = set()
        self.enabled: set[str] = set()
        self.packaged: set[str] = set()
        self.calls: list[str] = []
        self.reads = 0
        self.refuses: t.Callable[[str, str], bool] = lambda verb, unit: False
        self.restarts = 0
        self.crashes = False

    def __call__(
        self, argv: list[str], *, stdin: str | None = None, env: t.Mapping[str, str] | None = None
    ) -> Completed:
        if argv[:2] == ["systemctl", "show"]:
            self.reads += 1
            self.restarts += self.crashes
            return Completed(0, "\n".join(self._show(name) for name in argv[argv.index("--") + 1 :]), "")
        if argv[0] == "journalctl":
            return Completed(0, "bind: address already in use\n", "")
        self.calls.append(" ".join(word for word in argv if word not in ("--", "timeout", "60", "systemctl")))
        if argv[0] == "systemd-analyze":
            return Completed(0, "", "")
        words = [word for word in self.calls[-1].split() if word != "--no-reload"]
        verb, unit = words[0], words[-1]
        if self.refuses(verb, unit):
            return Completed(1, "", f"Job for {unit} failed.\nSee journalctl.\n")
        if verb in ("start", "restart"):
            self.running.add(unit)
        elif verb == "stop":
            self.running.discard(unit)
        elif verb in ("enable", "reenable"):
            self.enabled.add(unit)
        elif verb == "disable":
            self.enabled.discard(unit)
        return Completed(0, "", "")

    def _show(self, name: str) -> str:
        loaded = (self.etc / name).exists() or name in self.packaged
        return (
            f"LoadState={'loaded' if loaded else 'not-found'}\n"
            f"ActiveState={'active' if name in self.running else 'inactive'}\n"
            f"SubState=running\nNRestarts={self.restarts}\nMainPID=0\nNeedDaemonReload=no\n"
            f"UnitFileState={'enabled' if name in self.enabled else 'disabled'}\n"
        )


def _warn(text: str) -> None:
    raise AssertionError(text)


def plan(systemd: Systemd, *units: dict[str, t.Any], **options: t.Any) -> Plan:
    params = {"units": list(units), "path": str(systemd.etc), "start_timeout": 60, **options}
    return plan_units(params, run=systemd, warn=_warn, roots=systemd.roots)


def store(root: pathlib.Path, *versions: str) -> str:
    for version in versions:
        (root / "opt/x" / version).mkdir(parents=True)
        marker = {"version": version, "sha256": "0", "size": 1}
        (root / "opt/x" / version / ".gofleet.json").write_text(json.dumps(marker))
    return str(root / "opt/x")


def both(root: pathlib.Path, version: str, **more: t.Any) -> list[dict[str, t.Any]]:
    release = {"path": str(root / "opt/x"), "version": version}
    return [
        {"name": "x.service", "content": SERVICE, "state": "started", "release": release, **more},
        {"name": "x.socket", "content": SOCKET, "state": "started", "enabled": True},
    ]


def tree(root: pathlib.Path) -> dict[str, str]:
    """The files and links that a failed run must restore."""
    paths = sorted(
        path for path in root.rglob("*") if path.name != ".lock" and "restart-owed" not in str(path)
    )
    return {
        str(path): os.readlink(path) if path.is_symlink() else path.read_text()
        for path in paths
        if path.is_symlink() or path.is_file()
    }
