# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._converge import Plan
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._release.plan import plan_releases
from ansible_collections.gofleet.hosts.plugins.module_utils._release.store import Store

PROGRAM = b"\x7fELF program"
DIGEST = hashlib.sha256(PROGRAM).hexdigest()


class Host:
    """A release root in a directory, and a program that was sent to it."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root / "opt"
        self.artefact = root / "sent"
        self.artefact.write_bytes(PROGRAM)

    def plan(
        self, *, sent: bool = True, switch: bool = False, keep: int = 3, host: str = "/", **changes: t.Any
    ) -> Plan:
        item = {
            "name": "hello",
            "version": "",
            "sha256": DIGEST,
            "size": len(PROGRAM),
            "goarch": "amd64",
            "artefact": str(self.artefact) if sent else None,
            "files": [],
            "needs": None,
            "delta": False,
            "guess": None,
            **changes,
        }
        return plan_releases(
            [item], root=str(self.root), keep=keep, switch=switch, machine="x86_64", host=host
        )

    def files(self, **texts: str) -> list[dict[str, t.Any]]:
        return [
            {"path": f"etc/{name}", "mode": "0644", "data": base64.b64encode(text.encode()).decode()}
            for name, text in texts.items()
        ]

    def apply(self, **options: t.Any) -> Plan:
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


def test_a_changed_file_is_a_new_release_and_its_text_is_shown(host: Host) -> None:
    first = host.apply(files=host.files(a="a: 1\n", gone="x\n"), switch=True)
    assert first.before["hello/etc/a"] is None
    changed = host.plan(files=host.files(a="a: 2\n"), switch=True)
    assert (changed.before["hello/etc/a"], changed.after["hello/etc/a"]) == ("a: 1\n", "a: 2\n")
    assert (changed.before["hello/etc/gone"], changed.after["hello/etc/gone"]) == ("x\n", None)
    old, new = (plan.result["releases"]["hello"] for plan in (first, changed))
    assert old["version"] != new["version"]
    assert old["sha256"] == new["sha256"] == DIGEST
    host.apply(files=host.files(a="a: 2\n"), switch=True)
    again = host.plan(files=host.files(a="a: 2\n"), switch=True)
    assert again.before == again.after == {"hello": {"staged": new["version"], "current": new["version"]}}


def test_a_version_never_changes_its_files(host: Host) -> None:
    host.apply(version="1", files=host.files(a="1"))
    with pytest.raises(HostError, match="give the new build a new version"):
        host.plan(version="1", files=host.files(a="2"))


def test_tells_what_a_delta_can_start_from(host: Host) -> None:
    assert host.plan(sent=False).result["olds"] == {"hello": None}
    host.apply(version="1", switch=True)
    assert host.plan(sent=False, version="1").result["olds"] == {}
    told = host.plan(sent=False, version="2", sha256="0" * 64).result["olds"]["hello"]
    assert told["size"] == len(PROGRAM)
    leaf = hashlib.sha256(b"\0" + PROGRAM).digest()
    assert base64.b64decode(told["leaves"]) == leaf


def test_refuses_what_the_processor_cannot_run(host: Host, tmp_path: pathlib.Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text("flags : fpu\n")
    needs = {
        **{"machine": 62, "wide": True, "order": "<", "interpreter": None, "libraries": [], "search": []},
        **{"symbols": {}, "settings": {"GOAMD64": "v3"}},
    }
    with pytest.raises(HostError, match="GOAMD64=v3, the processor has v1"):
        host.plan(needs=needs, sent=False, host=str(tmp_path))
    assert not host.root.exists()


@pytest.mark.parametrize("name", [".staging-9-abc", ".removed-0-abc"])
def test_what_a_killed_run_left_is_removed_by_the_next(host: Host, name: str) -> None:
    host.apply(version="1", switch=True)
    (host.root / "hello" / name).mkdir()
    plan = host.apply(version="1", switch=True)
    assert plan.before["hello"]["to remove"] == [name]
    assert plan.after["hello"]["to remove"] == []
    assert not (host.root / "hello" / name).exists()
    again = host.plan(version="1", switch=True)
    assert again.before == again.after


def test_versions_that_a_killed_run_did_not_prune(host: Host) -> None:
    for version in ("1", "2", "3"):
        host.apply(version=version, switch=True)
    assert host.plan(version="3", switch=True, keep=2).before["hello"]["to remove"] == ["1"]
    assert host.plan(version="3", keep=2).before == {"hello": {"staged": "3"}}
    host.apply(version="3", switch=True, keep=2)
    assert set(Store(str(host.root / "hello")).versions()) == {"3", "2"}
