# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbook wrote: the report on the controller, and metrics on the host."""

from __future__ import annotations

import json
import os
import pathlib
import re
import typing as t

import pytest

testinfra_hosts = ["ansible://go_hosts"]

FLEET = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]) / ".lab" / "fleet"


@pytest.fixture
def report() -> dict[str, t.Any]:
    told: dict[str, t.Any] = json.loads((FLEET / "fleet.json").read_text(encoding="utf-8"))
    return told


def test_every_probe_answered(host: t.Any, report: dict[str, t.Any]) -> None:
    (told,) = [one for one in report["hosts"] if one["name"] == host.backend.host]
    assert (told["state"], told["problems"]) == ("answered", [])
    assert told["kernel"]["release"] == host.check_output("uname -r")


def test_the_service_and_its_sandbox(host: t.Any, hello: t.Any, report: dict[str, t.Any]) -> None:
    (process,) = [
        one
        for one in report["go"]["processes"]
        if one["unit"] == "hello.service" and host.backend.host in one["hosts"]
    ]
    assert process["apparmor"] == hello.label()
    assert (process["seccomp"], process["no_new_privs"], process["root"]) == (2, True, False)
    (build,) = [one for one in report["go"]["builds"] if one["module"] == "example.com/hello"]
    assert sorted(build["hosts"]) == ["deb12", "deb13"], "the same program is one build"


def test_nothing_is_left_in_the_kernel(report: dict[str, t.Any]) -> None:
    assert report["ebpf"]["findings"] == []


def test_the_page_is_there(host: t.Any) -> None:
    assert host.backend.host in (FLEET / "fleet.html").read_text(encoding="utf-8")


def test_metrics_for_the_node_exporter(host: t.Any) -> None:
    text = host.file("/run/gofleet.prom").content_string
    samples = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert samples
    assert all(re.fullmatch(r"gofleet_\w+(\{[^}]*\})? [0-9.e+-]+", line) for line in samples)
