# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Read the Go version that a go.mod or go.work requires from its toolchain and go lines."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._errors import HostError
from ...module_utils._go_toolchain.index import is_version, sort_key

__all__ = ["is_go_mod", "parse_go_mod", "read_go_mod"]

_LIMIT = 1 << 20  # bytes
_DIRECTIVE = re.compile(r"(go|toolchain)\s+(\S+)")
_DEFAULT = "default"  # the value of a toolchain line that requires none


def is_go_mod(name: str) -> bool:
    """Whether an entry of the option ``versions`` is the path of a go.mod or go.work."""
    return name.rpartition("/")[2] in ("go.mod", "go.work")


def read_go_mod(path: str) -> str:
    """The version query of a go.mod or go.work.

    :raises HostError: the file cannot be read, or requires no version of Go
    """
    try:
        with open(path, encoding="utf-8") as file:
            return parse_go_mod(file.read(_LIMIT), name=path)
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(
            path,
            wanted="a go.mod or go.work that the controller can read",
            found=getattr(error, "strerror", None) or str(error),
            remedy="Correct the path in `versions`. Relative paths start at the playbook.",
        )


def parse_go_mod(text: str, *, name: str) -> str:
    """The version query of the text of a go.mod or go.work: a full version, or a minor if the line has no patch.

    :param name: of the file, for errors
    :raises HostError: no line has a version, or a line has one that Go has not published
    """
    lines = dict(_directives(text))
    language = _checked(lines.get("go"), name=name, line="go")
    chosen = lines.get("toolchain")
    toolchain = None if chosen in (None, _DEFAULT) else chosen.removeprefix("go")
    toolchain = _checked(toolchain, name=name, line="toolchain")
    if language is None and toolchain is None:
        raise HostError(
            name,
            wanted="a go or toolchain line, such as: go 1.27.3",
            found="neither",
            remedy="Run `go mod edit -go=1.27.3` in its directory, or name the version in `versions`.",
        )
    # The go line is the minimum version. The toolchain line is a suggestion, so an older one does not count.
    return max(filter(None, (toolchain, language)), key=sort_key)


def _checked(version: str | None, *, name: str, line: str) -> str | None:
    if version is None or is_version(version):
        return version
    raise HostError(
        f"{name}: {line} {version}",
        wanted="a version that Go has published, such as 1.27.3 or 1.28rc1",
        found=version,
        remedy="Correct the line, or name the version in `versions`. Mirrors have no toolchain with a custom name.",
    )


def _directives(text: str) -> t.Iterator[tuple[str, str]]:
    block = False
    for raw in text.splitlines():
        line = raw.partition("//")[0].strip()
        if block or line.endswith("("):
            block = line != ")"
            continue
        match = _DIRECTIVE.fullmatch(line)
        if match is not None:
            yield match.group(1), match.group(2).strip('"`')
