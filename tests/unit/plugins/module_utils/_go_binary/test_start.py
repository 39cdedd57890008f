# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import types
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.dynamic import read_dynamic
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.loader import Loader
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary import start
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.buildinfo import read_build_info
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.start import (
    Program,
    Target,
    kernel_needed,
    read_target,
    starts_here,
)

from .._elf.elf_maker import Part, Shape, dynamic_parts, elf_file, inline_info, interpreter, parsed
from .._kernel.test_binfmt_misc import ARM64

V3 = "cx16 lahf_lm pni popcnt sse4_1 sse4_2 ssse3 abm avx avx2 bmi1 bmi2 f16c fma movbe".split()  # noqa: SIM905


def program(
    tmp_path: pathlib.Path,
    *more: Part,
    version: str = "go1.26.6",
    settings: t.Mapping[str, str] | None = None,
    shape: Shape = Shape(),  # noqa: B008 - a tuple of plain values
    mode: int = 0o755,
) -> Program:
    lines = "".join(f"build\t{key}={value}\n" for key, value in (settings or {}).items())
    info = Part(".go.buildinfo", inline_info(version, "path\tx\n" + lines))
    data = elf_file(*more, info, shape=shape)
    path = tmp_path / "program"
    path.write_bytes(data)
    path.chmod(mode)
    elf = parsed(data)
    found = read_build_info(elf, at_most=1 << 20)
    assert found is not None
    return Program(str(path), path.stat(), elf, read_dynamic(elf), found)


def target(root: pathlib.Path, *, machine: str = "x86_64", kernel: str = "6.12.48-amd64") -> Target:
    return Target(str(root), machine, kernel, tuple(V3), Loader(str(root)))


def verdict(found: Program, host: Target) -> tuple[str, str, str]:
    probe = starts_here(found, host)
    return probe.answer, probe.decided_by, probe.reason


def test_a_static_program_for_this_machine_starts(tmp_path: pathlib.Path) -> None:
    found = program(tmp_path, settings={"GOARCH": "amd64", "GOAMD64": "v3", "GOOS": "linux"})
    reason = "x86_64 runs it, the processor has its level, static"
    assert verdict(found, target(tmp_path)) == ("yes", "kernel", reason)


REFUSED: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], tuple[str, str, str]]] = {
    "another machine": (
        {"shape": Shape(machine=183)},
        {},
        ("no", "arch", "built for arm64, this is x86_64"),
    ),
    "big endian": (
        {"shape": Shape(machine=22, order=">")},
        {},
        ("no", "arch", "built for s390x, this is x86_64"),
    ),
    "a machine that is in no table": (
        {"shape": Shape(machine=8, order=">"), "settings": {"GOARCH": "mips64"}},
        {},
        ("no", "arch", "built for mips64, this is x86_64"),
    ),
    "level": (
        {"settings": {"GOAMD64": "v4"}},
        {},
        ("no", "cpu", "built with GOAMD64=v4, the processor has v3"),
    ),
    "kernel": (
        {"version": "go1.24"},
        {"kernel": "3.1.9-rc1"},
        ("no", "kernel", "go1.24 needs Linux 3.2, this is 3.1.9-rc1"),
    ),
    "a kernel that does not tell": (
        {},
        {"kernel": ""},
        ("unknown", "kernel", "the kernel names its release ''"),
    ),
    "nobody may execute it": (
        {"mode": 0o644},
        {},
        ("no", "file", "nobody may execute it (mode 0644)"),
    ),
    "another system": (
        {"settings": {"GOOS": "freebsd"}},
        {},
        ("no", "kernel", "built for freebsd"),
    ),
    "a library": (
        {"settings": {"-buildmode": "c-shared"}, "shape": Shape(kind=3)},
        {},
        ("no", "file", "not a program of its own (-buildmode=c-shared, ELF type 3)"),
    ),
    "an object file": (
        {"shape": Shape(kind=1)},
        {},
        ("no", "file", "not a program of its own"),
    ),
    "32 bits on a kernel without them": (
        {"shape": Shape(machine=3, wide=False)},
        {},
        ("no", "kernel", "built for 386, and this kernel runs no 32-bit programs"),
    ),
    "32 bits on arm64": (
        {"shape": Shape(machine=40, wide=False), "settings": {"GOARM": "7"}},
        {"machine": "aarch64"},
        ("unknown", "arch", "built for arm: not every arm64 processor"),
    ),
}


