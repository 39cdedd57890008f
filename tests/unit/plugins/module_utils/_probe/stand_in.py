# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with a recorded tree, and system calls with results that the test chooses."""

from __future__ import annotations

import errno
import mmap
import pathlib
import typing as t

from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import Caller, read_caller
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.host import Host
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import (
    Argument,
    Outcome,
    number_of,
)

FIXTURES = pathlib.Path(__file__).resolve().parents[4] / "fixtures"
KERNELS = ["6.1", "6.12", "6.18"]
HOSTS = [*KERNELS, "6.12-no-io_uring", "container"]  # the last two have io_uring disabled or filtered

ROOT = Caller(uid=0, groups=(0,), capabilities=(1 << 41) - 1, seccomp=0, apparmor="unconfined")
NOBODY = Caller(uid=65534, groups=(65534,), capabilities=0, seccomp=0, apparmor="unconfined")


class StandIn:
    """Return the outcome for the name of a call, or ENOSYS where the test gives none."""

    def __init__(self, answers: t.Mapping[str, Outcome | t.Callable[..., Outcome]]) -> None:
        self._answers = {number_of(name, machine="x86_64"): answer for name, answer in answers.items()}
        self.made: list[int] = []

    def __call__(self, number: int, *arguments: Argument) -> Outcome:
        self.made.append(number)
        answer = self._answers.get(number, Outcome(-1, errno.ENOSYS))
        return answer(*arguments) if callable(answer) and not isinstance(answer, Outcome) else answer

    def in_child(self, number: int, *arguments: Argument, uid: int | None = None) -> Outcome:
        return self(number, *arguments)

    def address_of(self, buffer: bytearray | mmap.mmap) -> int:
        return id(buffer)


def host(
    answers: t.Mapping[str, Outcome | t.Callable[..., Outcome]],
    *,
    root: str | pathlib.Path = "/nowhere",
    caller: Caller | None = None,
) -> Host:
    return Host(str(root), "x86_64", StandIn(answers), caller or read_caller(str(root)))
