# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._probe import identity
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.identity import (
    Identity,
    identity_of,
    parse_answer,
    run_as,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.identity_child import MARK
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed

from .stand_in import FIXTURES


def identified(**params: t.Any) -> Identity:
    found = identity_of({"unit": None, "user": None, "capabilities": [], "limit_memlock": None, **params})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, Identity()),
        ({"unit": "hello"}, Identity(unit="hello.service")),
        ({"unit": "hello.service"}, Identity(unit="hello.service")),
        ({"unit": "a@b.service", "limit_memlock": "64K"}, Identity("a@b.service", limits={"memlock": "64K"})),
        (
            {"user": "www", "capabilities": ["bpf", "CAP_PERFMON"]},
            Identity(None, "www", ("CAP_BPF", "CAP_PERFMON")),
        ),
        ({"name": "of a list", "capabilities": None}, Identity()),
        ({"limit_memlock": "infinity"}, Identity(limits={"memlock": "infinity"})),
    ],
)
def test_the_identity_is_read_from_the_option(params: dict[str, t.Any], expected: Identity) -> None:
    assert identified(**params) == expected


def test_without_the_option_there_is_no_identity() -> None:
    assert identity_of(None) is None


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"capabilities": ["CAP_EVERYTHING"]}, "CAP_EVERYTHING: wanted a capability"),
        ({"capabilities": [""]}, "CAP_: wanted a capability"),
        ({"limit_memlock": "much"}, "limit_memlock: wanted a number of bytes"),
        ({"limit_memlock": "-1"}, "limit_memlock: wanted a number of bytes"),
    ],
)
def test_values_that_systemd_would_ignore_are_refused(params: dict[str, t.Any], message: str) -> None:
    with pytest.raises(HostError, match=message):
        identified(**params)


