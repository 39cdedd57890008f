# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._io_uring import setup as io_uring_setup
from ansible_collections.gofleet.hosts.plugins.module_utils._io_uring.abi import SETUP_FLAGS
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import Caller
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Argument, Outcome

from .._probe.stand_in import NOBODY, ROOT, host
from .ring_stand_in import flags_of, with_limits

FILTERED = NOBODY._replace(seccomp=2)
MEMBER = NOBODY._replace(groups=(65534, 973))
EPERM = Outcome(-1, errno.EPERM)
ENOMEM = Outcome(-1, errno.ENOMEM)


def with_settings(root: pathlib.Path, settings: dict[str, int]) -> pathlib.Path:
    for name, value in settings.items():
        path = root / "proc" / "sys" / "kernel" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return root


@pytest.mark.parametrize(
    ("outcome", "settings", "caller", "answer", "decided_by"),
    [
        (Outcome(-1, errno.ENOSYS), {}, ROOT, "no", "kernel"),
        (Outcome(-1, errno.ENOSYS), {}, FILTERED, "no", "seccomp"),
        (EPERM, {"io_uring_disabled": 2}, ROOT, "no", "sysctl"),
        (EPERM, {"io_uring_disabled": 2}, FILTERED, "no", "sysctl"),
        (EPERM, {"io_uring_disabled": 2, "io_uring_group": 973}, MEMBER, "no", "sysctl"),
        (EPERM, {"io_uring_disabled": 1}, NOBODY, "no", "sysctl"),
        (EPERM, {"io_uring_disabled": 1, "io_uring_group": -1}, NOBODY, "no", "sysctl"),
        (EPERM, {"io_uring_disabled": 1, "io_uring_group": 973}, NOBODY, "no", "sysctl"),
        (EPERM, {"io_uring_disabled": 1, "io_uring_group": 973}, MEMBER, "no", "kernel"),
        (EPERM, {"io_uring_disabled": 1, "io_uring_group": 973}, MEMBER._replace(seccomp=2), "no", "seccomp"),
        (EPERM, {"io_uring_disabled": 1}, ROOT._replace(seccomp=2), "no", "seccomp"),
        # A capability in another user namespace does not apply to io_uring.
        (EPERM, {"io_uring_disabled": 1}, ROOT._replace(namespaced=True), "no", "sysctl"),
        (EPERM, {"io_uring_disabled": 0}, FILTERED, "no", "seccomp"),
        (EPERM, {}, FILTERED, "no", "seccomp"),
        (Outcome(-1, 0, killed=True), {}, FILTERED, "no", "seccomp"),
        (EPERM, {}, NOBODY._replace(apparmor="x (enforce)"), "no", "apparmor"),
        (
            EPERM,
            {"io_uring_disabled": 0, "apparmor_restrict_unprivileged_io_uring": 1},
            NOBODY,
            "no",
            "apparmor",
        ),
        (EPERM, {"apparmor_restrict_unprivileged_io_uring": 1}, ROOT, "no", "kernel"),
        (EPERM, {}, ROOT, "no", "kernel"),
        (ENOMEM, {}, NOBODY, "no", "memlock"),
        (ENOMEM, {}, ROOT, "unknown", "kernel"),
        (Outcome(-1, errno.EMFILE), {}, NOBODY, "unknown", "kernel"),
        (Outcome(-1, errno.EINVAL), {}, NOBODY, "unknown", "kernel"),
    ],
)
def test_the_layer_that_refused_is_found(
    *,
    tmp_path: pathlib.Path,
    outcome: Outcome,
    settings: dict[str, int],
    caller: Caller,
    answer: str,
    decided_by: str,
) -> None:
    root = with_settings(tmp_path, settings)
    target = host({"io_uring_setup": outcome}, root=root, caller=caller)
    probe = io_uring_setup.have_setup(target, "plain")
    assert (probe.answer, probe.decided_by) == (answer, decided_by), probe.reason


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"io_uring_disabled": 2}, "EPERM: kernel.io_uring_disabled is 2"),
        (
            {"io_uring_disabled": 1, "io_uring_group": 973},
            "EPERM: kernel.io_uring_disabled is 1 and the caller lacks CAP_SYS_ADMIN and membership of group 973 "
            "(kernel.io_uring_group is 973)",
        ),
        (
            {"io_uring_disabled": 1, "io_uring_group": -1},
            "EPERM: kernel.io_uring_disabled is 1 and the caller lacks CAP_SYS_ADMIN and an allowed group "
            "(kernel.io_uring_group is -1)",
        ),
    ],
)
def test_reasons_name_the_setting(tmp_path: pathlib.Path, settings: dict[str, int], reason: str) -> None:
    target = host({"io_uring_setup": EPERM}, root=with_settings(tmp_path, settings), caller=NOBODY)
    assert io_uring_setup.have_setup(target, "plain").reason == reason


def test_a_limit_that_does_not_apply_is_not_reported(tmp_path: pathlib.Path) -> None:
    unlimited = with_limits(tmp_path, memlock="unlimited")
    target = host({"io_uring_setup": ENOMEM}, root=unlimited, caller=NOBODY)
    assert io_uring_setup.have_setup(target, "plain").answer == "unknown"


def test_the_probe_waits_for_memory_of_closed_rings(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(io_uring_setup.time, "sleep", slept.append)
    root = with_limits(tmp_path, memlock="65536")
    answers = iter([ENOMEM, ENOMEM, EPERM])
    target = host({"io_uring_setup": lambda *arguments: next(answers)}, root=root, caller=NOBODY)
    ring = io_uring_setup.make_ring(target)
    assert ring is not None
    assert ring.outcome == EPERM
    assert slept == list(io_uring_setup.PAUSES[:2])
    # It gives up after a while, and does not wait where no ring was created before.
    target = host({"io_uring_setup": ENOMEM}, root=root, caller=NOBODY)
    slept.clear()
    assert io_uring_setup.have_setup(target, "plain").decided_by == "memlock"
    assert slept == []
    assert io_uring_setup.have_setup(target, "sqpoll", again=True).decided_by == "memlock"
    assert slept == list(io_uring_setup.PAUSES)


def test_sqpoll_needed_a_capability_before_5_11() -> None:
    target = host({"io_uring_setup": EPERM}, caller=NOBODY)
    assert io_uring_setup.have_setup(target, "sqpoll").decided_by == "capability"
    assert io_uring_setup.have_setup(target, "plain").decided_by == "kernel"


@pytest.mark.parametrize("name", sorted(io_uring_setup.SETUPS))
def test_every_setup_passes_its_flags(name: str) -> None:
    asked_for: list[tuple[int, bytes]] = []

    def setup(entries: Argument, params: Argument) -> Outcome:
        asked_for.append((flags_of(params), bytes(t.cast(bytearray, params))))
        return Outcome(-1, errno.EINVAL)

    probe = io_uring_setup.have_setup(host({"io_uring_setup": setup}, caller=ROOT), name)
    flags = io_uring_setup.SETUPS[name].flags
    ((bits, params),) = asked_for
    assert bits == sum(SETUP_FLAGS[flag] for flag in flags)
    # The memory of the caller: two pages, aligned to the page size.
    sqes, rings = (int.from_bytes(params[place : place + 8], "little") for place in (72, 112))
    assert (rings - sqes, sqes % 4096) == ((1 << 16 if "NO_MMAP" in flags else 0), 0)
    assert (sqes != 0) is ("NO_MMAP" in flags)
    assert probe.answer == ("no" if flags else "unknown")
