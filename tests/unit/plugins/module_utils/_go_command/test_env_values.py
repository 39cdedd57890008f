# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings against what the real go command says of them."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.env_values import (
    _NOT_SETTABLE,
    KNOWN,
    DebugKeys,
    check_godebug,
    check_setting,
    read_debug_keys,
    split_quoted,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.goproxy import SettingError

GOOD = [
    ("GOPROXY", "https://goproxy.example.org|https://two.example.org/path,direct"),
    ("GOPROXY", "goproxy.example.org, off"),
    ("GOPROXY", "file:///srv/modules"),
    ("GOPROXY", "off"),
    ("GOSUMDB", "sum.golang.org"),
    ("GOSUMDB", "sum.golang.org https://sums.example.org"),
    ("GOSUMDB", "sum.golang.google.cn"),
    ("GOSUMDB", "off"),
    ("GOTOOLCHAIN", "local"),
    ("GOTOOLCHAIN", "go1.26.6+auto"),
    ("GOTOOLCHAIN", "local+path"),
    ("GOTOOLCHAIN", "go1.28rc1"),
    ("GOFLAGS", "-trimpath -mod=readonly"),
    ("GOFLAGS", "'-ldflags=-s -w' --tags=a,b"),
    ("GOPRIVATE", "*.corp.example.org,example.com/[ab]*"),
    ("GONOSUMDB", "none"),
    ("GOVCS", "public:git|hg,private:all,example.com/x:off"),
    ("GOAUTH", "netrc; git /srv/auth"),
    ("GOPATH", "/a:/b"),
    ("GOCACHE", "/var/cache/go"),
    ("GOAMD64", "v3"),
    ("GOARM64", "v8.2,lse"),
    ("CGO_ENABLED", "0"),
    ("CGO_CFLAGS", "-O2 -g"),
    ("CC", "gcc -m64"),
    ("GO111MODULE", "auto"),
    ("GOFIPS140", "v1.0.0"),
    ("GOEXPERIMENT", "noregabiargs,fieldtrack"),
]
BAD = [
    ("GOPROXY", "goproxy", "neither a URL"),
    ("GOPROXY", "ftp://goproxy.example.org", "scheme"),
    ("GOPROXY", "direct,https://goproxy.example.org", "never used"),
    ("GOPROXY", ",|", "no entries"),
    ("GOPROXY", "https://", "no host"),
    ("GOPROXY", "https://a b.example", "blank"),
    ("GOPROXY", "https://a.example:port", "not a URL"),
    ("GOPROXY", "https://[a.example", "not a URL"),
    ("GOPROXY", "file://host/srv", "absolute path"),
    ("GOSUMDB", "sum.golang.org+insecure", "malformed verifier id"),
    ("GOSUMDB", "sum.example.org", "malformed verifier id"),
    ("GOSUMDB", "sum.golang.org a b", "3 fields"),
    ("GOSUMDB", "sum.golang.org ftp://x", "neither https"),
    ("GOSUMDB", "sum.golang.org+033de0af+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", "its hash"),
    ("GOSUMDB", "sum.golang.org+033de0ae+*", "base64"),
    ("GOSUMDB", "sum.golang.org+033de0ae+AAAA", "Ed25519"),
    ("GOTOOLCHAIN", "1.26.6", "form"),
    ("GOTOOLCHAIN", "latest", "form"),
    ("GOTOOLCHAIN", "auto+local", "form"),
    ("GOFLAGS", "trimpath", "not a flag"),
    ("GOFLAGS", "-ldflags='-s -w'", "not a flag"),
    ("GOFLAGS", "'-ldflags=-s", "not closed"),
    ("GOFLAGS", "---x", "not a flag"),
    ("GOPRIVATE", "https://corp.example.org", "not a pattern"),
    ("GOPRIVATE", "a b", "not a pattern"),
    ("GOPRIVATE", "[a", "not a pattern"),
    ("GOVCS", "git", "form"),
    ("GOVCS", "public:cvs", "form"),
    ("GOAUTH", "off; netrc", "must be the only"),
    ("GOAUTH", "git auth", "absolute path"),
    ("GOAUTH", "netrc;", "empty"),
    ("GOPATH", "~/go", "absolute path"),
    ("GOPATH", "/a:b", "absolute path"),
    ("GOCACHE", "off", "absolute path"),
    ("GOAMD64", "v5", "form"),
    ("GOARM64", "v7", "form"),
    ("CGO_ENABLED", "yes", "form"),
    ("CC", "./gcc", "absolute path"),
    ("GO111MODULE", "true", "form"),
    ("GOPROXI", "off", "GOPROXY"),
    ("PATH", "/bin", "not a setting"),
    ("GOVERSION", "go1.26", "computes it"),
    ("GOTELEMETRY", "off", "go telemetry"),
    ("GODEBUG", "netdns=go", "only from the environment"),
    ("GOBIN", "", "empty"),
    ("GOBIN", "/a ", "blank"),
    ("GOBIN", "/a\nGOPROXY=x", "control"),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_valid_settings(name: str, value: str) -> None:
    check_setting(name, value)


@pytest.mark.parametrize(("name", "value", "reason"), BAD)
def test_invalid_settings(name: str, value: str, reason: str) -> None:
    with pytest.raises(SettingError, match=reason):
        check_setting(name, value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("https://me:s3cret@goproxy.example.org", "password"),
        ("https://token@goproxy.example.org", "password"),
        ("https://a.example/#x", "different ways"),
    ],
)
def test_no_secrets_in_the_environment_of_all_users(value: str, reason: str) -> None:
    check_setting("GOPROXY", value)
    with pytest.raises(SettingError, match=reason) as caught:
        check_setting("GOPROXY", value, environment=True)
    assert "s3cret" not in str(caught.value)


