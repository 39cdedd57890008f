# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""AppArmor as text and as the kernel shows it: names, modes, labels, what the parser complains about."""

from __future__ import annotations

import os
import re
import typing as t

from .._atomic import read_text

__all__ = [
    "Kernel",
    "check_name",
    "declared_names",
    "declares",
    "label_names",
    "mode_flags",
    "parse_modes",
    "parser_complaint",
    "process_label",
    "read_kernel",
]

_MODE_WORDS = ("complain", "enforce", "kill", "unconfined", "default_allow", "prompt")


class Kernel(t.NamedTuple):
    """``modes``: profile name -> mode, as loaded. ``off``: why there is no AppArmor here, None where there is."""

    modes: dict[str, str]
    off: str | None


def check_name(name: str) -> str | None:
    """What is wrong with a profile name that is to be a file name too; None for nothing."""
    if not name or name.startswith("."):
        return "a name that is empty or starts with a dot"
    if re.search(r'[/\s"\x00]', name):
        return "a slash, blank or quote in the name"
    return None


def parse_modes(text: str) -> dict[str, str]:
    """The lines of the kernel's list of profiles, ``name (mode)``."""
    matches = (re.match(r"(.+) \((\w+)\)$", line) for line in text.splitlines())
    return {match.group(1): match.group(2) for match in matches if match}


def label_names(label: str) -> list[str]:
    """The profiles in a process's label; more than one where they are stacked, none for unconfined."""
    name = re.sub(r" \(\w+\)$", "", label.strip("\0\n "))
    return [] if name in ("", "unconfined") else name.split("//&")


def declared_names(names_output: str) -> list[str]:
    """The profiles that a text declares, from ``apparmor_parser -N``, without their children."""
    lines = (line.strip() for line in names_output.splitlines())
    return [line for line in lines if line and "//" not in line]


def declares(content: str, name: str) -> bool:
    """Whether a text has the header of this profile, outside of comments."""
    code = re.sub(r"(?m)^\s*#.*$", "", content)
    return re.search(r'(?m)^\s*profile\s+"?' + re.escape(name) + r'"?(?=[\s{])', code) is not None


def parser_complaint(err: str) -> str:
    """What the parser says is wrong, without its notices about cache and configuration."""
    notices = ("Warning", "Cache read/write disabled")
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    return "; ".join(line for line in lines if not line.startswith(notices)) or "no message"


def mode_flags(content: str, name: str) -> list[str]:
    """The modes that the header of a profile states in its flags."""
    code = re.sub(r"(?m)^\s*#.*$", "", content)
    header = re.search(r'(?m)^\s*(?:profile\s+)?"?' + re.escape(name) + r'"?(?=[\s{])([^\n]*)', code)
    flags = re.search(r"flags\s*=\s*\(([^)]*)\)", header.group(1)) if header else None
    words = re.split(r"[\s,]+", flags.group(1)) if flags else []
    return [word for word in words if word in _MODE_WORDS]


def read_kernel(*, sysfs: str = "/sys") -> Kernel:
    """The profiles in the running kernel, or why there are none to manage."""
    enabled = read_text(os.path.join(sysfs, "module/apparmor/parameters/enabled"))
    if enabled is None:
        return Kernel({}, "the kernel has no AppArmor")
    if enabled.strip() != "Y":
        return Kernel({}, "AppArmor is switched off in the kernel")
    text = read_text(os.path.join(sysfs, "kernel/security/apparmor/profiles"))
    if text is None:
        return Kernel({}, "securityfs shows no AppArmor here, as in a container")
    return Kernel(parse_modes(text), None)


def process_label(pid: int, *, proc: str = "/proc") -> str | None:
    """The AppArmor label of a process; None where it can't be told (no such process, no AppArmor)."""
    # attr/apparmor/ is 5.1+; attr/current belongs to whichever LSM came first.
    for attribute in ("attr/apparmor/current", "attr/current"):
        try:
            text = read_text(os.path.join(proc, str(pid), attribute))
        except OSError:
            continue
        if text:
            return text.strip("\0\n ")
    return None
