# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Find the processes that run in a profile, and those that need a restart to run in it."""

from __future__ import annotations

import os
import re
import typing as t

from .policy import label_names, process_label

__all__ = [
    "Process",
    "attachment",
    "attachment_pattern",
    "is_confined",
    "processes_to_restart",
    "read_processes",
]


class Process(t.NamedTuple):
    """A process with the path of its program and its AppArmor label."""

    pid: int
    program: str
    label: str


def read_processes(*, proc: str = "/proc") -> list[Process]:
    """Return every process whose program and label can be read.

    Kernel threads have no program.
    """
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
    """Whether a process runs in a profile."""
    return profile in label_names(process.label)


def processes_to_restart(
    processes: t.Iterable[Process], *, profile: str, content: str, enforced: bool
) -> list[Process]:
    """Return the processes that a restart would bring into the profile.

    These processes run a program that the profile attaches to, but started before it was loaded. Where the profile is
    enforced, processes in a ``//null-`` profile count too: complain mode made it, and it stays in complain mode.

    :param content: the text of the profile
    :param enforced: whether the profile is in enforce mode
    """
    pattern = attachment_pattern(attachment(content, profile=profile))
    return [
        process
        for process in processes
        if (enforced and _is_learning(process, profile=profile))
        or (pattern is not None and _runs_outside(process, profile=profile, pattern=pattern))
    ]


def _is_learning(process: Process, *, profile: str) -> bool:
    return any(name.startswith(f"{profile}//null-") for name in label_names(process.label))


def _runs_outside(process: Process, *, profile: str, pattern: t.Pattern[str]) -> bool:
    families = [name.split("//", 1)[0] for name in label_names(process.label)]
    return (
        profile not in families and pattern.fullmatch(process.program.replace(" (deleted)", "")) is not None
    )


def attachment(content: str, *, profile: str) -> str:
    """Return the attachment path in the header of a profile, or an empty string."""
    header = re.search(
        r'(?m)^\s*profile\s+"?'
        + re.escape(profile)
        + r'"?\s+("[^"\n]+"|[/@][^\s{(]*(?:\{[^}\s]*\}[^\s{(]*)*)',
        re.sub(r"(?m)^\s*#.*$", "", content),
    )
    return header.group(1).strip('"') if header else ""


def attachment_pattern(path: str) -> t.Pattern[str] | None:
    """Return an AppArmor path as a regular expression, or None for an empty path or one with variables."""
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
