# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse AppArmor profiles, labels and parser messages, and read which profiles the kernel has loaded."""

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
    "parser_message",
    "process_label",
    "read_kernel",
]

_MODE_WORDS = ("complain", "enforce", "kill", "unconfined", "default_allow", "prompt")


class Kernel(t.NamedTuple):
    """AppArmor in the running kernel.

    modes: name of each loaded profile -> mode
    off: why AppArmor is not available, or None where it is
    """

    modes: dict[str, str]
    off: str | None


def check_name(name: str) -> str | None:
    """Return what is wrong with a profile name that is also a file name, or None."""
    if not name or name.startswith("."):
        return "an empty name or a leading dot"
    if re.search(r'[/\s"\x00]', name):
        return "a slash, blank or quote in the name"
    return None


def parse_modes(text: str) -> dict[str, str]:
    """Parse the kernel's list of profiles, whose lines are ``name (mode)``."""
    matches = (re.match(r"(.+) \((\w+)\)$", line) for line in text.splitlines())
    return {match.group(1): match.group(2) for match in matches if match}


def label_names(label: str) -> list[str]:
    """Return the profiles in the label of a process.

    Stacked profiles are several. Unconfined is none.
    """
    name = re.sub(r" \(\w+\)$", "", label.strip("\0\n "))
    return [] if name in ("", "unconfined") else name.split("//&")


def declared_names(names_output: str) -> list[str]:
    """Return the profiles in the output of ``apparmor_parser -N``, without child profiles."""
    lines = (line.strip() for line in names_output.splitlines())
    return [line for line in lines if line and "//" not in line]


def declares(content: str, name: str) -> bool:
    """Whether a text has the header of this profile outside comments."""
    code = re.sub(r"(?m)^\s*#.*$", "", content)
    return re.search(r'(?m)^\s*profile\s+"?' + re.escape(name) + r'"?(?=[\s{])', code) is not None


def parser_message(err: str) -> str:
    """Return the errors in the parser's output, without its notices about cache and configuration."""
    notices = ("Warning", "Cache read/write disabled")
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    return "; ".join(line for line in lines if not line.startswith(notices)) or "no message"


def mode_flags(content: str, name: str) -> list[str]:
    """Return the modes in the flags of a profile's header."""
    code = re.sub(r"(?m)^\s*#.*$", "", content)
    header = re.search(r'(?m)^\s*(?:profile\s+)?"?' + re.escape(name) + r'"?(?=[\s{])([^\n]*)', code)
    flags = re.search(r"flags\s*=\s*\(([^)]*)\)", header.group(1)) if header else None
    words = re.split(r"[\s,]+", flags.group(1)) if flags else []
    return [word for word in words if word in _MODE_WORDS]


def read_kernel(*, sysfs: str = "/sys") -> Kernel:
    """Read which profiles the running kernel has loaded, or why AppArmor is not available."""
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
    """Return the AppArmor label of a process, or None where it cannot be read (no such process, no AppArmor)."""
    # attr/apparmor/ exists since Linux 5.1. attr/current belongs to the first LSM that has it.
    for attribute in ("attr/apparmor/current", "attr/current"):
        try:
            text = read_text(os.path.join(proc, str(pid), attribute))
        except OSError:
            continue
        if text:
            return text.strip("\0\n ")
    return None