@pytest.mark.parametrize(("build", "host", "wanted"), REFUSED.values(), ids=REFUSED.keys())
def test_each_layer_refuses(
    tmp_path: pathlib.Path,
    build: dict[str, t.Any],
    host: dict[str, t.Any],
    wanted: tuple[str, str, str],
) -> None:
    answer, decided_by, reason = verdict(program(tmp_path, **build), target(tmp_path, **host))
    assert (answer, decided_by) == wanted[:2]
    assert reason.startswith(wanted[2])


def test_32_bits_where_the_kernel_has_them(tmp_path: pathlib.Path) -> None:
    (tmp_path / "proc/sys/abi").mkdir(parents=True)
    (tmp_path / "proc/sys/abi/vsyscall32").write_text("1\n")
    found = program(tmp_path, shape=Shape(machine=3, wide=False))
    assert verdict(found, target(tmp_path))[0] == "yes"


def test_an_emulator_makes_it_unknown(tmp_path: pathlib.Path) -> None:
    directory = tmp_path / "proc/sys/fs/binfmt_misc"
    directory.mkdir(parents=True)
    (directory / "qemu-aarch64").write_text(ARM64)
    answer, layer, reason = verdict(program(tmp_path, shape=Shape(machine=183)), target(tmp_path))
    assert (answer, layer) == ("unknown", "arch")
    assert "the emulator /usr/libexec/qemu-binfmt/aarch64-binfmt-P" in reason


def test_a_truncated_file_does_not_start(tmp_path: pathlib.Path) -> None:
    found = program(tmp_path)
    os.truncate(found.path, found.elf.end - 5)
    found = found._replace(status=os.stat(found.path))
    reason = "truncated: 5 bytes of what the kernel would map are not in the file"
    assert verdict(found, target(tmp_path)) == ("no", "file", reason)


def test_a_dynamic_program_needs_its_loader(tmp_path: pathlib.Path) -> None:
    parts = [interpreter("/lib/ld.so"), *dynamic_parts(Shape(), needed=["libc.so.6"])]
    assert verdict(program(tmp_path, *parts), target(tmp_path))[:2] == ("no", "loader")


def test_a_noexec_mount(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = program(tmp_path)
    noexec = types.SimpleNamespace(f_flag=os.ST_NOEXEC)
    monkeypatch.setattr(start.os, "statvfs", lambda path: noexec)
    assert verdict(found, target(tmp_path)) == ("no", "mount", "its file system is mounted noexec")
    os.unlink(found.path)
    monkeypatch.undo()
    assert verdict(found, target(tmp_path))[:2] == ("unknown", "mount")


def test_no_takes_precedence_over_unknown(tmp_path: pathlib.Path) -> None:
    found = program(tmp_path, settings={"GOAMD64": "v4"})
    assert verdict(found, target(tmp_path, kernel=""))[:2] == ("no", "cpu")


@pytest.mark.parametrize(
    ("minor", "kernel"),
    [(None, (2, 6, 23)), (17, (2, 6, 23)), (18, (2, 6, 32)), (23, (2, 6, 32)), (24, (3, 2))],
)
def test_the_kernel_that_go_needs(minor: int | None, kernel: tuple[int, ...]) -> None:
    assert kernel_needed(minor) == kernel


def test_the_target_is_read(tmp_path: pathlib.Path) -> None:
    found = read_target("/", machine="x86_64", flags=None)
    assert found.kernel == os.uname().release
    assert read_target(str(tmp_path), machine="x86_64", flags=None).kernel == ""
