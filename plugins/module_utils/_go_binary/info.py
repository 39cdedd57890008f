# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""What go_binary_info returns: the programs of a host, and what they were held against."""

from __future__ import annotations

import datetime
import os
import typing as t

from .._elf.loader import INTERPRETERS
from .._errors import HostError
from .._go_toolchain.support import newest_go
from .._kernel.cpu import amd64_level, read_flags
from .._probe.caller import read_caller
from .binaries import Search, read_go_binaries
from .binary import Reading
from .start import Target, read_target

__all__ = ["read_go_binary_info"]


def read_go_binary_info(params: t.Mapping[str, t.Any], *, root: str) -> dict[str, t.Any]:
    """
    :param params: the options of the module
    :param root: where ``proc`` and the libraries of the host are; ``paths`` are taken as they stand
    :raises HostError: an option that makes no sense
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
            wanted="something to look at",
            found="no path, and processes is false",
            remedy="Name files or directories in paths, or leave processes at true.",
        )
    for path in params["paths"]:
        if not path.startswith("/") or "\0" in path:
            raise HostError(
                f"path {path!r}",
                wanted="an absolute path",
                found="another",
                remedy="Write it from the root, like /usr/local/bin.",
            )
    for name in ("max_files", "max_bytes"):
        if params[name] < 1:
            raise HostError(
                name,
                wanted="a number above 0",
                found=str(params[name]),
                remedy="Leave it out for the default.",
            )
