# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.waves import part_of, rollout_waves

HOSTS = [f"n{number:03}" for number in range(200)]


def waves(*parts: t.Any, hosts: t.Sequence[str] = HOSTS, **options: t.Any) -> list[list[str]]:
    given: dict[str, t.Any] = {"salt": "1.0", "canary": 1, "canary_min": 1, "canary_hosts": [], **options}
    return rollout_waves(hosts, waves=parts, **given)


def test_every_host_is_in_one_wave() -> None:
    found = waves("25%", "50%")
    assert len(found) == 4
    assert sorted(host for wave in found for host in wave) == HOSTS
    assert len(found[0]) == 1
    # A share by hash is met about, not exactly.
    assert 30 < len(found[0] + found[1]) < 70


def test_a_greater_share_takes_all_of_a_smaller_one() -> None:
    before: set[str] = set()
    for share in range(1, 100):
        now = set(waves(canary=f"{share}%")[0])
        assert before <= now
        before = now


def test_the_order_does_not_depend_on_who_else_is_there() -> None:
    order = [host for wave in waves("25%") for host in wave]
    fewer = [host for wave in waves("25%", hosts=list(reversed(HOSTS[::2]))) for host in wave]
    assert fewer == [host for host in order if host in fewer]
    # A host stays on its side of a share when others come.
    assert set(waves(canary="30%", hosts=HOSTS[::2])[0]) <= set(waves(canary="30%")[0])


def test_the_salt_moves_the_canary() -> None:
    assert waves() == waves()
    assert len({waves(salt=str(number))[0][0] for number in range(20)}) > 10


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, [1, 19]),
        ({"canary": 5}, [5, 15]),
        ({"canary": "0%"}, [1, 19]),
        ({"canary": 0, "canary_min": 3}, [3, 17]),
        ({"canary": 99}, [20]),
        ({"canary_hosts": ["n007", "n009"]}, [2, 18]),
        ({"canary": 4, "canary_hosts": ["n007"]}, [4, 16]),
    ],
)
def test_sizes_of_a_small_fleet(options: dict[str, t.Any], sizes: list[int]) -> None:
    found = waves(hosts=HOSTS[:20], **options)
    assert [len(wave) for wave in found] == sizes
    assert set(options.get("canary_hosts", [])) <= set(found[0])


def test_numbers_and_waves_that_add_nothing() -> None:
    found = waves(5, 5, 3, "100%", hosts=HOSTS[:20])
    assert [len(wave) for wave in found] == [1, 4, 15]
    assert waves(hosts=HOSTS[:1]) == [[HOSTS[0]]]
    assert waves(hosts=[]) == []


@pytest.mark.parametrize("part", ["half", "101%", "-1", "1.5", ""])
def test_what_is_no_part(part: str) -> None:
    with pytest.raises(HostError, match="wanted a number of hosts"):
        waves(part)


def test_a_pinned_host_that_is_not_there() -> None:
    with pytest.raises(HostError, match="found n999"):
        waves(canary_hosts=["n001", "n999"])


@pytest.mark.parametrize(("text", "number"), [("0", 0), (3, 3), ("10%", 2), ("2.5%", 0), ("100%", 20)])
def test_parts_of_a_fleet(text: t.Any, number: int) -> None:
    assert part_of(text, 20, option="budget") == number
