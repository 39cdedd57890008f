# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role rollout moves something that is no service: an agent, by the plays and steps in fixtures/rollout_agent."""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import typing as t

import pytest
import yaml  # type: ignore[import-untyped]
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.report import report_lines

ROOT = pathlib.Path(__file__).parents[3]
ROLE = ROOT / "roles" / "rollout"
PLAYBOOK = ROOT / "tests" / "fixtures" / "rollout_agent" / "rollout.yml"
AGENTS = ["agent1", "agent2", "agent3"]
CANARY = "agent2"


class Agents:
    """Hosts whose agent is a file with its version, and a page of metrics. Version 2 works on the canary only."""

    def __init__(self, place: pathlib.Path) -> None:
        self.files = place / "agents"
        self.files.mkdir()
        for name in AGENTS:
            (self.files / name).write_text("1")
        self.journals = place / "journals"

    def versions(self) -> dict[str, str]:
        return {name: (self.files / name).read_text() for name in AGENTS}

    def page(self, name: str) -> str:
        attached = 7 if name == CANARY or (self.files / name).read_text() == "1" else 0
        return f"# TYPE agent_probes_attached gauge\nagent_probes_attached {attached}\n"

    def states(self, name: str) -> list[str]:
        (journal,) = self.journals.glob("*.jsonl")
        events = [json.loads(line) for line in journal.read_text().splitlines()]
        return [event["state"] for event in events if event.get("host") == name]

    def roll(self, version: str, address: str) -> tuple[int, dict[str, t.Any], str]:
        variables = {
            "agent_directory": str(self.files),
            "agent_url": address,
            "agent_version": version,
            "rollout_directory": str(self.journals),
            "rollout_canary_hosts": [CANARY],
            "rollout_waves": ["2"],
            **dict.fromkeys(["rollout_baseline", "rollout_gate", "rollout_soak"], 0),
        }
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory = self.journals.parent / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"agents": {"hosts": dict.fromkeys(AGENTS), "vars": local}}))
        done = subprocess.run(
            ["ansible-playbook", "-i", str(inventory), "-e", json.dumps(variables), str(PLAYBOOK)],
            env={**os.environ, "ANSIBLE_NOCOLOR": "true", "ANSIBLE_PIPELINING": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
        reports = sorted(self.journals.glob("*.json"))
        assert reports, done.stdout + done.stderr
        return done.returncode, json.loads(reports[-1].read_text()), done.stdout


@pytest.fixture
def agents(tmp_path: pathlib.Path) -> Agents:
    return Agents(tmp_path)


@pytest.fixture
def address(agents: Agents) -> t.Iterator[str]:
    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(agents.page(self.path.strip("/")).encode())

        def log_message(self, *args: t.Any) -> None:
            """Log nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_agent_that_fails_its_gate_is_put_back_with_the_canary(agents: Agents, address: str) -> None:
    status, report, output = agents.roll("2", address)
    assert status != 0
    assert agents.versions() == dict.fromkeys(AGENTS, "1"), output
    (canary,), (bad,), (last,) = report["waves"]
    assert canary == CANARY
    assert report["outcome"] == "reverted"
    assert {name: host["place"] for name, host in report["hosts"].items()} == {
        canary: "reverted",
        bad: "reverted",
        last: "untouched",
    }
    moved = ["looked", "moving", "moved"]
    back = ["reverting", "reverted"]
    assert agents.states(canary) == [*moved, "gated", "done", *back]
    assert agents.states(bad) == [*moved, "failed", *back]
    host = report["hosts"][canary]
    assert (host["from"], host["to"]) == ({"agent": "1"}, {"agent": "2"})
    assert [one["name"] for one in host["evidence"]] == ["agent attached"]
    (why,) = (
        line
        for line in report_lines(report)
        if line.startswith(f"{bad}: reverted, failed at Check the gates")
    )
    assert "agent attached: no" in why
    assert "0 is below 1" in why
    assert f"{bad}: reverted, failed at Check the gates" in output


def test_only_the_seam_knows_services() -> None:
    """Task files outside tasks/service call no other role, and no filter or module of services."""
    for path in sorted((ROLE / "tasks").glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        assert "include_role" not in text, path.name
        assert "go_service" not in text, path.name
        assert set(re.findall(r"gofleet\.hosts\.(\w+)", text)) <= {"rollout_journal", "metrics_gate"}, (
            path.name
        )
    given = yaml.safe_load(PLAYBOOK.read_text(encoding="utf-8"))[1]["tasks"][0]["vars"]
    internal = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    using = {name for name, value in internal.items() if "go_service" in value or value == "service"}
    assert using | {"__rollout_conditions"} == set(given)
