# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.denials import (
    check_rules,
    denial_report,
    denied_since,
    read_denials,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.log_sources import LogPaths
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed

from .test_audit_log import Journal
from .test_denial import recorded

PARAMS: dict[str, t.Any] = {
    "profiles": ["gofleet.*"],
    "since": "changed",
    "source": "auto",
    "release_roots": ["/opt/gofleet"],
    "limit": 100,
    "lines": 1000,
}


def denied(profile: str, name: str, *, at: int, verdict: str = "ALLOWED", serial: int = 0) -> str:
    fields = f'apparmor="{verdict}" operation="open" profile="{profile}" name="{name}" pid=7 comm="x" denied_mask="r"'
    message = f"audit: type=1400 audit({at}.000:{serial or at}): {fields}"
    return json.dumps({"_TRANSPORT": "kernel", "_BOOT_ID": "b", "MESSAGE": message})


@pytest.fixture
def host(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "sys/module/apparmor/parameters").mkdir(parents=True)
    (tmp_path / "sys/module/apparmor/parameters/enabled").write_text("Y\n")
    (tmp_path / "sys/kernel/security/apparmor").mkdir(parents=True)
    (tmp_path / "sys/kernel/security/apparmor/profiles").write_text(
        "gofleet.a (complain)\ngofleet.a//null-/usr/bin/true (complain)\nother (enforce)\n"
    )
    (tmp_path / "proc/7/attr/apparmor").mkdir(parents=True)
    (tmp_path / "proc/7/exe").symlink_to("/opt/gofleet/a/1/a")
    (tmp_path / "proc/7/attr/apparmor/current").write_text("gofleet.a (complain)\n")
    (tmp_path / "proc/stat").write_text("cpu 1\nbtime 700\n")
    (tmp_path / "etc/local").mkdir(parents=True)
    for name, changed in {"gofleet.a": 1000, "local/gofleet.a": 1100}.items():
        (tmp_path / "etc" / name).write_text("x")
        os.utime(tmp_path / "etc" / name, (changed, changed))
    return tmp_path


def ask(host: pathlib.Path, journal: t.Any, **options: t.Any) -> dict[str, t.Any]:
    params = {**PARAMS, "path": str(host / "etc"), **options}
    return read_denials(params, run=journal, paths=LogPaths(root=str(host)))


def test_denials_count_since_the_last_change_of_the_profile(host: pathlib.Path) -> None:
    journal = Journal(
        denied("gofleet.a", "/old", at=1050),
        denied("gofleet.a", "/new", at=1150),
        denied("gofleet.a//null-/usr/bin/true", "/child", at=1151),
        denied("other", "/x", at=1152),
        denied("gofleet.gone", "/y", at=1153),
    )
    answer = ask(host, journal)
    a = answer["profiles"]["gofleet.a"]
    assert (a["mode"], a["processes"], a["count"], a["since"]) == ("complain", 1, 2, "1970-01-01T00:18:20Z")
    assert [rule["rule"] for rule in a["rules"]] == ["/child r,", "/new r,"]
    assert a["rules"][0]["checked"] == "yes"
    # A profile that is no longer loaded and has no file counts from the boot.
    gone = answer["profiles"]["gofleet.gone"]
    assert (gone["mode"], gone["processes"], gone["count"]) == (None, 0, 1)
    assert set(answer["profiles"]) == {"gofleet.a", "gofleet.gone"}


@pytest.mark.parametrize(
    ("since", "count", "complete"),
    [("boot", 2, "yes"), ("@1100", 1, "yes"), ("1100.5", 1, "yes"), ("100", 2, "no")],
)
def test_since(host: pathlib.Path, since: str, count: int, complete: str) -> None:
    journal = Journal(denied("gofleet.a", "/old", at=1050), denied("gofleet.a", "/new", at=1150, serial=1051))
    a = ask(host, journal, since=since)["profiles"]["gofleet.a"]
    assert (a["count"], a["complete"]) == (count, complete)


def test_counting_begins_with_a_log_that_is_newer_than_the_profile(host: pathlib.Path) -> None:
    journal = Journal(begin="Thu 1970-01-01 00:20:00 UTC")
    a = ask(host, journal)["profiles"]["gofleet.a"]
    assert (a["since"], a["complete"]) == ("1970-01-01T00:20:00Z", "yes")


def test_an_invalid_time_is_refused(host: pathlib.Path) -> None:
    with pytest.raises(HostError, match="seconds since 1970"):
        ask(host, Journal(), since="yesterday")


def test_a_named_profile_is_reported_even_if_not_loaded(host: pathlib.Path) -> None:
    answer = ask(host, Journal(), profiles=["gofleet.missing"])
    assert answer["profiles"]["gofleet.missing"]["mode"] is None


def test_without_apparmor_the_profiles_are_skipped(tmp_path: pathlib.Path) -> None:
    answer = ask(tmp_path, None)
    assert answer["profiles"] == {}
    assert answer["skipped"] == [{"name": "gofleet.*", "reason": "the kernel has no AppArmor"}]


def test_denied_since_omits_complain_mode(host: pathlib.Path) -> None:
    journal = Journal(
        denied("gofleet.a", "/before", at=1100, verdict="DENIED"),
        denied("gofleet.a", "/logged", at=1101),
        denied("gofleet.a", "/new", at=1102, verdict="DENIED"),
        denied("gofleet.a", "/new", at=1103, verdict="DENIED"),
        denied("gofleet.b", "/new", at=1104, verdict="DENIED"),
    )
    found, complete, reason = denied_since(
        "gofleet.a", since=1101, run=journal, paths=LogPaths(root=str(host))
    )
    assert (found, complete, bool(reason)) == (["r /new"], "yes", True)


def test_a_report_counts_all_and_lists_some() -> None:
    report = denial_report(recorded("6.12"), release_roots=["/opt/gofleet"], limit=5)
    assert len(report["denials"]) == len(report["rules"]) == 5
    assert report["left_out"] > 20
    whole = denial_report(recorded("6.12"), release_roots=["/opt/gofleet"], limit=1000)
    optional = [one for one in whole["denials"] if one["optional"]]
    assert sum(one["count"] for one in whole["denials"]) == whole["count"] + len(optional)
    assert [one["subject"] for one in optional] == ["net_admin"]
    assert {one["subject"] for one in whole["denials"]} >= {
        "/etc/shadow", "inet raw", "term unconfined", "unconfined", "/etc/ /mnt/", "/var/tmp/rec/\\xff\x01x",
    }  # fmt: skip
    json.dumps(whole).encode()


def test_a_rule_that_the_parser_refuses_is_found_among_the_others() -> None:
    def parser(argv: list[str], *, stdin: str | None = None, env: t.Any = None) -> Completed:
        return Completed(1, "", "syntax error\n") if "bad" in (stdin or "") else Completed(0, "", "")

    rules = [{"rule": rule, "dangerous": False, "reason": None} for rule in ("/a r,", "bad,")]
    assert [(one["checked"], one["dangerous"], one["reason"]) for one in check_rules(rules, run=parser)] == [
        ("yes", False, None),
        ("no", True, "syntax error"),
    ]
    missing = check_rules(rules, run=lambda argv, **more: Completed(127, "", ""))
    assert [one["checked"] for one in missing] == ["unknown", "unknown"]
    assert check_rules([], run=parser) == []
