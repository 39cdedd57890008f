# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.cpu import (
    amd64_level,
    arm64_level,
    have_goamd64,
    have_goarm64_lse,
    level_of,
    level_verdict,
    missing_for_next,
    parse_cpuinfo,
    probe_cpu,
    read_flags,
)

from .._probe.stand_in import FIXTURES, host

# Flags of real processors, relevant ones and others.
NEHALEM = [
    "fpu",
    "sse",
    "sse2",
    "ht",
    "syscall",
    "lm",
    "pni",
    "ssse3",
    "cx16",
    "sse4_1",
    "sse4_2",
    "popcnt",
    "lahf_lm",
]
SANDY_BRIDGE = [*NEHALEM, "aes", "xsave", "avx"]
HASWELL = [*SANDY_BRIDGE, *["fma", "movbe", "f16c", "abm", "bmi1", "avx2", "bmi2", "invpcid"]]
SKYLAKE_SERVER = [*HASWELL, *["avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"]]
CORTEX_A72 = ["fp", "asimd", "evtstrm", "aes", "pmull", "sha1", "sha2", "crc32", "cpuid"]
NEOVERSE_N1 = [*CORTEX_A72, *["atomics", "fphp", "asimdhp", "asimdrdm", "lrcpc", "dcpop", "asimddp", "ssbs"]]
V1_ALONE = [
    "jscvt",
    "fcma",
    "sve",
    "dit",
    "uscat",
    "ilrcpc",
    "flagm",
    "paca",
    "pacg",
    "dcpodp",
    "i8mm",
    "bf16",
]
NEOVERSE_V1 = [*NEOVERSE_N1, *V1_ALONE]
NEOVERSE_V2 = [*NEOVERSE_V1, *["sb", "sve2", "flagm2", "frint", "bti"]]


