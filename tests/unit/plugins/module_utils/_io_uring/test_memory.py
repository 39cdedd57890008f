# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import mmap
import pathlib
import resource

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._io_uring import memory
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import Caller
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._probe.stand_in import NOBODY, ROOT, host
from .ring_stand_in import Kernel, with_limits

PAGE = mmap.PAGESIZE
MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize(
    ("limit", "charge", "most"),
    [
        (16 * PAGE, 0, 16 * PAGE),
        (16 * PAGE, 2 * PAGE, 14 * PAGE),
        (16 * PAGE, 15 * PAGE, PAGE),
        (PAGE, 0, PAGE),
        (8 * MEGABYTE, 2 * PAGE, 8 * MEGABYTE - 2 * PAGE),
    ],
)
def test_the_largest_size_is_found_to_the_page(
    tmp_path: pathlib.Path, limit: int, charge: int, most: int
) -> None:
    rings = Kernel("6.12", lockable=limit, charge=charge)
    root = with_limits(tmp_path, memlock=str(limit))
    found = memory.registered_buffers(rings.host(root=root, caller=NOBODY))
    assert (found["answer"], found["decided_by"]) == ("yes", "kernel")
    assert (found["registered_bytes"], found["limit_bytes"], found["tried_bytes"]) == (
        most,
        limit,
        limit + PAGE,
    )
    assert found["exempt"] is False
    assert "allow no more" in found["reason"]
    assert rings.registered == 0
    assert len(rings.tried) <= 2 * 16  # two binary searches


@pytest.mark.parametrize("limit", [16 * PAGE, 0])
def test_a_limit_below_one_page_is_reported(tmp_path: pathlib.Path, limit: int) -> None:
    rings = Kernel("6.12", lockable=limit, charge=limit)
    root = with_limits(tmp_path, memlock=str(limit))
    found = memory.registered_buffers(rings.host(root=root, caller=NOBODY))
    assert (found["answer"], found["decided_by"], found["registered_bytes"]) == ("no", "memlock", 0)


@pytest.mark.parametrize(("memlock", "caller"), [("unlimited", NOBODY), ("65536", ROOT)])
def test_the_size_is_bounded_without_a_limit(tmp_path: pathlib.Path, memlock: str, caller: Caller) -> None:
    root = with_limits(tmp_path, memlock=memlock)
    found = memory.registered_buffers(Kernel("6.12").host(root=root, caller=caller))
    assert (found["registered_bytes"], found["tried_bytes"]) == (64 * MEGABYTE, 64 * MEGABYTE)
    assert (found["limit_bytes"], found["exempt"]) == (None, caller is ROOT)


def test_at_most_an_eighth_of_the_memory_is_locked(tmp_path: pathlib.Path) -> None:
    root = with_limits(tmp_path, memlock="unlimited", available=80 * MEGABYTE)
    found = memory.registered_buffers(Kernel("6.12").host(root=root))
    assert found["tried_bytes"] == 10 * MEGABYTE
    (root / "proc" / "meminfo").unlink()
    found = memory.registered_buffers(Kernel("6.12").host(root=root))
    assert found["tried_bytes"] == PAGE


@pytest.mark.parametrize(
    ("outcome", "caller", "answer", "decided_by"),
    [
        (Outcome(-1, 0, killed=True), NOBODY, "no", "seccomp"),
        (Outcome(-1, errno.EPERM), NOBODY._replace(seccomp=2), "no", "seccomp"),
        (Outcome(-1, errno.EPERM), NOBODY, "unknown", "kernel"),
        (Outcome(-1, errno.ENOMEM), NOBODY, "no", "memlock"),
        (Outcome(-1, errno.ENOMEM), ROOT, "unknown", "kernel"),
        (Outcome(-1, errno.EFAULT), ROOT, "unknown", "kernel"),
    ],
)
def test_the_layer_that_refused_is_found(
    outcome: Outcome, caller: Caller, answer: str, decided_by: str
) -> None:
    answers = {"io_uring_setup": Kernel("6.12").setup, "io_uring_register": outcome}
    found = memory.registered_buffers(host(answers, caller=caller))
    assert (found["answer"], found["decided_by"], found["registered_bytes"]) == (answer, decided_by, 0)


def test_without_a_ring_the_answer_is_unknown() -> None:
    found = memory.registered_buffers(host({}, caller=NOBODY))
    assert (found["answer"], found["registered_bytes"], found["tried_bytes"]) == ("unknown", None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MemFree: 1 kB\nMemAvailable:     2048 kB\n", 2048 * 1024),
        ("", 0),
        ("MemAvailable:\n", 0),
        ("MemAvailable: much kB\n", 0),
        ("\0\xff MemAvailable: 1", 0),
    ],
)
def test_available_memory_is_parsed(text: str, expected: int) -> None:
    assert memory.parse_available(text) == expected


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (Outcome(0, 0), "no"),
        (Outcome(-1, errno.ENOMEM), "yes"),
        (Outcome(-1, errno.EPERM), "unknown"),
        (Outcome(-1, 0), "unknown"),
    ],
)
@pytest.mark.parametrize("caller", [ROOT, NOBODY])
def test_charging_of_rings_is_tried(outcome: Outcome, answer: str, caller: Caller) -> None:
    limits: list[int] = []

    def setup(*arguments: object) -> Outcome:
        limits.append(resource.getrlimit(resource.RLIMIT_MEMLOCK)[0])
        return outcome

    before = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    assert memory.have_charged_rings(host({"io_uring_setup": setup}, caller=caller)).answer == answer
    assert limits == [0]
    assert resource.getrlimit(resource.RLIMIT_MEMLOCK) == before


def test_an_exempt_user_cannot_become_another() -> None:
    probe = memory.have_charged_rings(host({}, caller=ROOT._replace(uid=1000)))
    assert (probe.answer, probe.decided_by) == ("unknown", "capability")
