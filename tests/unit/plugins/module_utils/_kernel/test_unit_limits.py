# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.unit_limits import (
    parse_span,
    read_unit_limits,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed

from .._probe.stand_in import FIXTURES

DEFAULTS = """
DefaultLimitNOFILE=524288
DefaultLimitNOFILESoft=1024
DefaultLimitNPROC=2794
DefaultLimitNPROCSoft=2794
DefaultLimitMEMLOCK=infinity
DefaultLimitMEMLOCKSoft=8388608
DefaultTasksMax=838
""".lstrip()

STOPPED = """
MainPID=0
Slice=a-b.slice
ControlGroup=
CPUQuotaPerSecUSec=1.500000s
CPUQuotaPeriodUSec=infinity
MemoryHigh=infinity
MemoryMax=1073741824
TasksMax=100
LimitNOFILE=65536
LimitNOFILESoft=65536
LimitNPROC=infinity
LimitNPROCSoft=infinity
LimitMEMLOCK=8388608
LimitMEMLOCKSoft=8388608
Id=web.service
LoadState=loaded
LoadError=
""".lstrip()

MISSING = """
MainPID=0
LimitNOFILE=1073741816
Id=nope.service
LoadState=not-found
LoadError=org.freedesktop.systemd1.NoSuchUnit "Unit nope.service not found."
""".lstrip()


class StandIn:
    """A stand-in for systemctl that prints the properties of units and those of the manager."""

    def __init__(self, units: str, *, defaults: str = DEFAULTS, rc: int = 0, err: str = "") -> None:
        self.units, self.defaults, self.rc, self.err = units, defaults, rc, err
        self.calls: list[list[str]] = []

    def __call__(
        self, argv: list[str], *, stdin: str | None = None, env: t.Mapping[str, str] | None = None
    ) -> Completed:
        self.calls.append(argv)
        return Completed(self.rc, self.units if "--" in argv else self.defaults, self.err)


def limits(units: list[str], run: StandIn, root: pathlib.Path) -> dict[str, t.Any]:
    return read_unit_limits(units, root=str(root), run=run)


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("200ms", 200_000),
        ("1.5s", 1_500_000),
        ("1min 30s", 90_000_000),
        ("50us", 50),
        ("2h", 7_200_000_000),
        ("infinity", None),
        ("", None),
        ("5", None),
        ("5 parsecs", None),
        ("s", None),
        ("\x00", None),
    ],
)
def test_time_spans_are_parsed(text: str, microseconds: int | None) -> None:
    assert parse_span(text) == microseconds


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_a_recorded_running_unit_is_read(kernel: str) -> None:
    run = StandIn((FIXTURES / kernel / "systemctl" / "show").read_text())
    found = limits(["ssh"], run, FIXTURES / kernel)
    unit = found["units"]["ssh"]
    assert (unit["source"], unit["pid"], unit["reason"]) == ("process", 100, None)
    assert unit["limits"]["nofile"] == {"soft": 1024, "hard": 524288}
    assert set(unit["limits"]) == {"nofile", "nproc", "memlock"}
    assert unit["cgroup"]["path"] == "/system.slice/ssh.service"
    assert unit["cgroup"]["source"] == "kernel"
    assert unit["cgroup"]["pids_max"] == unit["cgroup"]["effective"]["pids_max"] > 0
    assert unit["cgroup"]["gomaxprocs_reason"] is None


def test_systemctl_is_called_once_for_units_and_once_for_defaults(tmp_path: pathlib.Path) -> None:
    run = StandIn(f"{STOPPED}\n{MISSING}")
    found = limits(["web", "nope.service", "web.service"], run, tmp_path)
    assert [argv[argv.index("--") :] for argv in run.calls if "--" in argv] == [
        ["--", "web.service", "nope.service"]
    ]
    assert len(run.calls) == 2
    assert found["units"]["web"] == found["units"]["web.service"]
    assert found["unit_defaults"] == {
        "limits": {
            "nofile": {"soft": 1024, "hard": 524288},
            "nproc": {"soft": 2794, "hard": 2794},
            "memlock": {"soft": 8388608, "hard": None},
        },
        "pids_max": 838,
        "reason": None,
    }


