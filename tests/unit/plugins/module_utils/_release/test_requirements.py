# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.dynamic import read_dynamic
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._release.requirements import (
    check_requirements,
    requirements_of,
)

from .._elf.elf_maker import Shape, dynamic_parts, elf_file, interpreter, parsed

LD = "/lib64/ld-linux-x86-64.so.2"
V2 = "cx16 lahf_lm pni popcnt sse4_1 sse4_2 ssse3"


def library(*defines: str) -> bytes:
    shape = Shape(kind=3)
    return elf_file(*dynamic_parts(shape, defines=defines), shape=shape)


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """A host with glibc 2.36 and a processor of GOAMD64 level v2."""
    (tmp_path / "lib64").mkdir()
    (tmp_path / "lib64" / "ld-linux-x86-64.so.2").write_bytes(library("GLIBC_2.4"))
    (tmp_path / "lib64" / "libc.so.6").write_bytes(library("libc.so.6", "GLIBC_2.34", "GLIBC_2.36"))
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text(f"processor : 0\nflags : {V2}\n")
    return tmp_path


def judge(
    root: pathlib.Path,
    *,
    level: str = "v1",
    needed: t.Sequence[str] = (),
    needs: t.Mapping[str, t.Sequence[str]] | None = None,
    loader: str | None = None,
    brings: t.Collection[str] = (),
) -> str | None:
    """From the file of a program to the verdict of a host, as the two halves of the module do it."""
    parts = [interpreter(loader)] if loader else []
    if needed:
        parts += dynamic_parts(Shape(), needed=needed, needs=needs)
    elf = parsed(elf_file(*parts))
    told = requirements_of(elf, read_dynamic(elf), {"GOAMD64": level, "-trimpath": "true"})
    assert told["settings"] == {"GOAMD64": level}
    place = "/opt/gofleet/hello/1/hello"
    return check_requirements(
        "release hello 1", told, executable=place, machine="x86_64", root=str(root), brings=brings
    )


@pytest.mark.parametrize(
    "program",
    [
        {},
        {"level": "v2"},
        {"loader": LD, "needed": ["libc.so.6"], "needs": {"libc.so.6": ["GLIBC_2.34"]}},
        {"loader": LD, "needed": ["libc.so.6", "libown.so"], "brings": ["libown.so"]},
    ],
)
def test_what_fits(root: pathlib.Path, program: dict[str, t.Any]) -> None:
    assert judge(root, **program) is None


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ({"level": "v3"}, "built with GOAMD64=v3, the processor has v2.*Build with GOAMD64=v1"),
        (
            {"loader": LD, "needed": ["libc.so.6"], "needs": {"libc.so.6": ["GLIBC_2.38"]}},
            "needs glibc 2.38 .*this host has 2.36.*Build with CGO_ENABLED=0, or on a system whose glibc",
        ),
        (
            {"loader": "/lib/ld-musl-x86_64.so.1", "needed": ["libc.so"]},
            "its interpreter /lib/ld-musl-x86_64.so.1 is not on this host.*with the C library of the hosts",
        ),
    ],
)
def test_what_does_not_start_is_refused(root: pathlib.Path, program: dict[str, t.Any], message: str) -> None:
    with pytest.raises(HostError, match=message):
        judge(root, **program)


def test_a_library_that_is_not_found_is_a_warning(root: pathlib.Path) -> None:
    warning = judge(root, loader=LD, needed=["libc.so.6", "libown.so"])
    assert warning is not None
    assert "release hello 1: libown.so is in no directory" in warning


def test_a_processor_that_does_not_tell_is_no_refusal(root: pathlib.Path) -> None:
    (root / "proc" / "cpuinfo").unlink()
    assert judge(root, level="v4") is None
