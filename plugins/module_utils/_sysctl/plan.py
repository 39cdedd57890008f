# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Compare kernel settings with the live values and the files that a boot reads, and plan what to change."""

from __future__ import annotations

import contextlib
import errno
import os
import typing as t

from .._atomic import read_text, write_text
from .._converge import Plan
from .._errors import HostError
from .files import DIRECTORIES, boot_assignments, boot_winner, parse_assignments
from .setting import Setting, fields, read_live, satisfies, strengthen, write_live

__all__ = ["HEADER", "plan_profile"]

HEADER = "# Managed by gofleet.hosts.sysctl_profile: changes made here are lost.\n"


class Change(t.NamedTuple):
    """A live value to change.

    ``path`` is its file below /proc/sys.
    """

    name: str
    path: str
    before: str
    after: str


class _UnusableError(Exception):
    """A key whose value cannot be read or set on this host, with the layer that decided and the reason."""

    def __init__(self, decided_by: str, reason: str) -> None:
        super().__init__(reason)
        self.decided_by = decided_by


class _Survey(t.NamedTuple):
    """The result of reading all keys.

    live: live values by name
    lines: the settings that need a line in our file, with its value
    kept: live values that are better than wanted, for the result
    unknown: keys that cannot be read or set, for the result
    """

    live: dict[str, str]
    changes: list[Change]
    lines: list[tuple[Setting, str]]
    kept: list[dict[str, str]]
    unknown: list[dict[str, str]]


def plan_profile(settings: list[Setting], *, path: str, state: str, root: str = "/") -> Plan:
    """Compare the settings with the kernel and with every file that the next boot reads, and return the plan.

    :param path: our file
    :param state: present or absent
    :raises HostError: a file that another program owns, or a value that cannot be compared
    """
    _check_path(path, root=root)
    text = _own_text(path)
    wanted = settings if state == "present" else []
    survey = _survey(wanted, path=path, text=text, root=root)
    new_text = _render(survey.lines)
    overridden = _overridden(wanted, survey.live, path=path, text=new_text, root=root)
    after = {**survey.live, **{item.name: item.after for item in survey.changes}}
    return Plan(
        before={**survey.live, **({path: text} if text is not None else {})},
        after={**after, **({path: new_text} if new_text is not None else {})},
        apply=lambda: _apply(path, before=text, after=new_text, changes=survey.changes),
        result={
            "applied": [
                {"name": item.name, "before": item.before, "after": item.after} for item in survey.changes
            ],
            "kept": survey.kept,
            "unknown": survey.unknown,
            "overridden_by": overridden,
        },
        warnings=[_warning(item, path=path) for item in overridden],
    )


def _survey(settings: list[Setting], *, path: str, text: str | None, root: str) -> _Survey:
    ours = {item.path: item.value for item in parse_assignments(path, text or "")}
    others = boot_assignments(root, replaced={path: None})
    survey = _Survey({}, [], [], [], [])
    for setting in settings:
        proc = os.path.join(root, "proc/sys", setting.path)
        our_value = ours.get(setting.path)
        line = our_value  # a key that cannot be read now keeps its line
        try:
            live, target = _live_and_target(setting, proc)
        except _UnusableError as unusable:
            survey.unknown.append(_unknown(setting, unusable))
        else:
            survey.live[setting.name] = live
            if live != target:
                survey.changes.append(Change(setting.name, proc, live, target))
            elif target != setting.value:
                survey.kept.append(_kept(setting, live))
            winner = boot_winner(setting.path, others)
            boot = winner.value if winner else None
            line = _line(setting, live, target, boot=boot, has_line=our_value is not None)
        if line is not None:
            survey.lines.append((setting, line))
    return survey


def _check_path(path: str, *, root: str) -> None:
    directories = [os.path.join(root, name) for name in DIRECTORIES]
    if os.path.dirname(path) not in directories or not path.endswith(".conf"):
        raise HostError(
            path,
            wanted=f"a file *.conf in one of {', '.join(directories)}",
            found=path,
            remedy="Choose such a path. A boot reads no other files.",
        )


def _own_text(path: str) -> str | None:
    text = read_text(path)
    if text is not None and not text.startswith(HEADER):
        first = text.split("\n", 1)[0]
        raise HostError(
            path,
            wanted=f"no file, or a file that starts with {HEADER.strip()!r}",
            found=f"a file that starts with {first!r}",
            remedy="Choose another path, or move the lines of that file into `settings` and remove it.",
        )
    return text


def _live_and_target(setting: Setting, proc: str) -> tuple[str, str]:
    try:
        live = read_live(proc)
    except FileNotFoundError:
        raise _UnusableError(
            "kernel",
            f"{proc} does not exist: this kernel or network namespace has no such key, "
            "or the kernel module that adds it is not loaded",
        ) from None
    except OSError as error:
        raise _UnusableError("capability", f"{proc} cannot be read: {error.strerror}") from None
    target = strengthen(setting, live)
    if live != target:
        _check_writable(setting, proc)
    return live, target


