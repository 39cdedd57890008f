# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.go_levels import level_of, level_verdict

V2 = ["cx16", "lahf_lm", "pni", "popcnt", "sse4_1", "sse4_2", "ssse3"]
V3 = [*V2, "abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"]


@pytest.mark.parametrize(
    ("settings", "machine", "flags", "answer", "reason"),
    [
        ({}, "x86_64", None, None, ""),
        ({"GOAMD64": "v1"}, "x86_64", None, None, ""),
        ({"GOAMD64": "v3"}, "x86_64", V3, None, ""),
        ({"GOAMD64": "v3"}, "x86_64", V2, "no", "built with GOAMD64=v3, the processor has v2"),
        ({"GOAMD64": "v4"}, "x86_64", V3, "no", "avx512f"),
        ({"GOAMD64": "v2"}, "x86_64", None, "unknown", "/proc/cpuinfo has no flags"),
        ({"GOAMD64": "v9"}, "x86_64", V3, "unknown", "not known here"),
        ({"GOARM64": "v8.0"}, "aarch64", [], None, ""),
        ({"GOARM64": "v8.0,lse"}, "aarch64", ["fp"], "no", "no atomics"),
        ({"GOARM64": "v8.1"}, "aarch64", ["fp"], "no", "no atomics"),
        ({"GOARM64": "v8.1"}, "aarch64", ["asimdrdm", "atomics", "crc32"], None, ""),
        ({"GOARM64": "v9.0"}, "aarch64", ["asimdrdm", "atomics", "crc32"], "unknown", "v8.1"),
        ({"GOARM64": "v8.1"}, "aarch64", None, "unknown", "no features"),
        ({"GOARM64": "x"}, "aarch64", None, "unknown", "not known here"),
        ({"GOARM": "7"}, "armv6l", None, "no", "built with GOARM=7, this is armv6l"),
        ({"GOARM": "6,softfloat"}, "armv7l", None, None, ""),
        ({"GOARM": "7"}, "armv5tel", None, "unknown", "armv5tel"),
        ({"GOPPC64": "power8"}, "ppc64le", None, None, ""),
        ({"GOPPC64": "power10"}, "ppc64le", None, "unknown", "GOPPC64=power10"),
        ({"GORISCV64": "rva22u64"}, "riscv64", None, "unknown", "GORISCV64=rva22u64"),
        ({"GO386": "sse2"}, "i686", None, None, ""),
    ],
)
def test_the_level_against_the_processor(
    settings: dict[str, str], machine: str, flags: list[str] | None, answer: str | None, reason: str
) -> None:
    found = level_verdict(settings, machine=machine, flags=flags)
    if answer is None:
        assert found is None
    else:
        assert found is not None
        assert (found.answer, found.decided_by) == (answer, "cpu")
        assert reason in found.reason


@pytest.mark.parametrize(
    ("goarch", "settings", "level"),
    [
        ("amd64", {"GOAMD64": "v3"}, "v3"),
        ("amd64", {}, "v1"),
        ("arm64", {}, "v8.0"),
        ("s390x", {}, None),
        ("", {}, None),
    ],
)
def test_the_level_of_a_build(goarch: str, settings: dict[str, str], level: str | None) -> None:
    assert level_of(goarch, settings) == level
