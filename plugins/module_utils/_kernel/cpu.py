# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Read the features of the processor, and compare them with the microarchitecture levels of Go builds."""

from __future__ import annotations

import re
import typing as t

from .._probe.answer import Probe, no, unknown, yes
from .._probe.files import read
from .._probe.host import Facts, Host

__all__ = [
    "GOARCH",
    "amd64_level",
    "arm64_level",
    "have_goamd64",
    "have_goarm64_lse",
    "level_of",
    "level_verdict",
    "missing_for_next",
    "parse_cpuinfo",
    "probe_cpu",
    "read_flags",
]

# The machine of uname(2) -> GOARCH.
GOARCH = {
    "aarch64": "arm64",
    "armv6l": "arm",
    "armv7l": "arm",
    "i386": "386",
    "i686": "386",
    "loongarch64": "loong64",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
    "x86_64": "amd64",
}

_Levels = t.Tuple[t.Tuple[str, t.FrozenSet[str]], ...]

# The flags that a program of each level checks when it starts (src/runtime/asm_amd64.s), as /proc/cpuinfo names them.
# pni is SSE3, abm includes LZCNT. OSXSAVE has no name there. A kernel that does not save the wide registers hides avx
# and avx512f.
_AMD64: _Levels = (
    ("v1", frozenset()),
    ("v2", frozenset(["cx16", "lahf_lm", "pni", "popcnt", "sse4_1", "sse4_2", "ssse3"])),
    ("v3", frozenset(["abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"])),
    ("v4", frozenset(["avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"])),
)
# The features that each version of the architecture requires and the kernel shows to programs. Omitted are features
# that programs cannot see (PAN, VHE), those that old processors run as a NOP (BTI), and ssbs, which kernels hide on
# processors that have it.
_ARM64: _Levels = (
    ("v8.0", frozenset()),
    ("v8.1", frozenset(["asimdrdm", "atomics", "crc32"])),
    ("v8.2", frozenset({"dcpop"})),
    ("v8.3", frozenset(["fcma", "jscvt", "lrcpc", "paca", "pacg"])),
    ("v8.4", frozenset(["asimddp", "dit", "flagm", "ilrcpc", "uscat"])),
    ("v8.5", frozenset(["dcpodp", "flagm2", "frint", "sb"])),
    # User space cannot detect the rest of v8.6, v9.1 and later.
    ("v9.0", frozenset({"sve2"})),
)
_LEVELS = {"amd64": _AMD64, "arm64": _ARM64}
# The options that may follow the version in GOARM64, such as v8.0,lse,crypto.
_ARM64_OPTIONS = {"lse": frozenset({"atomics"}), "crypto": frozenset(["aes", "pmull", "sha1", "sha2"])}

# The text of one processor takes up to 3 KiB. Reading the text of 256 processors would be wasted.
_FIRST_PROCESSOR = 8192


def amd64_level(flags: t.Collection[str]) -> int:
    """Return the highest GOAMD64 level, 1 to 4, of a processor with these flags of /proc/cpuinfo."""
    return _reached(_AMD64, flags) + 1


def arm64_level(features: t.Collection[str]) -> str:
    """Return the highest GOARM64 version, v8.0 to v9.0, of a processor with these features of /proc/cpuinfo."""
    return _ARM64[_reached(_ARM64, features)][0]


def missing_for_next(flags: t.Collection[str], *, goarch: str) -> list[str]:
    """Return the flags that the next level requires and the processor lacks. Empty at the highest level."""
    levels = _LEVELS.get(goarch, ())
    following = levels[_reached(levels, flags) + 1 :] if levels else ()
    return sorted(following[0][1].difference(flags)) if following else []


def _reached(levels: _Levels, flags: t.Collection[str]) -> int:
    reached = 0
    for place, (dummy, demanded) in enumerate(levels):
        if not demanded.issubset(flags):
            break
        reached = place
    return reached