def test_the_names_are_those_of_the_real_go() -> None:
    done = subprocess.run(["go", "env", "-json"], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) - KNOWN - set(_NOT_SETTABLE) == {"GODEBUG"}


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_the_real_go_accepts_good_values(tmp_path: pathlib.Path, name: str, value: str) -> None:
    file = tmp_path / "env"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GOENV": str(file),
        "GOTOOLCHAIN": "local",
    }
    done = subprocess.run(
        ["go", "env", "-w", f"{name}={value}"], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{name}={value}" in file.read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  a\tb ", ["a", "b"]),
        ("'a b' c", ["a b", "c"]),
        ('"a"b', ["a", "b"]),
        ("a'b c'", ["a'b", "c'"]),
    ],
)
def test_splitting_into_words(text: str, words: list[str]) -> None:
    assert split_quoted(text) == words


@pytest.fixture(scope="module")
def keys() -> DebugKeys:
    goroot = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True)
    found = read_debug_keys(goroot.stdout.strip())
    assert found is not None
    return found


def test_the_keys_of_the_runtime_documentation(keys: DebugKeys) -> None:
    printed = subprocess.run(
        ["go", "doc", "-all", "runtime/metrics"], capture_output=True, text=True, check=True
    )
    documented = set(re.findall(r"/godebug/non-default-behavior/(\w+):events", printed.stdout))
    assert len(documented) > 30
    assert documented <= keys.known
    printed = subprocess.run(["go", "doc", "runtime"], capture_output=True, text=True, check=True)
    traces = set(re.findall(r"^    (\w+): setting \w+", printed.stdout, re.MULTILINE))
    assert {"gctrace", "madvdontneed"} <= traces <= keys.known


@pytest.mark.parametrize(
    "value", ["netdns=go", "netdns=cgo+2,http2client=0", "gctrace=1", "cpu.avx2=off", "memprofilerate=1"]
)
def test_a_good_godebug(keys: DebugKeys, value: str) -> None:
    check_setting("GODEBUG", value, environment=True, debug_keys=keys)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("http3=1", "no key http3"),
        ("tls13=0", "no key tls13"),
        ("gctrac=1", "nearest key is gctrace"),
        ("x509sha1=1", "1.24 removed the key x509sha1"),
        ("netdns", "form"),
        ("netdns=go,", "nothing is not of the form"),
        ("netdns=go http2client=0", "form"),
        ("netdns=a=b", "form"),
    ],
)
def test_a_bad_godebug(keys: DebugKeys, value: str, reason: str) -> None:
    with pytest.raises(SettingError, match=reason):
        check_setting("GODEBUG", value, environment=True, debug_keys=keys)


def test_without_a_release_only_the_form_is_checked(tmp_path: pathlib.Path) -> None:
    assert read_debug_keys(str(tmp_path)) is None
    check_godebug("anything=1", None)
    with pytest.raises(SettingError, match="form"):
        check_godebug("anything", None)
