# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import functools
import json
import os
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._sysctl import plan as sysctl_plan
from ansible_collections.gofleet.hosts.plugins.modules import sysctl_profile

SOMAXCONN = {"name": "net.core.somaxconn", "value": 16384}
RMEM = {"name": "net.ipv4.tcp_rmem", "value": "4096 87380 16777216"}


class Host:
    """A host made of a directory, and the module run on it."""

    def __init__(self, root: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.capsys = capsys
        self.file = root / "etc/sysctl.d/60-gofleet.conf"
        self.key("net.core.somaxconn", "4096")
        self.key("net.ipv4.tcp_rmem", "4096\t131072\t6291456")

    def key(self, name: str, value: str | None = None) -> str:
        path = self.root / "proc/sys" / name.replace(".", "/")
        if value is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{value}\n")
        return path.read_text().strip()

    def other(self, name: str, text: str) -> None:
        path = self.root / "etc/sysctl.d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, *settings: dict[str, t.Any], check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        arguments = {
            "settings": list(settings),
            "path": os.fspath(self.file),
            "_ansible_check_mode": check,
            **options,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            sysctl_profile.main()
        return json.loads(self.capsys.readouterr().out)

    def lines(self) -> list[str]:
        text = self.file.read_text() if self.file.exists() else ""
        return [line for line in text.splitlines() if not line.startswith("#")]


@pytest.fixture
def host(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Host:
    plan = functools.partial(sysctl_plan.plan_profile, root=os.fspath(tmp_path))
    monkeypatch.setattr(sysctl_profile, "plan_profile", plan)
    return Host(tmp_path, capsys)


def test_a_value_is_raised_live_and_for_the_next_boot(host: Host) -> None:
    first = host.run(SOMAXCONN, RMEM)
    assert first["changed"]
    assert [item["name"] for item in first["applied"]] == ["net.core.somaxconn", "net.ipv4.tcp_rmem"]
    assert host.key("net.core.somaxconn") == "16384"
    assert host.lines() == ["net.core.somaxconn = 16384", "net.ipv4.tcp_rmem = 4096 131072 16777216"]
    assert host.file.read_text().startswith(sysctl_plan.HEADER)
    second = host.run(SOMAXCONN, RMEM)
    assert not second["changed"]
    assert second["applied"] == []


def test_check_mode_predicts_and_changes_nothing(host: Host) -> None:
    predicted = host.run(SOMAXCONN, check=True)
    assert predicted["changed"]
    assert predicted["applied"] == [{"name": "net.core.somaxconn", "before": "4096", "after": "16384"}]
    text, live = predicted["diff"]
    assert "net.core.somaxconn = 16384" in text["after"]
    assert live == {"before": {"net.core.somaxconn": "4096"}, "after": {"net.core.somaxconn": "16384"}}
    assert host.key("net.core.somaxconn") == "4096"
    assert not host.file.exists()


def test_a_better_value_is_kept_and_gets_no_line(host: Host) -> None:
    host.key("net.core.somaxconn", "65535")
    result = host.run(SOMAXCONN)
    assert not result["changed"]
    assert result["kept"] == [
        {"name": "net.core.somaxconn", "live": "65535", "wanted": "16384", "rule": "at_least"}
    ]
    assert not host.file.exists()


def test_our_line_follows_a_raised_value(host: Host) -> None:
    host.run(SOMAXCONN)
    host.key("net.core.somaxconn", "65535")
    host.run(SOMAXCONN)
    assert host.lines() == ["net.core.somaxconn = 65535"]
    assert not host.run(SOMAXCONN)["changed"]


@pytest.mark.parametrize(
    ("name", "value", "lines", "overridden"),
    [
        ("10-a.conf", "65535", [], False),
        ("99-z.conf", "65535", [], False),
        ("10-a.conf", "1024", ["net.core.somaxconn = 16384"], False),
        ("99-z.conf", "1024", ["net.core.somaxconn = 16384"], True),
    ],
)
def test_values_of_other_files_at_boot_count(
    host: Host, name: str, value: str, lines: list[str], overridden: bool
) -> None:
    host.other(name, f"net.core.somaxconn = {value}\n")
    result = host.run(SOMAXCONN)
    assert host.lines() == lines
    assert host.key("net.core.somaxconn") == "16384"
    path = os.fspath(host.root / "etc/sysctl.d" / name)
    expected = [{"name": "net.core.somaxconn", "path": path, "value": value}] if overridden else []
    assert result["overridden_by"] == expected
    assert not host.run(SOMAXCONN)["changed"]


def test_other_rules(host: Host) -> None:
    host.key("vm.swappiness", "60")
    settings = [
        {"name": "vm.swappiness", "value": "10", "rule": "at_most"},
        {"name": "net.core.somaxconn", "value": "128", "rule": "exactly"},
    ]
    assert host.run(*settings)["changed"]
    assert (host.key("vm.swappiness"), host.key("net.core.somaxconn")) == ("10", "128")
    assert host.lines() == ["net.core.somaxconn = 128", "vm.swappiness = 10"]
    assert not host.run(*settings)["changed"]


def test_a_missing_key_is_neither_an_error_nor_a_change(host: Host) -> None:
    for dummy in range(2):
        result = host.run({"name": "net.netfilter.nf_conntrack_max", "value": 1})
        assert not result["changed"]
        assert result["unknown"][0]["decided_by"] == "kernel"


def test_a_key_that_disappeared_keeps_its_line(host: Host) -> None:
    host.run(SOMAXCONN)
    (host.root / "proc/sys/net/core/somaxconn").unlink()
    assert not host.run(SOMAXCONN)["changed"]
    assert host.lines() == ["net.core.somaxconn = 16384"]


@pytest.mark.parametrize(
    ("number", "uid", "decided_by"),
    [(errno.EROFS, 0, "namespace"), (errno.EACCES, 0, "capability"), (errno.EACCES, 1000, None)],
)
def test_a_key_that_cannot_be_set_here_gives_the_reason(
    host: Host, monkeypatch: pytest.MonkeyPatch, number: int, uid: int, decided_by: str | None
) -> None:
    real = os.open

    def refuse(path: t.Any, flags: int, *arguments: t.Any, **keywords: t.Any) -> int:
        if str(path).endswith("somaxconn") and flags & os.O_WRONLY:
            raise OSError(number, os.strerror(number), path)
        return real(path, flags, *arguments, **keywords)

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    result = host.run(SOMAXCONN)
    assert not result.get("changed")
    if decided_by is None:
        assert "become" in result["msg"]
    else:
        assert result["unknown"][0]["decided_by"] == decided_by


def test_a_refused_value_restores_everything(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sysctl_plan.write_live

    def refuse(path: str, value: str) -> None:
        if path.endswith("tcp_rmem") and value.endswith("16777216"):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(path, value)

    host.run({**SOMAXCONN, "value": 8192})
    before = host.file.read_text()
    monkeypatch.setattr(sysctl_plan, "write_live", refuse)
    result = host.run(SOMAXCONN, RMEM)
    assert result["failed"]
    for word in ("net.ipv4.tcp_rmem", "4096 131072 16777216", "EINVAL"):
        assert word in result["msg"]
    assert host.key("net.core.somaxconn") == "8192"
    assert host.file.read_text() == before


def test_a_value_that_the_kernel_changes_is_a_failure(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sysctl_plan.write_live
    monkeypatch.setattr(sysctl_plan, "write_live", lambda path, value: real(path, "5000"))
    assert "5000 after the kernel" in host.run(SOMAXCONN)["msg"]
    assert not host.file.exists()


def test_absent_removes_only_the_file(host: Host) -> None:
    host.run(SOMAXCONN)
    assert host.run(state="absent")["changed"]
    assert not host.file.exists()
    assert host.key("net.core.somaxconn") == "16384"
    assert not host.run(state="absent")["changed"]


def test_foreign_files_and_files_that_no_boot_reads_are_refused(host: Host) -> None:
    host.other("60-gofleet.conf", "net.core.somaxconn = 1\n")
    assert "Choose another path" in host.run(SOMAXCONN)["msg"]
    assert "A boot reads no other files" in host.run(SOMAXCONN, path="/srv/x.conf")["msg"]