def parse_cpuinfo(text: str) -> dict[str, str]:
    """Parse the fields of the first processor of /proc/cpuinfo, and the fields for all processors."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
        elif "flags" in fields or "Features" in fields:
            break
    return fields


def read_flags(root: str) -> tuple[str, ...] | None:
    """Read the flags (on arm64 the features) of the first processor. Return None where they cannot be read."""
    return _flags(_read_fields(root))


def have_goamd64(flags: t.Collection[str] | None, level: int) -> Probe:
    """Probe the running kernel for the flags of a GOAMD64 level."""
    if flags is None:
        return unknown("kernel", "/proc/cpuinfo has no flags")
    if amd64_level(flags) >= level:
        return yes("kernel", f"/proc/cpuinfo has all flags of GOAMD64=v{level}")
    missing = sorted(frozenset().union(*(demanded for dummy, demanded in _AMD64[:level])).difference(flags))
    return no(
        "kernel",
        f"a program built with GOAMD64=v{level} exits at start: the processor lacks {', '.join(missing)}",
    )


def have_goarm64_lse(flags: t.Collection[str] | None) -> Probe:
    """Probe the running kernel for the atomic instructions that a program for GOARM64=v8.1 or ,lse checks at start."""
    if flags is None:
        return unknown("kernel", "/proc/cpuinfo has no features")
    if "atomics" in flags:
        return yes("kernel", "/proc/cpuinfo has atomics (LSE)")
    return no(
        "kernel", "a program built with GOARM64=v8.1 or ,lse exits at start: the processor lacks atomics"
    )


def probe_cpu(host: Host) -> Facts:
    """Read the model of the processor and the highest level that Go programs for it can be built for."""
    fields = _read_fields(host.root)
    flags = _flags(fields)
    goarch = GOARCH.get(host.machine)
    level, reason = _level(goarch, flags)
    values: dict[str, t.Any] = {
        "goarch": goarch,
        "level": level,
        "model": _model(fields),
        "missing_for_next": missing_for_next(flags, goarch=goarch or "") if flags is not None else [],
        "reason": reason,
    }
    if goarch == "arm64":
        values["options"] = [
            name for name, demanded in _ARM64_OPTIONS.items() if demanded.issubset(flags or ())
        ]
        return Facts(values=values, capabilities={"goarm64_lse": have_goarm64_lse(flags)})
    if goarch == "amd64":
        return Facts(values, {f"goamd64_v{number}": have_goamd64(flags, number) for number in (2, 3, 4)})
    return Facts(values=values, capabilities={})


def _level(goarch: str | None, flags: tuple[str, ...] | None) -> tuple[str | None, str | None]:
    levels = _LEVELS.get(goarch or "")
    if levels is None:
        return (
            None,
            f"this module knows the levels of amd64 and arm64 only, this host is {goarch or 'neither'}",
        )
    if flags is None:
        return None, "/proc/cpuinfo has neither flags nor Features"
    return levels[_reached(levels, flags)][0], None


def _read_fields(root: str) -> dict[str, str]:
    return parse_cpuinfo(read(root, "proc/cpuinfo", at_most=_FIRST_PROCESSOR).text or "")


def _flags(fields: t.Mapping[str, str]) -> tuple[str, ...] | None:
    found = fields.get("flags", fields.get("Features", "")).split()
    return tuple(found) or None


def _model(fields: t.Mapping[str, str]) -> str | None:
    for name in ("model name", "cpu", "uarch", "vendor_id"):
        if fields.get(name):
            return fields[name]
    # arm64 has only numbers, which stand for a model. 0x41 with 0xd0c is Neoverse N1.
    numbers = [fields[name] for name in ("CPU implementer", "CPU part") if name in fields]
    return f"implementer {numbers[0]} part {numbers[1]}" if len(numbers) == 2 else None


# GOARCH -> the setting for its level, and the level that every processor has.
_SETTINGS = {
    "amd64": ("GOAMD64", "v1"),
    "arm64": ("GOARM64", "v8.0"),
    "ppc64le": ("GOPPC64", "power8"),
    "riscv64": ("GORISCV64", "rva20u64"),
}
_ARMS = {"armv6l": 6, "armv7l": 7, "armv8l": 7, "aarch64": 7}


def level_of(goarch: str, settings: t.Mapping[str, str]) -> str | None:
    """Return the level that a program was built for, or None for a GOARCH without levels.

    :param settings: the build settings of the program. Go 1.17 and older do not record the level.
    """
    known = _SETTINGS.get(goarch)
    return settings.get(known[0], known[1]) if known else None


def level_verdict(
    settings: t.Mapping[str, str], *, machine: str, flags: t.Collection[str] | None
) -> Probe | None:
    """Judge whether the processor can run a program with these build settings.

    :param flags: of /proc/cpuinfo, None where they could not be read
    :returns: None where no obstacle was found, else no or unknown
    """
    if settings.get("GOAMD64"):
        return _amd64(settings["GOAMD64"], flags)
    if settings.get("GOARM64"):
        return _arm64(settings["GOARM64"], flags)
    if settings.get("GOARM"):
        return _arm(settings["GOARM"], machine)
    for name, base in _SETTINGS.values():
        if settings.get(name, base) != base:
            return unknown(
                "cpu", f"built with {name}={settings[name]}; this module cannot check the processor for it"
            )
    return None


def _amd64(level: str, flags: t.Collection[str] | None) -> Probe | None:
    if re.fullmatch(r"v[1-4]", level) is None:
        return unknown("cpu", f"built with GOAMD64={level}, which this module does not know")
    if level == "v1":
        return None
    found = have_goamd64(flags, int(level[1:]))
    if found.answer == "no" and flags is not None:
        return no(
            "cpu", f"built with GOAMD64={level}, the processor has v{amd64_level(flags)}: {found.reason}"
        )
    return None if found.answer == "yes" else unknown("cpu", found.reason)


def _arm64(level: str, flags: t.Collection[str] | None) -> Probe | None:
    version, *options = level.split(",")
    match = re.fullmatch(r"v([89])\.(\d)", version)
    if match is None:
        return unknown("cpu", f"built with GOARM64={level}, which this module does not know")
    if version == "v8.0" and "lse" not in options:
        return None
    found = have_goarm64_lse(flags)
    if flags is None or found.answer != "yes":
        return Probe(found.answer, "cpu", f"built with GOARM64={level}: {found.reason}")
    if version > arm64_level(flags):
        # Only LSE is checked at start. Any other missing feature fails when an instruction of it is reached.
        return unknown("cpu", f"built with GOARM64={level}, /proc/cpuinfo shows {arm64_level(flags)}")
    return None


def _arm(level: str, machine: str) -> Probe | None:
    number, has = level.split(",", maxsplit=1)[0], _ARMS.get(machine)
    if not number.isdigit() or has is None:
        return unknown("cpu", f"built with GOARM={level}, this is {machine}")
    return no("cpu", f"built with GOARM={level}, this is {machine}") if int(number) > has else None