@pytest.mark.parametrize(
    ("flags", "level", "missing"),
    [
        ([], 1, ["cx16", "lahf_lm", "pni", "popcnt", "sse4_1", "sse4_2", "ssse3"]),
        (NEHALEM[:-1], 1, ["lahf_lm"]),
        (NEHALEM, 2, ["abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"]),
        (SANDY_BRIDGE, 2, ["abm", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"]),
        (HASWELL, 3, ["avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"]),
        (SKYLAKE_SERVER, 4, []),
        # A hypervisor that hides an old flag removes every level above it.
        ([flag for flag in SKYLAKE_SERVER if flag != "popcnt"], 1, ["popcnt"]),
        ([flag for flag in SKYLAKE_SERVER if flag != "movbe"], 2, ["movbe"]),
    ],
)
def test_the_level_of_amd64_is_found(flags: list[str], level: int, missing: list[str]) -> None:
    assert amd64_level(flags) == level
    assert missing_for_next(flags, goarch="amd64") == missing
    answers = [have_goamd64(flags, number).answer for number in (2, 3, 4)]
    assert answers == ["yes" if number <= level else "no" for number in (2, 3, 4)]


@pytest.mark.parametrize(
    ("features", "level", "missing"),
    [
        ([], "v8.0", ["asimdrdm", "atomics", "crc32"]),
        (CORTEX_A72, "v8.0", ["asimdrdm", "atomics"]),
        (NEOVERSE_N1, "v8.2", ["fcma", "jscvt", "paca", "pacg"]),
        (NEOVERSE_V1, "v8.4", ["flagm2", "frint", "sb"]),
        (NEOVERSE_V2, "v9.0", []),
    ],
)
def test_the_version_of_arm64_is_found(features: list[str], level: str, missing: list[str]) -> None:
    assert arm64_level(features) == level
    assert missing_for_next(features, goarch="arm64") == missing


def test_a_program_checks_for_atomics_at_start() -> None:
    assert have_goarm64_lse(CORTEX_A72).answer == "no"
    assert have_goarm64_lse(NEOVERSE_N1).answer == "yes"
    assert have_goarm64_lse(None).answer == "unknown"


def test_other_architectures_have_no_missing_flags() -> None:
    assert missing_for_next(["vx"], goarch="s390x") == []


@pytest.mark.parametrize(
    ("kernel", "level"),
    [("6.1", "v2"), ("6.12", "v2"), ("6.12-no-io_uring", "v2"), ("6.18", "v3"), ("container", "v3")],
)
def test_recorded_processors_are_read(kernel: str, level: str) -> None:
    facts = probe_cpu(host({}, root=FIXTURES / kernel))
    assert (facts.values["goarch"], facts.values["level"], facts.values["reason"]) == ("amd64", level, None)
    assert facts.values["model"]
    assert set(facts.capabilities) == {"goamd64_v2", "goamd64_v3", "goamd64_v4"}


def test_the_model_on_arm64_is_given_by_numbers(tmp_path: pathlib.Path) -> None:
    (tmp_path / "proc").mkdir()
    text = (
        f"processor\t: 0\nFeatures\t: {' '.join(NEOVERSE_N1)}\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n\n"
    )
    (tmp_path / "proc" / "cpuinfo").write_text(text * 2)
    facts = probe_cpu(host({}, root=tmp_path)._replace(machine="aarch64"))
    assert facts.values == {
        "goarch": "arm64",
        "level": "v8.2",
        "model": "implementer 0x41 part 0xd0c",
        "missing_for_next": ["fcma", "jscvt", "paca", "pacg"],
        "reason": None,
        "options": ["lse", "crypto"],
    }
    assert facts.capabilities["goarm64_lse"].answer == "yes"


@pytest.mark.parametrize(("machine", "goarch"), [("s390x", "s390x"), ("riscv64", "riscv64"), ("m68k", None)])
def test_other_architectures_have_a_reason(machine: str, goarch: str | None) -> None:
    facts = probe_cpu(host({}, root=FIXTURES / "6.12")._replace(machine=machine))
    assert (facts.values["goarch"], facts.values["level"]) == (goarch, None)
    assert facts.values["reason"]
    assert facts.capabilities == {}


@pytest.mark.parametrize("text", ["", "\x00\xff", "flags", "flags\t:\n", "processor : 0\n\n", ": : :\n"])
def test_damaged_cpuinfo_has_no_flags(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text(text)
    assert read_flags(str(tmp_path)) is None
    facts = probe_cpu(host({}, root=tmp_path))
    assert facts.values["level"] is None
    assert facts.values["reason"] == "/proc/cpuinfo has neither flags nor Features"
    assert {probe.answer for probe in facts.capabilities.values()} == {"unknown"}


def test_truncated_flags_give_no_higher_level() -> None:
    text = (FIXTURES / "6.18" / "proc" / "cpuinfo").read_text()
    whole = amd64_level(parse_cpuinfo(text)["flags"].split())
    start = text.index("flags")
    levels = [
        amd64_level(parse_cpuinfo(text[:end]).get("flags", "").split())
        for end in range(start, start + 1200, 37)
    ]
    assert max(levels) <= whole
    assert min(levels) == 1


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
        ({"GOAMD64": "v9"}, "x86_64", V3, "unknown", "does not know"),
        ({"GOARM64": "v8.0"}, "aarch64", [], None, ""),
        ({"GOARM64": "v8.0,lse"}, "aarch64", ["fp"], "no", "lacks atomics"),
        ({"GOARM64": "v8.1"}, "aarch64", ["fp"], "no", "lacks atomics"),
        ({"GOARM64": "v8.1"}, "aarch64", ["asimdrdm", "atomics", "crc32"], None, ""),
        ({"GOARM64": "v9.0"}, "aarch64", ["asimdrdm", "atomics", "crc32"], "unknown", "v8.1"),
        ({"GOARM64": "v8.1"}, "aarch64", None, "unknown", "no features"),
        ({"GOARM64": "x"}, "aarch64", None, "unknown", "does not know"),
        ({"GOARM": "7"}, "armv6l", None, "no", "built with GOARM=7, this is armv6l"),
        ({"GOARM": "6,softfloat"}, "armv7l", None, None, ""),
        ({"GOARM": "7"}, "armv5tel", None, "unknown", "armv5tel"),
        ({"GOPPC64": "power8"}, "ppc64le", None, None, ""),
        ({"GOPPC64": "power10"}, "ppc64le", None, "unknown", "GOPPC64=power10"),
        ({"GORISCV64": "rva22u64"}, "riscv64", None, "unknown", "GORISCV64=rva22u64"),
        ({"GO386": "sse2"}, "i686", None, None, ""),
    ],
)
def test_the_level_is_compared_with_the_processor(
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
def test_the_level_of_a_build_is_read(goarch: str, settings: dict[str, str], level: str | None) -> None:
    assert level_of(goarch, settings) == level
