# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.lsm import (
    count_profiles,
    have_unprivileged_userns,
    probe_lsm,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._probe.stand_in import FIXTURES, ROOT, host


@pytest.mark.parametrize(
    ("outcome", "files", "answer", "decided_by"),
    [
        (Outcome(0, 0), {}, "yes", "kernel"),
        (Outcome(0, 0), {"kernel/apparmor_restrict_unprivileged_userns": "1"}, "no", "apparmor"),
        (Outcome(-1, errno.EPERM), {"kernel/unprivileged_userns_clone": "0"}, "no", "sysctl"),
        (Outcome(-1, errno.ENOSPC), {}, "no", "sysctl"),
        (Outcome(-1, 0, killed=True), {}, "no", "seccomp"),
        (Outcome(-1, 0), {}, "unknown", "kernel"),
    ],
)
def test_user_namespaces_are_tried(
    tmp_path: pathlib.Path, outcome: Outcome, files: dict[str, str], answer: str, decided_by: str
) -> None:
    for key, value in files.items():
        path = tmp_path / "proc" / "sys" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)
    probe = have_unprivileged_userns(host({"unshare": outcome}, root=tmp_path, caller=ROOT))
    assert (probe.answer, probe.decided_by) == (answer, decided_by)


def test_user_namespaces_of_an_unknown_architecture_are_unknown() -> None:
    assert have_unprivileged_userns(host({}, caller=ROOT)._replace(machine="m68k")).answer == "unknown"


@pytest.mark.parametrize(
    ("text", "modes"),
    [
        (
            "/usr/bin/man (enforce)\nman (of sections) (enforce)\nfirefox (unconfined)\n",
            {"enforce": 2, "unconfined": 1},
        ),
        ("", {}),
        ("no mode\n", {}),
        ("(enforce)\n", {}),
        ("name ()\n", {}),
        ("\x00\ufffd (\n", {}),
    ],
)
def test_profiles_are_counted_by_mode(text: str, modes: dict[str, int]) -> None:
    assert count_profiles(text) == modes


@pytest.mark.parametrize(
    ("kernel", "profiles", "lockdown", "yama"),
    [
        ("6.1", {"enforce": 3}, "none", 0),
        ("6.12", {"complain": 23, "enforce": 3, "unconfined": 76}, "none", 0),
        ("container", None, None, None),
    ],
)
def test_recorded_modules_are_read(
    kernel: str, profiles: dict[str, int] | None, lockdown: str | None, yama: int | None
) -> None:
    facts = probe_lsm(host({"unshare": Outcome(0, 0)}, root=FIXTURES / kernel))
    values = facts.values
    assert values["apparmor"]["profiles"] == profiles
    assert (values["apparmor"]["reason"] is None) is (profiles is not None)
    assert (values["lockdown"], values["yama_ptrace_scope"], values["selinux"]) == (lockdown, yama, None)
    assert facts.capabilities["yama"].answer == ("yes" if profiles else "unknown")


@pytest.mark.parametrize(
    ("text", "mode"), [("1", "enforcing"), ("0\n", "permissive"), ("2", None), ("", None), ("\x00", None)]
)
def test_the_mode_of_selinux_is_read(tmp_path: pathlib.Path, text: str, mode: str | None) -> None:
    path = tmp_path / "sys" / "fs" / "selinux" / "enforce"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert probe_lsm(host({}, root=tmp_path, caller=ROOT)).values["selinux"] == mode


def test_profiles_that_cannot_be_read_have_a_reason(tmp_path: pathlib.Path) -> None:
    (tmp_path / "sys" / "kernel" / "security" / "apparmor" / "profiles").mkdir(parents=True)
    apparmor = probe_lsm(host({}, root=tmp_path, caller=ROOT)).values["apparmor"]
    assert apparmor["profiles"] is None
    assert "directory" in apparmor["reason"]
