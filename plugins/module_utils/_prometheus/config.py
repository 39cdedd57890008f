# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Edit our lines in a prometheus.yml that others own.

They stand between markers, and every other byte is kept.
"""

from __future__ import annotations

import json
import re
import typing as t

from .._errors import HostError

__all__ = ["edit_config", "job_lines", "marked_paths", "rule_lines"]

BEGIN = "# BEGIN gofleet.hosts"
END = "# END gofleet.hosts"


def job_lines(pool: str, *, file: str, interval: str) -> list[str]:
    """Return the lines of one item of scrape_configs.

    Every JSON string is a YAML string.
    """
    return [
        f"- job_name: {json.dumps(pool)}",
        f"  scrape_interval: {interval}",
        "  file_sd_configs:",
        f"    - files: [{json.dumps(file)}]",
    ]


def rule_lines(file: str) -> list[str]:
    """Return the lines of one item of rule_files."""
    return [f"- {json.dumps(file)}"]


def marked_paths(text: str) -> list[str]:
    """Return the files that our marked lines name, which are those that an earlier run wrote."""
    inside, paths = False, []
    for line in text.split("\n"):
        inside = (inside or line.strip() == BEGIN) and line.strip() != END
        if inside and ("files:" in line or line.strip().startswith('- "')):
            paths += [json.loads(string) for string in re.findall(r'"(?:[^"\\]|\\.)*"', line)]
    return paths


def edit_config(text: str, items: t.Mapping[str, t.Sequence[str]], *, path: str) -> str:
    """Replace our lines in a configuration.

    :param items: top-level key -> the lines of our items, not indented; an empty list removes our lines
    :param path: the name of the file, for errors
    :raises HostError: an unpaired marker, or a key whose value is not a block list
    """
    lines = _without_marked(text, path=path)
    for key, body in items.items():
        if body:
            lines = _insert(lines, key, body, path=path)
    return "\n".join(lines)


def _without_marked(text: str, *, path: str) -> list[str]:
    kept: list[str] = []
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        mark = line.strip()
        if (mark == BEGIN and inside) or (mark == END and not inside):
            raise HostError(
                f"{path}, line {number}",
                wanted=f"pairs of {BEGIN!r} and {END!r}",
                found=f"a single {mark!r}",
                remedy="Remove this marker and our lines next to it.",
            )
        if mark == BEGIN:
            inside = True
        elif mark == END:
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise HostError(path, wanted=f"{END!r}", found="the end of the file", remedy=f"Remove {BEGIN!r}.")
    # A key that we appended was between the markers too, so the text is the original one.
    return kept


def _insert(lines: list[str], key: str, body: t.Sequence[str], *, path: str) -> list[str]:
    found = [index for index, line in enumerate(lines) if re.match(rf"""["']?{key}["']?\s*:""", line)]
    if not found:
        _check_block_style(lines, key, body, path=path)
        return _append(lines, [BEGIN, f"{key}:", *_indented(body, "  "), END])
    index = found[0]
    value = re.sub(r"\s#.*", "", lines[index].partition(":")[2]).strip()
    if len(found) > 1 or value:
        raise _manual_edit_error(key, body, found=f"line {index + 1}: {lines[index].strip()!r}", path=path)
    indent = _item_indent(lines[index + 1 :])
    if indent is None:
        raise _manual_edit_error(key, body, found="no list items that start with '- ' below it", path=path)
    return [*lines[: index + 1], *_indented([BEGIN, *body, END], indent), *lines[index + 1 :]]


def _append(lines: list[str], block: list[str]) -> list[str]:
    # A file that ends in a line break has an empty last element. The block goes before it.
    if lines[-1] == "":
        return [*lines[:-1], *block, ""]
    return [*lines, *block]


def _indented(lines: t.Iterable[str], indent: str) -> list[str]:
    return [f"{indent}{line}" for line in lines]


def _item_indent(lines: t.Iterable[str]) -> str | None:
    """Return the indentation of the items below a key.

    Without items it is two blanks. For another value than a block list it is None.
    """
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        item = re.match(r"( *)-(\s|$)", line)
        if item:
            return item.group(1)
        return None if line[0] in " \t" else "  "
    return "  "


def _check_block_style(lines: list[str], key: str, body: t.Sequence[str], *, path: str) -> None:
    for line in lines:
        if line.startswith(("{", "...", "\t")):
            raise _manual_edit_error(key, body, found=f"the line {line.strip()!r}", path=path)


def _manual_edit_error(key: str, body: t.Sequence[str], *, found: str, path: str) -> HostError:
    text = "\n".join([f"{key}:", *_indented([BEGIN, *body, END], "  ")])
    return HostError(
        path,
        wanted=f"{key}: once, at the start of a line, with a block list below it",
        found=found,
        remedy=f"Write it as a block list and add these lines by hand:\n{text}\n",
    )
