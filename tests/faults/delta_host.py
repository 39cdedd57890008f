# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both halves of delta_copy, with this machine as the host: what goes between them can be watched, harmed and cut."""

from __future__ import annotations

import json
import os
import random
import subprocess
import types
import typing as t
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure
from ansible_collections.gofleet.hosts.plugins.action.delta_copy import ActionModule
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import read_manifest

from .conftest import start_module

__all__ = ["Cut", "DeltaHost", "make_tree"]

MODULE = "ansible_collections.gofleet.hosts.plugins.modules.delta_copy"
Options = t.Dict[str, t.Any]


def make_tree(path: Path, seed: int, *, count: int = 3, size: int = 100_000) -> Path:
    """A tree of which others have most bytes too."""
    source = random.Random(0)
    (path / "bin").mkdir(parents=True)
    for number in range(count):
        content = bytearray(source.randbytes(size))
        content[seed * 100 % size] ^= 0xFF
        (path / "bin" / f"p{number}").write_bytes(content)
    (path / "link").symlink_to("bin/p0")
    (path / "seed").write_text(str(seed), encoding="ascii")
    return path


class Cut(AnsibleConnectionFailure):
    """The line is gone."""


class DeltaHost(ActionModule):
    """The controller's half; what a connection would do is done with files and processes of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dest = path / "host" / "dest"
        self.dest.parent.mkdir(exist_ok=True)
        (path / "line").mkdir(exist_ok=True)
        self.told: list[str] = []
        self.runs: list[Options] = []
        # Faults: before the host's half takes a delta, to what arrives, and after so many pieces.
        self.before_take: t.Callable[[], object] = lambda: None
        self.on_the_way: t.Callable[[bytes], bytes] = lambda data: data
        self.cut_after: int | None = None
        self.forging = (
            False  # what arrives is announced as it is, as by whoever took over the controller's half
        )
        self.starting = False
        self.started: subprocess.Popen[str] | None = None
        self._display = self  # type: ignore[assignment]
        shell = types.SimpleNamespace(tmpdir=str(path / "line"), join_path=os.path.join)
        self._connection = types.SimpleNamespace(_shell=shell)  # type: ignore[assignment]

    def copy(self, src: Path, *, check: bool = False, **options: t.Any) -> Options:
        """Run both halves, as Ansible does for a task."""
        arguments = {"src": str(src), "dest": str(self.dest), **options}
        self._task = types.SimpleNamespace(
            args=arguments, check_mode=check, diff=False, async_val=0, action="delta_copy", delegate_to=None
        )
        return self.run(task_vars={})

    def start_take(self, src: Path) -> subprocess.Popen[str]:
        """Start the run on the host that takes the delta, and do not wait for it."""
        self.starting = True
        self.copy(src)
        self.starting = False
        assert self.started is not None
        return self.started

    def root(self) -> str:
        return read_manifest(str(self.dest)).root

    def names(self) -> list[str]:
        return sorted(os.listdir(self.dest.parent))

    def warning(self, text: str) -> None:
        self.told.append(text)

    def _execute_module(self, **call: t.Any) -> Options:
        arguments = {**call["module_args"], "_ansible_check_mode": self._task.check_mode}
        if "delta" in arguments:
            self.before_take()
            if self.forging:
                size = os.path.getsize(arguments["delta"]["path"])
                arguments["delta"] = {**arguments["delta"], "length": size, "size": size}
            if self.starting:
                self.started = start_module(MODULE, arguments)
                return {"failed": True, "msg": "started"}
        out, err = start_module(MODULE, arguments).communicate(timeout=120)
        assert out, err
        result: Options = json.loads(out)
        self.runs.append(result)
        return result

    def _transfer_file(self, local_path: str, remote_path: str) -> str:
        if self.cut_after is not None:
            if self.cut_after == 0:
                raise Cut("connection reset")
            self.cut_after -= 1
        Path(remote_path).write_bytes(self.on_the_way(Path(local_path).read_bytes()))
        return remote_path

    def _fixup_perms2(self, remote_paths: t.Any, remote_user: t.Any = None, execute: bool = True) -> None:
        pass

    def _find_needle(self, dirname: str, needle: str) -> str:
        return needle
