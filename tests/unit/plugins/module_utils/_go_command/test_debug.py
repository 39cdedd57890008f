# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GODEBUG against what a real release has in its sources and in the metrics of its runtime."""

from __future__ import annotations

import pathlib
import re
import subprocess

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.debug import (
    DebugKeys,
    check_godebug,
    read_debug_keys,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.env_values import check_setting
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.goproxy import SettingError


@pytest.fixture(scope="module")
def keys() -> DebugKeys:
    goroot = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True)
    found = read_debug_keys(goroot.stdout.strip())
    assert found is not None
    return found


def test_the_keys_are_those_that_the_documentation_of_the_runtime_has(keys: DebugKeys) -> None:
    told = subprocess.run(
        ["go", "doc", "-all", "runtime/metrics"], capture_output=True, text=True, check=True
    )
    documented = set(re.findall(r"/godebug/non-default-behavior/(\w+):events", told.stdout))
    assert len(documented) > 30
    assert documented <= keys.known
    told = subprocess.run(["go", "doc", "runtime"], capture_output=True, text=True, check=True)
    traces = set(re.findall(r"^    (\w+): setting \w+", told.stdout, re.MULTILINE))
    assert {"gctrace", "madvdontneed"} <= traces <= keys.known


@pytest.mark.parametrize(
    "value", ["netdns=go", "netdns=cgo+2,http2client=0", "gctrace=1", "cpu.avx2=off", "memprofilerate=1"]
)
def test_good(keys: DebugKeys, value: str) -> None:
    check_setting("GODEBUG", value, environment=True, debug_keys=keys)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("http3=1", "knows no http3"),
        ("tls13=0", "knows no tls13"),
        ("gctrac=1", "nearest key is gctrace"),
        ("x509sha1=1", "no x509sha1 since 1.24"),
        ("netdns", "form"),
        ("netdns=go,", "nothing is not of the form"),
        ("netdns=go http2client=0", "form"),
        ("netdns=a=b", "form"),
    ],
)
def test_bad(keys: DebugKeys, value: str, why: str) -> None:
    with pytest.raises(SettingError, match=why):
        check_setting("GODEBUG", value, environment=True, debug_keys=keys)


def test_without_a_release_the_form_alone_counts(tmp_path: pathlib.Path) -> None:
    assert read_debug_keys(str(tmp_path)) is None
    check_godebug("anything=1", None)
    with pytest.raises(SettingError, match="form"):
        check_godebug("anything", None)
