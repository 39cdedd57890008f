# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._io_uring.advice import GO, advice
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import no, unknown, yes

YES = yes("kernel", "tried, it works").report()
MEMLOCK = no("memlock", "ENOMEM").report()
GOOD: dict[str, t.Any] = {
    "usable": "yes",
    "decided_by": "kernel",
    "reason": "tried, it works",
    "setup": {"plain": YES},
    "limits": {"sq_entries": 32768, "cq_entries": 65536},
    "registered_buffers": YES,
    "charged_rings": no("kernel", "").report(),
    "sysctl": {"io_uring_disabled": 0, "io_uring_group": -1, "apparmor_restrict_unprivileged_io_uring": None},
    "identity": None,
    "caller": {"apparmor": "unconfined"},
}


def refused(decided_by: str, **changes: t.Any) -> dict[str, t.Any]:
    return {**GOOD, "usable": "no", "decided_by": decided_by, "registered_buffers": None, **changes}


def settings(**values: int) -> dict[str, int]:
    return {**GOOD["sysctl"], **values}


UNIT = {"identity": {"unit": "hello.service"}}


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (refused("memlock"), "Set LimitMEMLOCK=8M in the unit of the service"),
        (refused("memlock", **UNIT), "Set LimitMEMLOCK=8M in hello.service"),
        (
            refused("sysctl", sysctl=settings(io_uring_disabled=2)),
            "Set kernel.io_uring_disabled to 0, or set it to 1",
        ),
        (
            refused("sysctl", sysctl=settings(io_uring_disabled=1)),
            "Set kernel.io_uring_group to the group number",
        ),
        (
            refused("sysctl", sysctl=settings(io_uring_disabled=1, io_uring_group=973)),
            "Add the service to group 973 (SupplementaryGroups=973)",
        ),
        (
            refused("seccomp", **UNIT),
            "io_uring_register with SystemCallFilter= in hello.service",
        ),
        (
            refused("apparmor", caller={"apparmor": "gofleet.hello (enforce)"}),
            "Add the rule io_uring to the AppArmor profile gofleet.hello (enforce).",
        ),
        (
            refused("apparmor", sysctl=settings(apparmor_restrict_unprivileged_io_uring=1)),
            "kernel.apparmor_restrict_unprivileged_io_uring to 0",
        ),
        (refused("capability"), "Grant CAP_SYS_ADMIN"),
        (refused("kernel", reason="ENOSYS: not in this kernel"), "CONFIG_IO_URING"),
        (refused("kernel", reason="EPERM from a layer"), "security module"),
        ({**GOOD, "usable": "unknown"}, "Run this module as root"),
        ({**GOOD, "setup": {"plain": YES, "sqe128": MEMLOCK}}, "Raise LimitMEMLOCK= in the unit"),
        ({**GOOD, "registered_buffers": MEMLOCK, **UNIT}, "Raise LimitMEMLOCK= in hello.service"),
        ({**GOOD, "limits": None, "charged_rings": YES}, "to 8M to use larger rings"),
    ],
)
def test_the_advice_says_what_to_change(answer: dict[str, t.Any], part: str) -> None:
    sentence = advice(answer)
    assert sentence is not None
    assert part in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        {**GOOD, "limits": None},
        {**GOOD, "registered_buffers": unknown("kernel", "").report()},
        {**GOOD, "setup": {"plain": YES, "sq_rewind": no("kernel", "EINVAL").report()}},
    ],
)
def test_there_is_no_advice_where_nothing_is_to_change(answer: dict[str, t.Any]) -> None:
    assert advice(answer) is None


def test_the_text_for_go_names_epoll() -> None:
    assert "epoll in every release" in GO
