# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Find files that may be Go programs: walk through directories with a limit, without following links."""

from __future__ import annotations

import itertools
import os
import re
import stat
import typing as t

from .._probe.files import read
from .._probe.mounts import parse_mounts

__all__ = ["Candidate", "Tally", "parse_mount_types", "printable", "walk"]

# File systems without files of users, and autofs, which mounts something when it is read.
_KERNEL_TYPES = frozenset(
    re.findall(
        r"\w+",
        """
        autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue nsfs
        proc pstore rpc_pipefs securityfs selinuxfs sysfs tracefs
        """,
    )
)
# Entered only if the user names them, because the other host may be slow or unreachable.
_NETWORK_TYPES = frozenset(
    ["9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "nfs", "nfs4", "smb3"]
)
_MAX_NAMED = 1000  # entries of passed_over
_MIN_SIZE = 52  # bytes of the header of a 32-bit ELF file
_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


class Candidate(t.NamedTuple):
    """A regular file that may be a Go program."""

    path: str
    status: os.stat_result
    named: bool  # by the user, who gets a message if it is not a Go program
    given: str | None  # the name that the user gave, which may be a link


class Tally:
    """Count what a walk has seen, and collect what it skipped, with the reasons."""

    def __init__(self) -> None:
        self.entries = 0
        self.passed_over: list[dict[str, str]] = []
        self.unnamed = 0

    def skip(self, path: str, reason: str) -> None:
        """Add a path that was skipped, or only count it if there are too many."""
        if len(self.passed_over) < _MAX_NAMED:
            self.passed_over.append({"path": printable(path), "reason": reason})
        else:
            self.unnamed += 1

    def report(self) -> list[dict[str, str]]:
        """The return value ``passed_over`` of go_binary_info."""
        more = f"{self.unnamed} more were passed over, too many to name"
        return [*self.passed_over, *([{"path": "/", "reason": more}] if self.unnamed else [])]


def printable(path: str) -> str:
    """A path as text, with bytes escaped that are not UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def walk(
    paths: t.Sequence[str], *, root: str, tally: Tally, max_files: int, only_executable: bool
) -> t.Iterator[Candidate]:
    """Find the candidates in files and directories, each once for each of its names.

    Links that the user names are followed, others are not.

    :param root: the directory that has ``proc``, from which the mounted file systems are read
    :param max_files: directory entries after which the walk stops
    """
    types = parse_mount_types(read(root, "proc/self/mounts").text or "")
    seen: set[tuple[int, int]] = set()
    for path in paths:
        try:
            real = os.path.realpath(path)
            status = os.stat(path)
        except OSError as error:
            tally.skip(path, error.strerror or str(error))
            continue
        if stat.S_ISREG(status.st_mode):
            tally.entries += 1
            yield Candidate(real, status, named=True, given=path)
        elif not stat.S_ISDIR(status.st_mode):
            tally.skip(path, "neither a file nor a directory")
        elif _type_at(types, real) in _KERNEL_TYPES:
            tally.skip(path, f"a virtual file system of the kernel ({_type_at(types, real)})")
        else:
            for entry in _below(real, types=types, seen=seen, tally=tally, max_files=max_files):
                status = entry.stat(follow_symlinks=False)
                if status.st_size >= _MIN_SIZE and (status.st_mode & _EXECUTABLE or not only_executable):
                    yield Candidate(entry.path, status, named=False, given=None)


def parse_mount_types(text: str) -> dict[str, str]:
    """The type of the file system at each mount point of /proc/self/mounts, or the last one if a point has several."""
    return {mount.point: mount.type for mount in parse_mounts(text)}


def _type_at(types: t.Mapping[str, str], path: str) -> str | None:
    while path not in types and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return types.get(path)


def _below(
    top: str, *, types: t.Mapping[str, str], seen: set[tuple[int, int]], tally: Tally, max_files: int
) -> t.Iterator[os.DirEntry[str]]:
    """The regular files in and under a directory."""
    left = [top]
    while left:
        directory = left.pop()
        try:
            status = os.stat(directory, follow_symlinks=False)
            if (status.st_dev, status.st_ino) in seen or not stat.S_ISDIR(status.st_mode):
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(directory) as entries:
                listed = list(itertools.islice(entries, max(max_files - tally.entries, 0) + 1))
        except OSError as error:
            tally.skip(directory, error.strerror or str(error))
            continue
        for entry in sorted(listed, key=lambda entry: entry.name):
            if tally.entries >= max_files:
                tally.skip(
                    directory,
                    f"stopped here after max_files={max_files}, and the rest of {top} is not searched",
                )
                return
            tally.entries += 1
            try:
                if entry.is_file(follow_symlinks=False):
                    yield entry
                elif entry.is_dir(follow_symlinks=False) and _may_enter(
                    entry.path, types.get(entry.path), tally
                ):
                    left.append(entry.path)
            except OSError as error:
                tally.skip(entry.path, error.strerror or str(error))


def _may_enter(path: str, kind: str | None, tally: Tally) -> bool:
    if kind in _NETWORK_TYPES:
        tally.skip(path, f"a network file system ({kind}): name it in `paths` to search it")
    return kind not in _KERNEL_TYPES and kind not in _NETWORK_TYPES
