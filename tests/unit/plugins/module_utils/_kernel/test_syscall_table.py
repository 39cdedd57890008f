# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.host import this_host
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.syscall import Outcome
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.syscall_table import (
    have_syscall,
    probe_syscalls,
)

from .stand_in import NOBODY, ROOT, host


def test_a_call_that_opens_something_is_closed_again() -> None:
    machine = this_host()
    before = len(list(pathlib.Path("/proc/self/fd").iterdir()))
    probe_syscalls(machine=machine.machine, syscalls=machine.syscalls, root="/", caller=machine.caller)
    assert len(list(pathlib.Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("bpf", "kernel/unprivileged_bpf_disabled", 2),
        ("perf_event_open", "kernel/perf_event_paranoid", 3),
        ("userfaultfd", "vm/unprivileged_userfaultfd", 0),
    ],
)
def test_settings_that_refuse(tmp_path: pathlib.Path, name: str, key: str, value: int) -> None:
    path = tmp_path / "proc" / "sys" / key
    path.parent.mkdir(parents=True)
    path.write_text(f"{value}\n")
    for caller, layer in ((NOBODY, "sysctl"), (NOBODY._replace(seccomp=2), "sysctl"), (ROOT, "capability")):
        asked = host({name: Outcome(-1, errno.EPERM)}, root=tmp_path, caller=caller)
        probe = have_syscall(name, machine="x86_64", syscalls=asked.syscalls, root=asked.root, caller=caller)
        assert (probe.answer, probe.decided_by) == ("no", layer), probe.reason


def test_an_unknown_architecture_is_unknown() -> None:
    asked = host({}, caller=ROOT)
    probe = have_syscall("bpf", machine="m68k", syscalls=asked.syscalls, root="/", caller=ROOT)
    assert probe.answer == "unknown"