def test_a_stopped_unit_has_its_configured_limits(tmp_path: pathlib.Path) -> None:
    slice_ = tmp_path / "sys" / "fs" / "cgroup" / "a.slice"
    slice_.mkdir(parents=True)
    (slice_ / "cgroup.controllers").write_text("cpu\n")
    (slice_ / "cpu.max").write_text("25000 100000\n")
    unit = limits(["web.service"], StandIn(STOPPED), tmp_path)["units"]["web.service"]
    assert (unit["source"], unit["pid"]) == ("systemd", None)
    assert unit["reason"] == "the unit is not running: these are the limits that systemd would set"
    assert unit["limits"]["nofile"] == {"soft": 65536, "hard": 65536}
    assert unit["limits"]["nproc"] == {"soft": None, "hard": None}
    group = unit["cgroup"]
    assert (group["path"], group["source"]) == ("/a.slice/a-b.slice/web.service", "systemd")
    assert group["cpu_max"] == {"quota_us": 150000, "period_us": 100000, "cpus": 1.5}
    assert (group["memory_max"], group["pids_max"]) == (1073741824, 100)
    assert (group["effective"]["cpus"], group["decided_by"]) == (0.25, {"cpus": "/a.slice"})
    assert "Go 1.25" in group["gomaxprocs_reason"]


def test_unreadable_limits_of_a_process_have_a_reason(tmp_path: pathlib.Path) -> None:
    unit = limits(["web"], StandIn(STOPPED.replace("MainPID=0", "MainPID=7")), tmp_path)["units"]["web"]
    assert (unit["source"], unit["pid"]) == ("systemd", 7)
    assert unit["reason"] == "/proc/7/limits cannot be read: these are the limits that systemd sets at start"


def test_the_control_group_of_the_process_is_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "proc" / "7").mkdir(parents=True)
    (tmp_path / "proc" / "7" / "cgroup").write_text("0::/a.slice/web.service/inner\n")
    inner = tmp_path / "sys" / "fs" / "cgroup" / "a.slice" / "web.service" / "inner"
    inner.mkdir(parents=True)
    (inner / "cgroup.controllers").write_text("cpu\n")
    unit = limits(["web"], StandIn(STOPPED.replace("MainPID=0", "MainPID=7")), tmp_path)["units"]["web"]
    assert unit["cgroup"]["path"] == "/a.slice/web.service/inner"


def test_a_unit_that_does_not_exist_has_a_reason(tmp_path: pathlib.Path) -> None:
    unit = limits(["nope.service"], StandIn(MISSING), tmp_path)["units"]["nope.service"]
    assert unit["limits"] is None
    assert unit["reason"] == "systemd has no such unit (not-found: Unit nope.service not found.)"


@pytest.mark.parametrize(
    "name", ["*.service", "a b", "/etc/x", "web@.service", "", "a\nb", "web;id", "x" * 300]
)
def test_an_invalid_name_is_not_queried(tmp_path: pathlib.Path, name: str) -> None:
    run = StandIn("")
    assert limits([name], run, tmp_path)["units"][name]["reason"].startswith("not the name of one unit")
    assert not [argv for argv in run.calls if "--" in argv]


@pytest.mark.parametrize("name", ["-.slice", "web@1.service", "dev-disk-by\\x2duuid.swap", "a:b.service"])
def test_a_valid_name_is_queried(tmp_path: pathlib.Path, name: str) -> None:
    run = StandIn("")
    limits([name], run, tmp_path)
    assert run.calls[0][-2:] == ["--", name]


@pytest.mark.parametrize(
    ("rc", "err", "reason"),
    [
        (
            127,
            "systemctl: not found on this host",
            "systemctl returned no properties: systemctl: not found on this host",
        ),
        (1, "", "systemctl returned no properties: systemctl exited with 1 and printed no error"),
    ],
)
def test_a_host_without_systemd_has_a_reason(tmp_path: pathlib.Path, rc: int, err: str, reason: str) -> None:
    found = limits(["web"], StandIn("", defaults="", rc=rc, err=err), tmp_path)
    assert found["units"]["web"]["reason"] == reason
    assert found["unit_defaults"]["limits"] == {}
    assert found["unit_defaults"]["reason"].startswith("systemctl returned no properties: ")


def test_units_missing_from_truncated_output_have_a_reason(tmp_path: pathlib.Path) -> None:
    found = limits(["web", "other"], StandIn(STOPPED, rc=1, err="Connection reset"), tmp_path)["units"]
    assert found["web"]["limits"] is not None
    assert found["other"]["reason"] == "systemctl returned no properties: Connection reset"


@pytest.mark.parametrize(
    "text", ["=\n", "\x00=\xff\n", "LoadState=loaded\n", "LimitNOFILE=\nLoadState=loaded\n"]
)
def test_damaged_output_gives_values_or_a_reason(tmp_path: pathlib.Path, text: str) -> None:
    unit = limits(["web"], StandIn(text, defaults=text), tmp_path)["units"]["web"]
    amounts = [limit[kind] for limit in (unit["limits"] or {}).values() for kind in ("soft", "hard")]
    assert set(amounts) <= {None}
    assert unit["pid"] is None