class Systemd:
    """A stand-in for systemctl, which prints a recorded unit, and for systemd-run, which runs the command."""

    def __init__(self, shown: Completed | None = None, answer: Completed | None = None) -> None:
        self.shown = shown
        self.answer = answer
        self.argv: list[str] = []

    def __call__(
        self, argv: list[str], *, stdin: str | None = None, env: t.Mapping[str, str] | None = None
    ) -> Completed:
        if argv[0] == "systemctl":
            assert self.shown is not None
            return self.shown
        assert stdin is None, "a pipe breaks when the service does not start"
        self.argv = argv
        if self.answer is not None:
            return self.answer
        done = subprocess.run(
            argv[argv.index("--") + 1 :],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Completed(done.returncode, done.stdout, "Running as unit: run-u1.service\n" + done.stderr)

    def properties(self) -> dict[str, str]:
        prefix = "--property="
        return dict(word[len(prefix) :].split("=", 1) for word in self.argv if word.startswith(prefix))


@pytest.fixture
def root(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "run" / "systemd" / "system").mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return str(tmp_path)


def test_a_function_of_the_collection_runs_in_a_transient_service(root: str) -> None:
    systemd = Systemd()
    result = run_as(
        identified(user="www", capabilities=["CAP_BPF"], limit_memlock="64K"),
        run=systemd,
        function="_probe.caller:parse_status",
        arguments={"text": "Uid:\t1\nGid:\t2\n"},
        root=root,
    )
    who = result.pop("identity")
    assert result == {"Uid": "1", "Gid": "2"}
    assert (who["unit"], who["user"], who["capabilities"]) == (None, "www", ["CAP_BPF"])
    assert who["limits"] == {"memlock": "64K"}
    # The function runs in a child of this test, which may lack the capability.
    assert who["not_given"] in ([], ["CAP_BPF"])
    assert systemd.properties() == {
        "User": "www",
        "CapabilityBoundingSet": "CAP_BPF",
        "AmbientCapabilities": "CAP_BPF",
        "NoNewPrivileges": "yes",
        "LimitMEMLOCK": "64K",
        "LimitCORE": "0",
        "RuntimeMaxSec": "120",
        "TimeoutStopSec": "5",
    }
    for word in ("--wait", "--pipe", "--collect"):
        assert word in systemd.argv


def test_an_empty_identity_is_a_dynamic_user_without_capabilities(root: str) -> None:
    systemd = Systemd()
    run_as(
        identified(), run=systemd, function="_probe.caller:parse_status", arguments={"text": ""}, root=root
    )
    properties = systemd.properties()
    assert (properties["DynamicUser"], properties["CapabilityBoundingSet"]) == ("yes", "")
    assert "User" not in properties


def test_the_properties_of_a_unit_are_copied(root: str) -> None:
    text = (FIXTURES / "systemd" / "257" / "hello.service").read_text(encoding="utf-8")
    systemd = Systemd(shown=Completed(0, text, ""))
    result = run_as(
        identified(unit="hello", limit_memlock="1M"),
        run=systemd,
        function="_probe.caller:parse_status",
        arguments={"text": ""},
        root=root,
    )
    properties = systemd.properties()
    assert (properties["User"], properties["DynamicUser"], properties["LimitMEMLOCK"]) == (
        "hello",
        "yes",
        "1M",
    )
    assert "io_uring_setup" not in properties["SystemCallFilter"].split()
    assert "AppArmorProfile=-gofleet.x" in result["identity"]["not_carried"]


def test_a_host_error_of_the_function_is_raised(root: str) -> None:
    with pytest.raises(HostError, match="CAP_NONE: wanted a capability"):
        run_as(
            identified(),
            run=Systemd(),
            function="_probe.identity:identity_of",
            arguments={"params": {"capabilities": ["none"]}},
            root=root,
        )


def test_an_exception_of_the_function_is_shown(root: str) -> None:
    with pytest.raises(HostError, match="found TypeError: "):
        run_as(
            identified(),
            run=Systemd(),
            function="_probe.caller:parse_status",
            arguments={"wrong": 1},
            root=root,
        )


ENDED_252 = """Running as unit: run-u1.service
Finished with result: {result}
Main processes terminated with: code={code}/status={status}
Service runtime: 1ms
"""
ENDED_257 = """Running as unit: run-p1-i2.service; invocation ID: 0a
Finished with result: {result}
Main processes terminated with: code={code}, status={status}
Service runtime: 1ms
"""


@pytest.mark.parametrize(
    ("done", "found"),
    [
        (Completed(127, "", "systemd-run: not found on this host"), "systemd-run not found"),
        (
            Completed(217, "", ENDED_252.format(result="exit-code", code="exited", status="217")),
            "user does not exist",
        ),
        (
            Completed(217, "", ENDED_257.format(result="exit-code", code="exited", status="217/USER")),
            "user does not exist",
        ),
        (Completed(255, "", ENDED_252.format(result="signal", code="killed", status="SYS")), "SIGSYS"),
        (Completed(255, "", ENDED_257.format(result="signal", code="killed", status="31/SYS")), "SIGSYS"),
        (
            Completed(1, "", ENDED_252.format(result="timeout", code="killed", status="TERM")),
            "no result within 120 s",
        ),
        (Completed(1, "", "Failed to parse SecureBits: 3\n"), "Failed to parse SecureBits: 3"),
        (
            Completed(1, "", ENDED_257.format(result="exit-code", code="exited", status="1/FAILURE")),
            "exit status 1",
        ),
        (
            Completed(
                1,
                "",
                "MemoryError\n" + ENDED_257.format(result="exit-code", code="exited", status="1/FAILURE"),
            ),
            "MemoryError",
        ),
        (Completed(0, "", ""), "exit status 0"),
        (Completed(0, MARK + '{"returned": ', ""), "exit status 0"),
        (Completed(0, MARK + "[]", ""), "exit status 0"),
        (Completed(0, "noise", "\0\xff"), "\0"),
    ],
)
def test_a_missing_result_is_explained(done: Completed, found: str) -> None:
    with pytest.raises(HostError) as caught:
        parse_answer(done, subject="x.service")
    assert found in caught.value.found
    assert caught.value.subject == "x.service"


def test_the_result_is_the_last_line() -> None:
    done = Completed(0, f"noise\n{MARK}{json.dumps({'returned': {}})}\n", "warning")
    assert parse_answer(done, subject="x") == {"returned": {}}


def test_a_failure_of_systemctl_show_is_reported(root: str) -> None:
    systemd = Systemd(shown=Completed(1, "", "Failed to connect to bus: No such file or directory\n"))
    with pytest.raises(HostError, match="hello.service: .*Failed to connect to bus"):
        run_as(identified(unit="hello"), run=systemd, function="_probe.caller:x", arguments={}, root=root)
    assert systemd.argv == []


def test_systemd_and_root_are_required(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def attempt() -> None:
        run_as(identified(), run=Systemd(), function="_probe.caller:x", arguments={}, root=str(tmp_path))

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(HostError, match="wanted systemd as init"):
        attempt()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(
        HostError, match=r"a dynamic user with no capability: .*found uid 1000\. Set become: true\."
    ):
        attempt()


def test_a_service_that_ends_before_it_reads_its_input_is_explained(root: str) -> None:
    ended = ENDED_257.format(result="exit-code", code="exited", status="217/USER")
    with pytest.raises(HostError, match="the user does not exist"):
        run_as(
            identified(user="x"),
            run=Systemd(answer=Completed(217, "", ended)),
            function="_probe.caller:parse_status",
            arguments={"text": "much" * (1 << 16)},
            root=root,
        )


def test_standard_input_is_restored() -> None:
    before = os.fstat(0)
    text = "a\u00e4" * (1 << 17)
    with identity.standard_input(text):
        read = subprocess.run(["cat"], stdout=subprocess.PIPE, check=True, timeout=60).stdout
    assert read.decode() == text
    assert os.path.samestat(os.fstat(0), before)


def test_every_imported_module_is_sent() -> None:
    root_package = identity.__name__.rsplit(".", 2)[0]
    sources = identity.sources_below(root_package)
    assert sources["ansible_collections"] is None
    assert "def run_as" in (sources[identity.__name__] or "")
    assert all(name.startswith(root_package) or source is None for name, source in sources.items())
