# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse a metrics page in the Prometheus text format 0.0.4, and in OpenMetrics where the two are equal."""

from __future__ import annotations

import re
import typing as t

__all__ = ["PageError", "Series", "parse_exposition", "series_key"]

_NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*")
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
# Prometheus 3 writes names outside the old alphabet in quotes: {"my.metric","my.label"="x"}.
_PAIR = re.compile(
    r"\s*(?:([a-zA-Z_][a-zA-Z0-9_]*)|" + _QUOTED + r")\s*(?:=\s*" + _QUOTED + r")?\s*(,|(?=\}))"
)
_END = re.compile(r"\s*\}")
_ESCAPED = re.compile(r"\\(.)")
_UNESCAPED = {"\\": "\\", '"': '"', "n": "\n"}


class PageError(ValueError):
    """An error in a metrics page, with the line number."""


class Series(t.NamedTuple):
    """One line of a metrics page.

    The value can be NaN or infinite.
    """

    name: str
    labels: dict[str, str]
    value: float


def parse_exposition(text: str) -> list[Series]:
    """Return the series of a page in its order, without comments, timestamps and exemplars.

    :raises PageError: a line is not in the format, so that a truncated page is not taken for a complete one
    """
    found: list[Series] = []
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            found.append(_parse_line(stripped))
        except ValueError as error:
            raise PageError(f"line {number}: {error}: {stripped[:80]!r}")
    return found


def series_key(name: str, labels: t.Mapping[str, str]) -> str:
    """Return a series as text with sorted labels, such as http_requests_total{code="200"}."""
    if not labels:
        return name
    pairs = ",".join(f'{label}="{_escape(value)}"' for label, value in sorted(labels.items()))
    return f"{name}{{{pairs}}}"


def _parse_line(line: str) -> Series:
    match = _NAME.match(line)
    name, position = (match[1], match.end()) if match else ("", 0)
    labels: dict[str, str] = {}
    if line[position : position + 1] == "{":
        labels, quoted, position = _parse_labels(line, position + 1)
        name = name or quoted
    if not name:
        raise ValueError("no metric name")
    words = line[position:].partition("#")[0].split()
    if not 1 <= len(words) <= 2:
        raise ValueError("wanted a value and at most a timestamp")
    return Series(name, labels, _number(words[0]))


def _parse_labels(line: str, position: int) -> tuple[dict[str, str], str, int]:
    """Return the labels, the quoted metric name among them or an empty string, and the position after them."""
    labels: dict[str, str] = {}
    name = ""
    while not _END.match(line, position):
        match = _PAIR.match(line, position)
        if match is None:
            raise ValueError('labels that are not closed or not label="value"')
        label = match[1] if match[1] is not None else _unescape(match[2])
        if match[3] is not None:
            labels[label] = _unescape(match[3])
        elif match[1] is None:
            name = label
        else:
            raise ValueError(f"label {label} without a value")
        position = match.end()
    return labels, name, line.index("}", position) + 1


def _number(text: str) -> float:
    # float() also accepts 1_000, which the format does not allow.
    if "_" in text:
        raise ValueError("not a number")
    return float(text)


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: _UNESCAPED.get(match[1], match[0]), text)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
