# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.policy import Kernel
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed
from ansible_collections.gofleet.hosts.plugins.module_utils._units.spec import parse_units
from ansible_collections.gofleet.hosts.plugins.module_utils._units.state import (
    Found,
    Roots,
    clear_pending_restarts,
    read_file,
    read_host,
    record_pending_restarts,
    stale_reasons,
)

ACTIVE = {"ActiveState": "active", "MainPID": "7", "NeedDaemonReload": "no", "AppArmorProfile": ""}


def _roots(root: pathlib.Path) -> Roots:
    (root / "run/systemd/system").mkdir(parents=True)
    return Roots(*(str(root / name) for name in ("etc", "proc", "sys", "run")))


def _found(facts: dict[str, str], **more: t.Any) -> Found:
    base: dict[str, t.Any] = {
        "files": {},
        "shown": {"x.service": {**ACTIVE, **facts}},
        "current_versions": {},
        "triggers": {},
        "pending_restarts": frozenset(),
        "kernel": Kernel({"hello": "enforce"}, None),
    }
    return Found(**{**base, **more})


def _stale(root: pathlib.Path, found: Found, *, differing: t.Sequence[str] = (), **entry: t.Any) -> list[str]:
    (unit,) = parse_units([{"name": "x.service", **entry}])
    return stale_reasons(unit, found, differing=differing, roots=_roots(root))


def test_a_unit_that_runs_as_its_files_say_is_not_stale(tmp_path: pathlib.Path) -> None:
    assert _stale(tmp_path, _found({})) == []
    assert _found({}).is_running("x.service")
    assert not _found({}).is_enabled("x.service")


@pytest.mark.parametrize("name", ["x.service", "x.service.d/10-a.conf"])
def test_a_differing_file_makes_a_unit_stale(tmp_path: pathlib.Path, name: str) -> None:
    (reason,) = _stale(tmp_path, _found({}), differing=[name, "y.service"])
    assert name in reason


def test_the_template_makes_an_instance_stale(tmp_path: pathlib.Path) -> None:
    (unit,) = parse_units([{"name": "x@1.service"}])
    found = _found({}, shown={"x@1.service": ACTIVE})
    assert stale_reasons(unit, found, differing=["x@.service"], roots=_roots(tmp_path))


def test_a_running_oneshot_can_finish(tmp_path: pathlib.Path) -> None:
    found = _found({"ActiveState": "activating", "Type": "oneshot"})
    assert _stale(tmp_path, found, differing=["x.service"]) == []


def test_a_service_that_waits_for_a_restart_does_not_run() -> None:
    found = _found({"ActiveState": "activating", "SubState": "auto-restart"})
    assert not found.is_running("x.service")
    assert found.is_kept_running("x.service")


def test_unread_files_and_pending_restarts_make_a_unit_stale(tmp_path: pathlib.Path) -> None:
    found = _found({"NeedDaemonReload": "yes"}, pending_restarts=frozenset(["x.service"]))
    assert _stale(tmp_path, found) == [
        "an earlier run was interrupted before the restart",
        "systemd has not read its unit file",
    ]


def test_a_unit_stopped_by_an_interrupted_run_is_stale(tmp_path: pathlib.Path) -> None:
    stopped = {"ActiveState": "inactive", "MainPID": "0"}
    assert _stale(tmp_path, _found(stopped, pending_restarts=frozenset(["x.service"]))) != []
    (tmp_path / "second").mkdir()
    assert _stale(tmp_path / "second", _found(stopped), differing=["x.service"]) == []


