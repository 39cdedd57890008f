# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Which processes run inside a profile, and which should but don't."""

from __future__ import annotations

import os
import re
import typing as t

from .policy import label_names, process_label

__all__ = ["Process", "attachment", "attachment_pattern", "is_confined", "outside", "read_processes"]


class Process(t.NamedTuple):
    """A process with its program and its label."""

    pid: int
    program: str
    label: str


def read_processes(*, proc: str = "/proc") -> list[Process]:
    """Every process whose program and label can be read; kernel threads have no program."""
    processes = []
    for name in os.listdir(proc):
        if not name.isdigit():
            continue
        try:
            program = os.readlink(os.path.join(proc, name, "exe"))
        except OSError:
            continue
        label = process_label(int(name), proc=proc)
        if label is not None:
            processes.append(Process(int(name), program, label))
    return sorted(processes)


def is_confined(process: Process, *, profile: str) -> bool:
    """Whether the profile is one of its label's."""
    return profile in label_names(process.label)


def outside(processes: t.Iterable[Process], *, profile: str, content: str, enforced: bool) -> list[Process]:
    """The processes that a restart would bring into the profile as it is.

    Those of a program that the profile attaches to and that run without it, because they are older than it. Where it
    is enforced, also those that complain mode once let into a profile of its own making: that stays in complain mode.
    """
    pattern = attachment_pattern(attachment(content, profile=profile))
    return [
        process
        for process in processes
        if (enforced and _is_learning(process, profile=profile))
        or (pattern is not None and _is_stranger(process, profile=profile, pattern=pattern))
    ]


def _is_learning(process: Process, *, profile: str) -> bool:
    return any(name.startswith(f"{profile}//null-") for name in label_names(process.label))


def _is_stranger(process: Process, *, profile: str, pattern: t.Pattern[str]) -> bool:
    families = [name.split("//", 1)[0] for name in label_names(process.label)]
    return (
        profile not in families and pattern.fullmatch(process.program.replace(" (deleted)", "")) is not None
    )


def attachment(content: str, *, profile: str) -> str:
    """The path in the header of a profile; "" for none."""
    header = re.search(
        r'(?m)^\s*profile\s+"?'
        + re.escape(profile)
        + r'"?\s+("[^"\n]+"|[/@][^\s{(]*(?:\{[^}\s]*\}[^\s{(]*)*)',
        re.sub(r"(?m)^\s*#.*$", "", content),
    )
    return header.group(1).strip('"') if header else ""


def attachment_pattern(path: str) -> t.Pattern[str] | None:
    """A path of AppArmor as a regular expression; None for none, and for one with variables."""
    if not path or "@{" in path:
        return None
    tokens = re.findall(r"\*\*|\\.|\[[^\]]+\]|.", path)
    try:
        return re.compile("".join(_expression(token) for token in tokens))
    except re.error:
        return None


def _expression(token: str) -> str:
    simple = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|"}
    if token in simple:
        return simple[token]
    if token.startswith("["):
        return token
    return re.escape(token[-1] if token.startswith("\\") else token)
