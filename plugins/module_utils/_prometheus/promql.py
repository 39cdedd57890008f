# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Which series of a page are meant: a name and conditions on labels, as in a PromQL selector."""

from __future__ import annotations

import math
import re
import typing as t

from .._errors import HostError
from .exposition import series_key

if t.TYPE_CHECKING:
    from .exposition import Series

__all__ = ["Selector", "select", "selector_of"]

_OPERATORS = ("=~", "!~", "!=", "=")


class Matcher(t.NamedTuple):
    """One condition on a label; a label that is not there counts as an empty one."""

    label: str
    operator: str
    value: str

    def holds(self, labels: t.Mapping[str, str]) -> bool:
        found = labels.get(self.label, "")
        equal = re.fullmatch(self.value, found) is not None if "~" in self.operator else found == self.value
        return equal != self.operator.startswith("!")


class Selector(t.NamedTuple):
    name: str
    matchers: tuple[Matcher, ...]

    def __str__(self) -> str:
        inner = ",".join(f'{m.label}{m.operator}"{m.value}"' for m in self.matchers)
        return f"{self.name}{{{inner}}}" if inner else self.name


def selector_of(name: str, labels: t.Mapping[str, t.Any]) -> Selector:
    """
    :param labels: label -> value; a value may begin with one of = != =~ !~
    :raises HostError: for what is no regular expression
    """
    matchers = tuple(_matcher(label, str(value), name=name) for label, value in sorted(labels.items()))
    return Selector(name, matchers)


def select(page: t.Iterable[Series], selector: Selector) -> dict[str, float]:
    """The values of the series that are meant, by their keys. NaN is no value."""
    return {
        series_key(one.name, one.labels): one.value
        for one in page
        if one.name == selector.name
        and not math.isnan(one.value)
        and all(matcher.holds(one.labels) for matcher in selector.matchers)
    }


def _matcher(label: str, text: str, *, name: str) -> Matcher:
    operator = next((sign for sign in _OPERATORS if text.startswith(sign)), "")
    value = text[len(operator) :]
    if "~" in operator:
        try:
            re.compile(value)
        except re.error as error:
            raise HostError(
                f"label {label} of {name}",
                wanted="a regular expression behind =~ or !~",
                found=f"{value!r}: {error}",
                remedy="Correct it; it has to match the whole value.",
            )
    return Matcher(label, operator or "=", value)
