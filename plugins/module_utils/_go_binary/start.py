# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Check whether a Go program can start on this host, and find the layer that prevents it.

The layers are checked in the order in which the kernel and the dynamic loader would.
"""

from __future__ import annotations

import os
import re
import stat
import typing as t

from .._elf.dynamic import Dynamic
from .._elf.file import HEAD_SIZE, Elf, parse_elf_head
from .._elf.loader import Loader, libraries_verdict
from .._errors import HostError
from .._go_toolchain.support import minor_of
from .._kernel.binfmt_misc import emulator_of
from .._kernel.cpu import level_verdict
from .._probe.answer import Probe, no, unknown, yes
from .._probe.files import read
from .buildinfo import BuildInfo

__all__ = ["LIBRARY_MODES", "Program", "Target", "kernel_needed", "read_target", "starts_here"]

LIBRARY_MODES = ("c-shared", "plugin", "shared", "c-archive")
_UNAME = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_ET_EXEC, _ET_DYN = 2, 3
# 32-bit programs on a 64-bit kernel: GOARCH and machine.
_COMPAT = {("386", "x86_64"), ("arm", "aarch64")}


class Program(t.NamedTuple):
    """The program to check."""

    path: str  # from which it can be read
    status: os.stat_result
    elf: Elf
    dynamic: Dynamic
    info: BuildInfo


class Target(t.NamedTuple):
    """The host on which the program is to start."""

    root: str  # directory that has ``proc`` and the libraries
    machine: str  # as uname(2) names it
    kernel: str  # release, as uname(2) gives it
    flags: tuple[str, ...] | None  # of the processor, from /proc/cpuinfo; None if unknown
    loader: Loader


def read_target(root: str, *, machine: str, flags: tuple[str, ...] | None) -> Target:
    """Read the release of the kernel, and describe the host under a root directory."""
    release = read(root, "proc/sys/kernel/osrelease").text or ""
    return Target(root, machine, release.strip(), flags, Loader(root))


def starts_here(program: Program, target: Target) -> Probe:
    """Whether the program starts: the first no, else the first unknown, else yes."""
    doubts = []
    for verdict in _verdicts(program, target):
        if verdict is not None and verdict.answer == "no":
            return verdict
        if verdict is not None:
            doubts.append(verdict)
    if doubts:
        return doubts[0]
    linked = "static" if program.dynamic.static else "its loader and libraries are here"
    return yes("kernel", f"{target.machine} runs it, the processor has its level, {linked}")


def _verdicts(program: Program, target: Target) -> t.Iterator[Probe | None]:
    yield _file_verdict(program)
    yield _kind_verdict(program)
    foreign = _machine_verdict(program, target)
    yield foreign
    if foreign is None:
        yield level_verdict(program.info.settings, machine=target.machine, flags=target.flags)
        yield _kernel_verdict(program.info, target.kernel)
        yield libraries_verdict(program.path, program.elf, program.dynamic, target.loader)


def _file_verdict(program: Program) -> Probe | None:
    if program.elf.end > program.status.st_size:
        missing = program.elf.end - program.status.st_size
        return no("file", f"truncated: {missing} bytes of what the kernel would map are not in the file")
    if not program.status.st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH):
        return no("file", f"nobody may execute it (mode {stat.S_IMODE(program.status.st_mode):04o})")
    try:
        if os.statvfs(program.path).f_flag & os.ST_NOEXEC:
            return no("mount", "its file system is mounted noexec")
    except OSError as error:
        return unknown("mount", f"the options of its mount cannot be read: {error.strerror}")
    return None


def _kind_verdict(program: Program) -> Probe | None:
    mode = program.info.settings.get("-buildmode", "")
    if mode in LIBRARY_MODES or program.elf.kind not in (_ET_EXEC, _ET_DYN):
        return no("file", f"not a program of its own (-buildmode={mode}, ELF type {program.elf.kind})")
    system = program.info.settings.get("GOOS", "linux")
    return None if system == "linux" else no("kernel", f"built for {system}")


def _machine_verdict(program: Program, target: Target) -> Probe | None:
    start = program.elf.read(0, 256)
    try:
        built = parse_elf_head(start[:HEAD_SIZE], name=program.path)
        goarch, machines = built.goarch, built.machines
    except HostError:  # a machine that is not in the table, so it is not the one of this host
        goarch, machines = program.info.settings.get("GOARCH", f"ELF machine {program.elf.machine}"), ()
    if target.machine not in machines:
        emulator = emulator_of(target.root, start)
        if emulator is not None:
            return unknown(
                "arch", f"built for {goarch}, this is {target.machine}: the emulator {emulator} would run it"
            )
        return no("arch", f"built for {goarch}, this is {target.machine}")
    if (goarch, target.machine) in _COMPAT:
        return _compat_verdict(goarch, target)
    return None


def _compat_verdict(goarch: str, target: Target) -> Probe | None:
    if goarch == "386" and read(target.root, "proc/sys/abi/vsyscall32").text is None:
        return no("kernel", "built for 386, and this kernel runs no 32-bit programs (CONFIG_IA32_EMULATION)")
    if goarch == "arm":
        return unknown("arch", "built for arm: not every arm64 processor and kernel runs 32-bit programs")
    return None


def kernel_needed(minor: int | None) -> tuple[int, ...]:
    """The oldest Linux that a minor of Go supports.

    Source: its release notes. 3.2 since Go 1.24, 2.6.32 since 1.18.

    :param minor: N of 1.N; None if unknown
    """
    if minor is None or minor < 18:
        return (2, 6, 23)
    return (2, 6, 32) if minor < 24 else (3, 2)


def _kernel_verdict(info: BuildInfo, release: str) -> Probe | None:
    needed = kernel_needed(minor_of(info.go_version))
    match = _UNAME.match(release)
    if match is None:
        return unknown("kernel", f"the kernel names its release {release!r}")
    if tuple(int(part or 0) for part in match.groups()) < needed:
        wanted = ".".join(str(part) for part in needed)
        return no("kernel", f"{info.go_version} needs Linux {wanted}, this is {release}")
    return None
