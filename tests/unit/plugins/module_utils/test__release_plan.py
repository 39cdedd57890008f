# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._release import Store
from ansible_collections.gofleet.hosts.plugins.module_utils._release_plan import ReleasePlan, plan_releases

PROGRAM = b"\x7fELF program"
DIGEST = hashlib.sha256(PROGRAM).hexdigest()


class Host:
    """A release root in a directory, and a program that was sent to it."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root / "opt"
        self.artefact = root / "sent"
        self.artefact.write_bytes(PROGRAM)

    def plan(
        self, *, sent: bool = True, switch: bool = False, keep: int = 3, **changes: t.Any
    ) -> ReleasePlan:
        item = {
            "name": "hello",
            "version": "",
            "sha256": DIGEST,
            "size": len(PROGRAM),
            "goarch": "amd64",
            "artefact": str(self.artefact) if sent else None,
            **changes,
        }
        return plan_releases([item], root=str(self.root), keep=keep, switch=switch, machine="x86_64")

    def apply(self, **options: t.Any) -> ReleasePlan:
        plan = self.plan(**options)
        assert plan.apply is not None
        plan.apply()
        return plan


@pytest.fixture
def host(tmp_path: pathlib.Path) -> Host:
    return Host(tmp_path)


def test_without_the_artefact_it_only_tells_the_difference(host: Host) -> None:
    plan = host.plan(sent=False)
    assert plan.apply is None
    assert plan.result["missing"] == ["hello"]
    assert (plan.before, plan.after) == ({"hello": {"staged": None}}, {"hello": {"staged": DIGEST[:12]}})
    assert not host.root.exists()


def test_stages_whole_and_executable_and_a_second_run_has_nothing_to_do(host: Host) -> None:
    host.apply()
    program = host.root / "hello" / DIGEST[:12] / "hello"
    assert program.read_bytes() == PROGRAM
    assert program.stat().st_mode & 0o777 == 0o755
    again = host.plan(sent=False)
    assert again.before == again.after
    assert again.result["missing"] == []
    assert Store(str(host.root / "hello")).current() is None


def test_switches_when_asked(host: Host) -> None:
    host.apply(version="1", switch=True)
    host.apply(version="2", switch=True)
    store = Store(str(host.root / "hello"))
    assert (store.current(), store.previous()) == ("2", "1")


def test_keeps_as_many_versions_as_asked(host: Host) -> None:
    for version in ("1", "2", "3", "4"):
        host.apply(version=version, switch=True, keep=2)
    assert set(Store(str(host.root / "hello")).versions()) == {"4", "3"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"goarch": "arm64"},
            "hello .*: wanted a program for this host .x86_64: GOARCH 386 or amd64.; found one for GOARCH arm64",
        ),
        ({"version": "../etc"}, "wanted a version"),
    ],
)
def test_refuses_before_anything_is_written(host: Host, changes: dict[str, t.Any], message: str) -> None:
    with pytest.raises(HostError, match=message):
        host.plan(**changes)
    assert not host.root.exists()


def test_a_version_never_changes_its_content(host: Host) -> None:
    host.apply(version="1")
    with pytest.raises(HostError, match="give the new build a new version"):
        host.plan(version="1", sha256="0" * 64)


def test_a_transfer_that_lost_bytes_installs_nothing(host: Host) -> None:
    host.artefact.write_bytes(PROGRAM[:-1])
    with pytest.raises(HostError, match="after the transfer"):
        host.apply()
    assert Store(str(host.root / "hello")).versions() == {}
    assert [name for name in os.listdir(host.root / "hello") if not name.startswith(".lock")] == []
