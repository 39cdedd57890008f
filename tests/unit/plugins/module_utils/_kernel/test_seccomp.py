# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.seccomp import (
    have_seccomp_filter,
    probe_seccomp,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._probe.stand_in import FIXTURES, ROOT, host


@pytest.mark.parametrize(
    ("kernel", "mode", "filters"),
    [("6.12", "disabled", 0), ("6.1", "disabled", 0), ("container", "filter", 1)],
)
def test_recorded_callers_are_read(kernel: str, mode: str, filters: int) -> None:
    values = probe_seccomp(host({}, root=FIXTURES / kernel)).values
    assert (values["mode"], values["filters"], values["no_new_privileges"]) == (mode, filters, False)
    assert {"errno", "kill_process", "allow"} <= set(values["actions"])


@pytest.mark.parametrize(
    ("outcome", "answer", "decided_by"),
    [
        (Outcome(0, 0), "yes", "kernel"),
        (Outcome(-1, errno.EINVAL), "yes", "kernel"),
        (Outcome(-1, errno.ENOSYS), "no", "kernel"),
        (Outcome(-1, 0, killed=True), "no", "seccomp"),
        (Outcome(-1, errno.EFAULT), "unknown", "kernel"),
    ],
)
def test_filters_are_tried(outcome: Outcome, answer: str, decided_by: str) -> None:
    probe = have_seccomp_filter(host({"seccomp": outcome}, caller=ROOT))
    assert (probe.answer, probe.decided_by) == (answer, decided_by)


def test_filters_of_an_unknown_architecture_are_unknown() -> None:
    assert have_seccomp_filter(host({}, caller=ROOT)._replace(machine="m68k")).answer == "unknown"


@pytest.mark.parametrize(
    "text", ["", "\x00\xff", "Seccomp\n", "Seccomp:\t9\nNoNewPrivs: maybe\nSeccomp_filters: -1\n"]
)
def test_damaged_status_is_null(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "status").write_text(text)
    values = probe_seccomp(host({}, root=tmp_path)).values
    assert values == {"mode": None, "filters": None, "no_new_privileges": None, "actions": None}
