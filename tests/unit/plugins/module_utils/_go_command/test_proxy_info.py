# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the settings of a host mean for fetching modules: origins, and no word of passwords."""

from __future__ import annotations

import os
import pathlib
import pwd
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.goproxy import (
    ProxyEntry,
    SettingError,
    escaped,
    matches_pattern,
    parse_goproxy,
    parse_gosumdb,
    userinfo_of,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.proxy_info import read_go_proxy_info


def options(root: pathlib.Path, **given: t.Any) -> dict[str, t.Any]:
    (root / "go.env").write_text("GOPROXY=https://release.invalid\nGOSUMDB=sum.golang.org\n")
    files = {"machine_file": str(root / "environment"), "goroot": str(root)}
    default = {"module": "example.com/x", "user": None, "goproxy": None, "gosumdb": "off", "timeout": 1}
    return {**default, **files, **given}


@pytest.mark.parametrize(
    ("environment", "given", "source"),
    [
        ({}, {}, "go.env"),
        ({"GOPROXY": "off"}, {}, "environment"),
        ({"GOPROXY": "off"}, {"goproxy": "off"}, "option"),
        ({"GOPROXY": ""}, {}, "go.env"),
    ],
)
def test_sources_of_settings(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    given: t.Any,
    source: str,
) -> None:
    me = pwd.getpwuid(os.geteuid())
    at_home = pwd.struct_passwd((*me[:5], str(tmp_path), me[6]))
    monkeypatch.setattr(pwd, "getpwuid", lambda dummy: at_home)
    report, dummy = read_go_proxy_info(options(tmp_path, **given), environment=environment)
    assert report["settings"]["GOPROXY"]["source"].endswith(source)


def test_passwords_are_returned_as_secrets(tmp_path: pathlib.Path) -> None:
    (tmp_path / "environment").write_text("HTTPS_PROXY=http://me:tw%40@proxy.invalid:1\n")
    goproxy = "https://you:s3cret@goproxy.invalid"
    report, secrets = read_go_proxy_info(options(tmp_path, goproxy=goproxy), environment={})
    assert {"s3cret", "tw%40", "tw@"} <= secrets
    assert report["modules"]["kind"] == "dns"
    assert "proxy.invalid" in report["modules"]["found"]
    assert "s3cret" not in str(report["modules"]) + str(report["proxies"])


@pytest.mark.parametrize("module", ["", "x", "../x", "example.com/x y", "https://example.com/x"])
def test_invalid_module_paths(tmp_path: pathlib.Path, module: str) -> None:
    with pytest.raises(HostError, match="path of a module"):
        read_go_proxy_info(options(tmp_path, module=module), environment={})


def test_no_setting(tmp_path: pathlib.Path) -> None:
    given = options(tmp_path, goroot="/nonexistent", gosumdb=None, goproxy="off")
    with pytest.raises(HostError, match="GOSUMDB"):
        read_go_proxy_info(given, environment={})


def test_lists() -> None:
    assert parse_goproxy("https://a.example|b.example/c, ,direct") == [
        ProxyEntry("https://a.example", True),
        ProxyEntry("https://b.example/c", False),
        ProxyEntry("direct", False),
    ]


@pytest.mark.parametrize("text", ["", ",", "word", "off,direct", "http://", "//x", "https://a\x00.example"])
def test_invalid_lists(text: str) -> None:
    with pytest.raises(SettingError):
        parse_goproxy(text)


def test_databases() -> None:
    assert parse_gosumdb("off") is None
    known = parse_gosumdb("sum.golang.google.cn")
    assert known == ("sum.golang.org", "033de0ae", "https://sum.golang.google.cn")


@pytest.mark.parametrize("text", ["", "a b c", "sum.golang.org+insecure", "+033de0ae+AAAA", "x+y+\u00e9"])
def test_invalid_databases(text: str) -> None:
    with pytest.raises(SettingError):
        parse_gosumdb(text)


@pytest.mark.parametrize(
    ("patterns", "path", "matches"),
    [
        ("*.corp.example", "git.corp.example/team/x", True),
        ("*.corp.example", "corp.example/x", False),
        ("example.com/a", "example.com/a/b", True),
        ("example.com/a", "example.com/ab", False),
        ("example.com/a/", "example.com/a", True),
        ("example.com/*/x", "example.com/b/x/y", True),
        ("none", "example.com/a", False),
        (",,example.com", "example.com/a", True),
        ("", "example.com", False),
        ("example.com/[^a]", "example.com/b", True),
        ("example.com/a/b", "example.com/a", False),
    ],
)
def test_patterns(patterns: str, path: str, matches: bool) -> None:
    assert matches_pattern(patterns, path) is matches


def test_capitals_in_addresses() -> None:
    assert escaped("example.com/Azure/SDK@v1.0.0-RC1") == "example.com/!azure/!s!d!k@v1.0.0-!r!c1"


@pytest.mark.parametrize(
    ("value", "secrets"),
    [
        ("https://me:s3cret@x.example,direct", {"me:s3cret", "s3cret"}),
        ("https://token@x.example|https://a:b%2F@y.example", {"token", "a:b%2F", "a:b/", "b%2F", "b/"}),
        ("https://x.example/@v", set()),
        ("off", set()),
    ],
)
def test_secrets_of_a_setting(value: str, secrets: set[str]) -> None:
    assert set(userinfo_of(value)) == secrets