def _check_writable(setting: Setting, proc: str) -> None:
    try:
        os.close(os.open(proc, os.O_WRONLY))
    except OSError as error:
        if error.errno == errno.EROFS:
            raise _UnusableError("namespace", f"{proc} is mounted read-only, as in a container") from None
        if os.geteuid() != 0:
            raise HostError(
                setting.name,
                wanted="root permissions to set a kernel value",
                found=f"user ID {os.geteuid()} and {error.strerror}",
                remedy="Set `become: true` for this task.",
            ) from None
        raise _UnusableError("capability", f"{proc} cannot be written here: {error.strerror}") from None


def _kept(setting: Setting, live: str) -> dict[str, str]:
    return {"name": setting.name, "live": live, "wanted": setting.value, "rule": setting.rule}


def _unknown(setting: Setting, unusable: _UnusableError) -> dict[str, str]:
    return {
        "name": setting.name,
        "wanted": setting.value,
        "decided_by": unusable.decided_by,
        "reason": str(unusable),
    }


def _line(setting: Setting, live: str, target: str, *, boot: str | None, has_line: bool) -> str | None:
    """Return the value that our file needs for a key, or None where a line could lower the value at boot.

    :param boot: the value that the other files set at boot; None means the kernel's default, which is not known
    :param has_line: whether our file already has the key, so the default did not satisfy the rule
    """
    if setting.rule == "exactly":
        return setting.value
    if boot is not None:
        return None if satisfies(setting, boot) else _combine(setting, target, boot)
    # A live value that already satisfies the rule may be the kernel's default on this host. A line with a smaller
    # value would lower it at boot.
    return target if has_line or live != target else None


def _combine(setting: Setting, target: str, boot: str) -> str:
    """Return a value whose fields are no worse than those of the live value and of another file."""
    try:
        return strengthen(setting._replace(value=target), boot)
    except HostError:  # the value of the other file has another number of fields
        return target


def _render(lines: list[tuple[Setting, str]]) -> str | None:
    if not lines:
        return None
    parts = [HEADER]
    for setting, value in sorted(lines, key=lambda line: line[0].path):
        # Write the key with dots, except where a part of its name contains a dot.
        name = setting.path if "." in setting.path else setting.path.replace("/", ".")
        parts.append(f"# rule: {setting.rule} {setting.value}\n{name} = {value}\n")
    return "".join(parts)


def _overridden(
    settings: list[Setting], known: t.Mapping[str, str], *, path: str, text: str | None, root: str
) -> list[dict[str, str]]:
    found = []
    assignments = boot_assignments(root, replaced={path: text})
    for setting in settings:
        winner = boot_winner(setting.path, assignments)
        if setting.name not in known or winner is None or winner.value is None or winner.file == path:
            continue
        if not satisfies(setting, winner.value):
            found.append({"name": setting.name, "path": winner.file, "value": winner.value})
    return found


def _warning(item: t.Mapping[str, str], *, path: str) -> str:
    return (
        f"{item['path']} sets {item['name']} to {item['value']} at the next boot, after {path}. "
        "Remove that line, or choose a `path` whose file name sorts later."
    )


def _apply(path: str, *, before: str | None, after: str | None, changes: list[Change]) -> None:
    _write_file(path, after, previous=before)
    done: list[Change] = []
    try:
        for change in changes:
            done.append(change)
            _set(change)
    except HostError:
        for change in reversed(done):
            with contextlib.suppress(OSError):
                write_live(change.path, change.before)
        _write_file(path, before, previous=after)
        raise


def _write_file(path: str, text: str | None, *, previous: str | None) -> None:
    if text == previous:
        return
    try:
        if text is None:
            os.unlink(path)
        else:
            write_text(path, text)
    except OSError as error:
        raise HostError(
            path,
            wanted="a file that can be written",
            found=str(error.strerror),
            remedy="No kernel value was changed. Run as root on a writable file system.",
        ) from None


def _set(change: Change) -> None:
    remedy = "All values and the file are restored. Correct this value, or remove it from `settings`."
    try:
        write_live(change.path, change.after)
        found = read_live(change.path)
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, str(error.errno))
        raise HostError(
            change.name,
            wanted=f"the value {change.after}",
            found=f"{name} ({error.strerror}) from the kernel, which keeps {change.before}",
            remedy=remedy,
        ) from None
    if fields(found) != change.after:
        raise HostError(
            change.name,
            wanted=f"the value {change.after}",
            found=f"{found} after the kernel accepted the value",
            remedy=remedy,
        )
