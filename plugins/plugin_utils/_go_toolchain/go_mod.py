# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""The Go that a go.mod or a go.work asks for: its toolchain line, else its go line."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._errors import HostError
from ...module_utils._go_toolchain.index import is_version, sort_key

__all__ = ["is_go_mod", "read_go_mod", "wish_of_go_mod"]

_LIMIT = 1 << 20  # bytes
_DIRECTIVE = re.compile(r"(go|toolchain)\s+(\S+)")
_DEFAULT = "default"  # the toolchain line that asks for none


def is_go_mod(name: str) -> bool:
    """Whether a wish is the path of such a file."""
    return name.rpartition("/")[2] in ("go.mod", "go.work")


def read_go_mod(path: str) -> str:
    """The wish of a file.

    :raises HostError: no such file, or none that asks for a Go
    """
    try:
        with open(path, encoding="utf-8") as file:
            return wish_of_go_mod(file.read(_LIMIT), name=path)
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(
            path,
            wanted="a go.mod or go.work that the controller can read",
            found=getattr(error, "strerror", None) or str(error),
            remedy="Correct the path in versions; relative paths start at the playbook.",
        )


def wish_of_go_mod(text: str, *, name: str) -> str:
    """What the lines of a file ask for: a full version, or a series where the patch is left open."""
    lines = dict(_directives(text))
    language = _checked(lines.get("go"), name=name, line="go")
    chosen = lines.get("toolchain")
    toolchain = None if chosen in (None, _DEFAULT) else chosen.removeprefix("go")
    toolchain = _checked(toolchain, name=name, line="toolchain")
    if language is None and toolchain is None:
        raise HostError(
            name,
            wanted="a line that says which Go it needs, such as: go 1.27.3",
            found="none",
            remedy="Run `go mod edit -go=1.27.3` beside it, or name the version itself.",
        )
    # The go command takes the toolchain line as a wish, and the go line as a demand.
    return max(filter(None, (toolchain, language)), key=sort_key)


def _checked(version: str | None, *, name: str, line: str) -> str | None:
    if version is None or is_version(version):
        return version
    raise HostError(
        f"{name}: {line} {version}",
        wanted="a version that Go has published, such as 1.27.3 or 1.28rc1",
        found=version,
        remedy="Correct the line, or name the version itself; a toolchain with a name of its own is on no mirror.",
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
