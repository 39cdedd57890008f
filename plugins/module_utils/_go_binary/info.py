# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read what go_binary_info returns: the Go programs of a host and the processes that run them."""

from __future__ import annotations

import datetime
import os
import typing as t

from .._elf.file import FormatError
from .._elf.loader import INTERPRETERS, Loader
from .._errors import HostError
from .._go_toolchain.support import newest_go
from .._kernel.cpu import amd64_level, read_flags
from .._probe.answer import yes
from .._probe.caller import read_caller
from .binary import Reading, is_elf, read_go_binary
from .processes import Executed, describe, list_running
from .scan import Candidate, Tally, printable, walk
from .start import Target, read_target

__all__ = ["Search", "read_go_binaries", "read_go_binary_info"]

_Key = t.Tuple[int, int]  # device and inode


class Search(t.NamedTuple):
    """Where to look for programs."""

    paths: t.Sequence[str]
    processes: bool  # whether to look at running processes
    max_files: int  # directory entries after which the search stops
    only_executable: bool  # in directories


class _Programs:
    """The programs found so far, by file."""

    def __init__(self, root: str, reading: Reading, tally: Tally) -> None:
        self.root = root
        self.reading = reading
        self.tally = tally
        self.elf_files = 0
        self._found: dict[_Key, dict[str, t.Any] | None] = {}  # None: Go did not build the file

    def add_file(self, candidate: Candidate) -> None:
        key = (candidate.status.st_dev, candidate.status.st_ino)
        if key not in self._found:
            try:
                self._found[key] = self._read(candidate)
            except (OSError, FormatError) as error:
                self._found[key] = None
                self.tally.skip(candidate.path, getattr(error, "strerror", None) or str(error))
        program = self._found[key]
        if program is not None:
            names = (candidate.path, candidate.given or candidate.path)
            program["paths"].extend(name for name in map(printable, names) if name not in program["paths"])

    def _read(self, candidate: Candidate) -> dict[str, t.Any] | None:
        if not is_elf(candidate.path):
            if candidate.named:
                raise FormatError("it is not an ELF file")
            return None
        self.elf_files += 1
        program = read_go_binary(candidate.path, reading=self.reading)
        if program is None and candidate.named:
            raise FormatError("not built by Go, or by Go before 1.13")
        return None if program is None else {"paths": [], "on_disk": True, "processes": [], **program}

    def add_process(self, executed: Executed) -> None:
        key = (executed.device, executed.inode)
        if key not in self._found:
            reading = self.reading
            if executed.other_root:
                own = os.path.join(self.root, "proc", str(executed.pid), "root")
                reading = reading._replace(target=reading.target._replace(loader=Loader(own)))
            try:
                program = read_go_binary(executed.link, reading=reading)
            except FileNotFoundError:  # it ended
                return
            except (OSError, FormatError) as error:
                program = None
                self.tally.skip(executed.path, getattr(error, "strerror", None) or str(error))
            named = {"paths": [printable(executed.path)], "on_disk": not executed.deleted, "processes": []}
            self._found[key] = None if program is None else {**named, **program}
        found = self._found[key]
        process = describe(self.root, executed) if found is not None else None
        if found is not None and process is not None:
            found["processes"].append(process)
            found["starts_here"] = _runs(process)

    def report(self) -> list[dict[str, t.Any]]:
        """The programs, sorted by path, which is the first of their names."""
        programs = [program for program in self._found.values() if program is not None]
        return sorted(
            ({"path": program["paths"][0], **program} for program in programs),
            key=lambda one: str(one["path"]),
        )


def _runs(process: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    # Without the PID, so that the same program has the same answer on two hosts, or a day later.
    where = ", in a root of its own (a container, or RootDirectory=)" if process["other_root"] else ""
    return yes("process", f"a process runs it now{where}").report()


def read_go_binaries(search: Search, *, root: str, reading: Reading) -> dict[str, t.Any]:
    """Find the programs, and return ``binaries``, ``passed_over`` and ``counts`` of go_binary_info."""
    tally = Tally()
    programs = _Programs(root, reading, tally)
    candidates = walk(
        search.paths,
        root=root,
        tally=tally,
        max_files=search.max_files,
        only_executable=search.only_executable,
    )
    for candidate in candidates:
        programs.add_file(candidate)
    running = 0
    if search.processes:
        found = list_running(root)
        for executed in found.executed:
            programs.add_process(executed)
        running = len(found.executed)
        if found.hidden:
            reason = f"processes whose file the kernel does not show to this user: {found.hidden}"
            tally.skip(os.path.join(root, "proc"), reason)
    binaries = programs.report()
    return {
        "binaries": binaries,
        "passed_over": tally.report(),
        "counts": {
            "entries": tally.entries,
            "elf": programs.elf_files,
            "go": len(binaries),
            "processes": running,
            "go_processes": sum(len(binary["processes"]) for binary in binaries),
        },
    }


def read_go_binary_info(params: t.Mapping[str, t.Any], *, root: str) -> dict[str, t.Any]:
    """Read all return values of go_binary_info.

    :param params: the options of the module
    :param root: the directory that has ``proc`` and the libraries; ``paths`` are not relative to it
    :raises HostError: an option is not valid
    """
    _check(params)
    today = datetime.datetime.now(tz=datetime.timezone.utc).date()
    target = read_target(root, machine=os.uname().machine, flags=read_flags(root))
    newest = newest_go(params["newest_go"], today=today)
    found = read_go_binaries(
        Search(params["paths"], params["processes"], params["max_files"], params["only_executable"]),
        root=root,
        reading=Reading(
            target, newest, today, params["max_bytes"], params["dependencies"], params["checksum"]
        ),
    )
    return {
        **found,
        "newest_go": newest.report(),
        "host": _host(target),
        "caller": read_caller(root).report(),
    }


def _host(target: Target) -> dict[str, t.Any]:
    amd64 = target.machine == "x86_64" and target.flags is not None
    return {
        "machine": target.machine,
        "kernel": target.kernel or None,
        "glibc": target.loader.glibc(INTERPRETERS.get(target.machine)),
        "goamd64": f"v{amd64_level(target.flags or ())}" if amd64 else None,
    }


def _check(params: t.Mapping[str, t.Any]) -> None:
    if not params["paths"] and not params["processes"]:
        raise HostError(
            "paths",
            wanted="a file, a directory or processes to look at",
            found="no path, and `processes: false`",
            remedy="Name files or directories in `paths`, or set `processes: true`.",
        )
    for path in params["paths"]:
        if not path.startswith("/") or "\0" in path:
            raise HostError(
                f"path {path!r}",
                wanted="an absolute path",
                found="a null byte in it" if "\0" in path else "a relative path",
                remedy="Write the path from the root, like /usr/local/bin.",
            )
    for name in ("max_files", "max_bytes"):
        if params[name] < 1:
            raise HostError(
                name,
                wanted="a number above 0",
                found=str(params[name]),
                remedy="Omit the option to use the default.",
            )
