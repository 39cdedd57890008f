# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import stat
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus import api
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed
from ansible_collections.gofleet.hosts.plugins.modules import scrape_targets

CONFIG = "global:\n  scrape_interval: 15s\nscrape_configs:\n  - job_name: node # the user's\n"
NODE = {"job": "node", "targets": ["10.0.0.1:9100"], "labels": {"host": "web1"}}
RULE = {"name": "r", "content": {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "up == 0"}]}]}}


class Host:
    """A host with real files and a simulated Prometheus."""

    def __init__(self, root: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.config = root / "prometheus/prometheus.yml"
        self.directory = root / "prometheus/gofleet"
        self.config.parent.mkdir()
        self.config.write_text(CONFIG)
        self.commands: list[list[str]] = []
        self.promtool: t.Callable[[str], Completed] | None = lambda text: Completed(0, "SUCCESS", "")
        self.takes_reload = True
        self.answering = True
        self.loaded = 0
        self.down: dict[str, str] = {}

    def run_command(self, argv: list[str], **dummy: t.Any) -> Completed:
        self.commands.append(argv)
        if argv[0] == "promtool":
            if self.promtool is None:
                return Completed(127, "", "not found")
            if argv[1] == "check":
                return self.promtool(pathlib.Path(argv[3]).read_text())
        if argv[:2] == ["systemctl", "reload"] and self.takes_reload:
            self.loaded += 1
        return Completed(0, "", "")

    def fetch(self, path: str) -> str | None:
        if not self.answering:
            return None
        if path == "/metrics":
            name = "prometheus_config_last_reload"
            return f"{name}_successful 1\n{name}_success_timestamp_seconds {self.loaded}\n"
        found = [
            {
                "scrapePool": f"gofleet-{file.stem}",
                "discoveredLabels": {"__address__": address},
                "health": "down" if address in self.down else "up",
                "lastError": self.down.get(address, ""),
            }
            for file in self.directory.glob("targets/*.json")
            for group in json.loads(file.read_text())
            for address in group["targets"]
        ]
        return json.dumps({"data": {"activeTargets": found}})

    def run(self, *targets: t.Any, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        arguments = {
            "targets": list(targets),
            "config": os.fspath(self.config),
            "directory": os.fspath(self.directory),
            "wait_up": 1,
            "_ansible_check_mode": check,
            **options,
        }
        self.commands.clear()
        with patch_module_args(arguments), pytest.raises(SystemExit):
            scrape_targets.main()
        return json.loads(self.capsys.readouterr().out)

    def files(self) -> list[str]:
        return sorted(
            os.fspath(path.relative_to(self.directory))
            for path in self.directory.rglob("*")
            if path.is_file()
        )

    def ran(self, *words: str) -> bool:
        return any(argv[: len(words)] == list(words) for argv in self.commands)


@pytest.fixture
def host(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path, capsys)
    monkeypatch.setattr(scrape_targets, "host_runner", lambda module: host.run_command)
    monkeypatch.setattr(scrape_targets, "http_fetch", lambda url: host.fetch)
    for name, value in (("PAUSE_SECONDS", 0.001), ("READY_SECONDS", 0.05), ("RELOAD_SECONDS", 0.05)):
        monkeypatch.setattr(api, name, value)
    return host


def test_the_first_run_applies_all_and_the_second_runs_no_command(host: Host) -> None:
    first = host.run(NODE, rules=[RULE])
    assert first["changed"]
    assert first["reloaded"]
    assert first["up"] == [{"job": "node", "instance": "10.0.0.1:9100", "health": "up", "last_error": ""}]
    assert host.files() == ["rules/r.yml", "targets/node.json"]
    assert json.loads((host.directory / "targets/node.json").read_text()) == [
        {"targets": ["10.0.0.1:9100"], "labels": {"job": "node", "host": "web1"}}
    ]
    text = host.config.read_text()
    assert '- job_name: "gofleet-node"' in text
    assert "- job_name: node # the user's" in text
    second = host.run(NODE, rules=[RULE])
    assert not second["changed"]
    assert not second["reloaded"]
    assert second["up"] == first["up"]
    assert host.commands == []


def test_check_mode_predicts_and_checks_but_writes_nothing(host: Host) -> None:
    predicted = host.run(NODE, check=True)
    assert predicted["changed"]
    assert host.ran("promtool", "check", "config")
    assert not host.ran("systemctl")
    assert host.config.read_text() == CONFIG
    assert not host.directory.exists()


def test_check_mode_works_on_a_host_without_prometheus(host: Host) -> None:
    host.config.unlink()
    host.config.parent.rmdir()
    host.promtool, host.answering = None, False
    predicted = host.run(NODE, check=True)
    assert predicted["changed"]
    assert predicted["unchecked"]
    assert predicted["up"][0]["health"] == "absent"
    assert "Install Prometheus" in host.run(NODE)["msg"]
    assert not host.config.exists()


def test_changed_targets_need_no_reload(host: Host) -> None:
    host.run(NODE)
    result = host.run({**NODE, "targets": ["10.0.0.2:9100"]})
    assert result["changed"]
    assert not result["reloaded"]
    assert not host.ran("systemctl")


def test_unlisted_files_are_removed_and_foreign_files_stay(host: Host) -> None:
    host.run(NODE, rules=[RULE])
    (host.directory / "targets/strange.json").write_text("[]")
    assert host.run()["changed"]
    assert host.files() == ["targets/strange.json"]
    assert host.config.read_text() == CONFIG
    assert not host.run()["changed"]


def test_files_that_promtool_refuses_are_reported_with_their_real_paths(host: Host) -> None:
    def refuse(text: str) -> Completed:
        path = next(line.split('"')[1] for line in text.splitlines() if "files:" in line and '"' in line)
        return Completed(1, "", f"FAILED: {path}: bad")

    host.promtool = refuse
    for check in (True, False):
        result = host.run(NODE, check=check)
        assert result["failed"]
        assert f"FAILED: {host.directory}/targets/node.json: bad" in result["msg"]
    assert host.config.read_text() == CONFIG
    assert not host.directory.exists()


def test_a_failed_reload_restores_the_old_files(host: Host) -> None:
    host.run(NODE)
    before = host.config.read_text()
    host.takes_reload = False
    result = host.run({**NODE, "job": "other"})
    assert result["failed"]
    assert "old files are restored" in result["msg"]
    assert host.config.read_text() == before
    assert host.files() == ["targets/node.json"]
    assert len([argv for argv in host.commands if argv[:2] == ["systemctl", "reload"]]) == 2


def test_nothing_is_written_while_prometheus_does_not_answer(host: Host) -> None:
    host.answering = False
    assert "Nothing was changed" in host.run(NODE)["msg"]
    assert host.config.read_text() == CONFIG


def test_every_run_names_targets_that_stay_down(host: Host) -> None:
    host.down = {"10.0.0.1:9100": "connection refused"}
    for dummy in range(2):
        assert "node 10.0.0.1:9100 down (connection refused)" in host.run(NODE)["msg"]
    waiting = host.run(NODE, check=True)
    assert not waiting["changed"]  # check mode does not wait, and a target that is down is no change of ours
    assert waiting["up"][0]["health"] == "down"
    unwaited = host.run(NODE, wait_up=0)
    assert not unwaited["changed"]
    assert unwaited["up"][0]["last_error"] == "connection refused"


def test_the_mode_of_the_configuration_and_a_link_to_it_are_kept(host: Host) -> None:
    real = host.config.with_name("real.yml")
    host.config.rename(real)
    host.config.symlink_to(real)
    real.chmod(0o640)
    old = os.umask(0o077)
    try:
        assert host.run(NODE)["changed"]
    finally:
        os.umask(old)
    assert host.config.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert stat.S_IMODE((host.directory / "targets").stat().st_mode) == 0o755
    assert stat.S_IMODE(host.directory.stat().st_mode) == 0o755
    assert not host.run(NODE)["changed"]


@pytest.mark.parametrize(
    ("targets", "options", "words"),
    [
        ([{**NODE, "job": "a/b"}], {}, "job name"),
        ([{**NODE, "targets": ["http://a:1/metrics"]}], {}, "without scheme"),
        ([{**NODE, "targets": ["a"]}], {}, "host:port"),
        ([{**NODE, "labels": {"a-b": "c"}}], {}, "label name of"),
        ([], {"rules": [RULE, RULE]}, "two entries with this name"),
        ([], {"rules": [{"name": "r", "content": ["x"]}]}, "as text or as a dictionary"),
        ([], {"scrape_interval": "15s\nx: y"}, "duration"),
    ],
)
def test_invalid_options_are_refused(host: Host, targets: t.Any, options: t.Any, words: str) -> None:
    assert words in host.run(*targets, **options)["msg"]
