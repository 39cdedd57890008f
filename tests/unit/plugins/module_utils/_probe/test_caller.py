# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import (
    CAP_BPF,
    CAP_IPC_LOCK,
    CAP_SYS_ADMIN,
    CAPABILITIES,
    Caller,
    Policy,
    judge,
    read_caller,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .stand_in import FIXTURES, NOBODY, ROOT

FILTERED = NOBODY._replace(seccomp=2)
CONFINED = NOBODY._replace(apparmor="/usr/bin/x (enforce)")
COMPLAINING = NOBODY._replace(apparmor="/usr/bin/x (complain)")
EPERM = Outcome(-1, errno.EPERM)


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_the_recorded_superuser_is_read(kernel: str) -> None:
    caller = read_caller(str(FIXTURES / kernel))
    assert (caller.uid, caller.seccomp, caller.apparmor) == (0, 0, "unconfined")
    assert caller.can(CAP_BPF)
    assert not caller.filtered
    assert not caller.confined


@pytest.mark.parametrize("status", [None, "", "Uid\nSeccomp:\nCapEff:\tzz\nUid:\t1\n", "\x00\xff"])
def test_a_damaged_status_gives_none(tmp_path: pathlib.Path, status: str | None) -> None:
    if status is not None:
        (tmp_path / "proc" / "self").mkdir(parents=True)
        (tmp_path / "proc" / "self" / "status").write_text(status)
    caller = read_caller(str(tmp_path))
    assert caller == Caller(None, (), None, None, None)
    assert caller.report() == {
        "uid": None,
        "groups": [],
        "capabilities": None,
        "seccomp": None,
        "apparmor": None,
        "user_namespace": False,
    }


@pytest.mark.parametrize(("inode", "elsewhere"), [(4026531837, False), (4026532448, True)])
def test_capabilities_of_another_user_namespace_do_not_count(
    tmp_path: pathlib.Path, inode: int, elsewhere: bool
) -> None:
    (tmp_path / "proc" / "self" / "ns").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "ns" / "user").symlink_to(f"user:[{inode}]")
    (tmp_path / "proc" / "self" / "status").write_text(
        "Gid:\t5\t5\t5\t5\nGroups:\t5 7 \nCapEff:\t000001ffffffffff\n"
    )
    caller = read_caller(str(tmp_path))
    assert caller.namespaced is elsewhere
    assert caller.can(CAP_BPF) is not elsewhere
    assert caller.groups == (5, 7)


def test_capabilities_are_numbered_as_in_the_kernel() -> None:
    assert CAPABILITIES[CAP_BPF] == "CAP_BPF"
    assert CAPABILITIES[CAP_SYS_ADMIN] == "CAP_SYS_ADMIN"
    assert CAPABILITIES[CAP_IPC_LOCK] == "CAP_IPC_LOCK"
    assert len(CAPABILITIES) == 41


@pytest.mark.parametrize(
    ("outcome", "caller", "answer", "decided_by"),
    [
        (Outcome(0, 0), ROOT, "yes", "kernel"),
        (Outcome(7, 0), ROOT, "yes", "kernel"),
        (Outcome(-1, errno.EINVAL), ROOT, "yes", "kernel"),
        (Outcome(-1, errno.ENOSYS), ROOT, "no", "kernel"),
        (Outcome(-1, errno.ENOSYS), FILTERED, "no", "seccomp"),
        (Outcome(-1, errno.EOPNOTSUPP), ROOT, "no", "kernel"),
        (Outcome(-1, 0, killed=True), FILTERED, "no", "seccomp"),
        (EPERM, FILTERED, "no", "seccomp"),
        (EPERM, CONFINED, "no", "apparmor"),
        (EPERM, COMPLAINING, "no", "capability"),
        (EPERM, NOBODY, "no", "capability"),
        (Outcome(-1, errno.EACCES), NOBODY, "no", "capability"),
        (Outcome(-1, errno.EMFILE), ROOT, "unknown", "kernel"),
        (Outcome(-1, 0), ROOT, "unknown", "kernel"),
    ],
)
def test_the_outcome_decides_answer_and_layer(
    outcome: Outcome, caller: Caller, answer: str, decided_by: str
) -> None:
    probe = judge(outcome, root="/nowhere", caller=caller, proves=(errno.EINVAL,), needs="CAP_X", since="5.0")
    assert (probe.answer, probe.decided_by) == (answer, decided_by), probe.reason


def test_a_setting_is_checked_before_the_filter(tmp_path: pathlib.Path) -> None:
    setting = tmp_path / "proc" / "sys" / "kernel" / "closed"
    setting.parent.mkdir(parents=True)
    policies = (Policy("kernel.closed", lambda value, caller: value > 0 and not caller.can(CAP_BPF)),)

    def layer(caller: Caller) -> str:
        return judge(EPERM, root=str(tmp_path), caller=caller, policies=policies).decided_by

    assert layer(FILTERED) == "seccomp"
    setting.write_text("1\n")
    assert layer(FILTERED) == "sysctl"
    assert layer(ROOT) == "kernel"
    setting.write_text("0\n")
    assert layer(FILTERED) == "seccomp"


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        (None, "EPERM: kernel.closed is 1 and the caller lacks CAP_X"),
        ("", "EPERM: kernel.closed is 1"),
        ("a group", "EPERM: kernel.closed is 1 and the caller lacks a group"),
    ],
)
def test_the_reason_names_what_the_caller_lacks(
    tmp_path: pathlib.Path, lacking: str | None, reason: str
) -> None:
    setting = tmp_path / "proc" / "sys" / "kernel" / "closed"
    setting.parent.mkdir(parents=True)
    setting.write_text("1\n")
    policies = (Policy("kernel.closed", lambda value, caller: True, lacking),)
    probe = judge(EPERM, root=str(tmp_path), caller=NOBODY, policies=policies, needs="CAP_X")
    assert (probe.decided_by, probe.reason) == ("sysctl", reason)