@pytest.mark.parametrize(
    ("current", "exe", "reasons"),
    [
        ("2", "{store}/2/hello", []),
        ("1", "{store}/1/hello", ["release 1 is current"]),
        (None, "{store}/1/hello", ["release None is current"]),
        ("2", "{store}/1/hello", ["its process runs 1"]),
        ("2", "{store}/2/hello (deleted)", ["its process runs 2, deleted"]),
        ("2", "/usr/bin/python3", []),
        ("2", None, []),
    ],
)
def test_the_process_is_compared_with_the_release(
    tmp_path: pathlib.Path, current: str | None, exe: str | None, reasons: list[str]
) -> None:
    store = tmp_path / "opt/hello"
    (tmp_path / "proc/7").mkdir(parents=True)
    if exe is not None:
        (tmp_path / "proc/7/exe").symlink_to(exe.format(store=store))
    found = _found({}, current_versions={str(store): current})
    assert _stale(tmp_path, found, release={"path": str(store), "version": "2"}) == reasons


@pytest.mark.parametrize(
    ("profile", "label", "is_stale"),
    [
        ("hello", "hello (enforce)", False),
        ("hello", "other//&hello (complain)", False),
        ("hello", "unconfined", True),
        ("-hello", "other (enforce)", True),
        ("-missing", "unconfined", False),
        ("", "unconfined", False),
        ("hello", None, False),
    ],
)
def test_the_process_is_compared_with_the_profile(
    tmp_path: pathlib.Path, profile: str, label: str | None, is_stale: bool
) -> None:
    attributes = tmp_path / "proc/7/attr"
    attributes.mkdir(parents=True)
    if label is not None:
        (attributes / "current").write_text(label + "\n")
    assert bool(_stale(tmp_path, _found({"AppArmorProfile": profile}))) == is_stale


def test_pending_restarts_are_kept_until_cleared(tmp_path: pathlib.Path) -> None:
    roots = _roots(tmp_path)
    record_pending_restarts(["x.service", "y.service"], roots=roots)
    clear_pending_restarts(["x.service", "never.service"], roots=roots)

    def run(argv: list[str], **more: object) -> Completed:
        return Completed(0, "ActiveState=inactive\n", "")

    assert read_host(parse_units([{"name": "x.service"}]), roots=roots, run=run).pending_restarts == {
        "y.service"
    }


def test_one_command_reads_all_units_and_the_services_of_sockets(tmp_path: pathlib.Path) -> None:
    calls: list[list[str]] = []

    def run(argv: list[str], **more: object) -> Completed:
        calls.append(argv)
        return Completed(0, "ActiveState=active\n\nActiveState=inactive\n", "")

    units = parse_units(
        [
            {"name": "x.socket", "content": "[Socket]\nService=y.service\n"},
            {"name": "x@.service", "content": "[Service]\n"},
            {"name": "x.socket.d/a.conf", "state": "absent"},
        ]
    )
    found = read_host(units, roots=_roots(tmp_path), run=run)
    assert [call[-3:] for call in calls] == [["--", "x.socket", "y.service"]]
    assert found.triggers == {"x.socket": ["y.service"]}
    assert found.shown["y.service"] == {"ActiveState": "inactive"}
    assert set(found.files.values()) == {(None, None)}


def test_without_systemd_the_host_is_refused(tmp_path: pathlib.Path) -> None:
    def run(argv: list[str], **more: object) -> Completed:
        raise AssertionError(argv)

    with pytest.raises(HostError, match="booted with systemd"):
        read_host([], roots=Roots("/etc", runtime=str(tmp_path)), run=run)


def test_a_state_that_systemctl_does_not_show_is_an_error(tmp_path: pathlib.Path) -> None:
    def run(argv: list[str], **more: object) -> Completed:
        return Completed(1, "", "Failed to connect to bus")

    with pytest.raises(HostError, match="Failed to connect"):
        read_host(parse_units([{"name": "x.service"}]), roots=_roots(tmp_path), run=run)


def test_links_and_files_are_distinguished(tmp_path: pathlib.Path) -> None:
    (tmp_path / "masked").symlink_to("/dev/null")
    (tmp_path / "file").write_text("a\n")
    assert read_file(str(tmp_path / "masked")) == ("", "/dev/null")
    assert read_file(str(tmp_path / "file")) == ("a\n", None)
    assert read_file(str(tmp_path / "none")) == (None, None)
