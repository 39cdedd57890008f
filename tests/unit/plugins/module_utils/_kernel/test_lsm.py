# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.lsm import have_unprivileged_userns
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.syscall import Outcome

from .stand_in import ROOT, host


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
def test_user_namespaces(
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
