# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A profile of kernel settings: what has to change, live and for the next boot, and how to change it."""

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
    """A live value that has to change."""

    name: str
    path: str
    before: str
    after: str


class _UnusableError(Exception):
    """Why the value of a key cannot be read or set on this host: the layer, and a sentence."""

    def __init__(self, decided_by: str, reason: str) -> None:
        super().__init__(reason)
        self.decided_by = decided_by


class _Survey(t.NamedTuple):
    """What looking at each key gave."""

    live: dict[str, str]
    changes: list[Change]
    lines: list[tuple[Setting, str]]
    kept: list[dict[str, str]]
    unknown: list[dict[str, str]]


def plan_profile(settings: list[Setting], *, path: str, state: str, root: str = "/") -> Plan:
    """Compare the wanted settings with the kernel and with every file that the next boot reads."""
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
        held = ours.get(setting.path)
        line = held  # a key that cannot be compared now keeps its line
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
            line = _line(setting, live, target, boot=boot, held=held is not None)
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
            remedy="Give such a path: no boot reads another one.",
        )


def _own_text(path: str) -> str | None:
    text = read_text(path)
    if text is not None and not text.startswith(HEADER):
        first = text.split("\n", 1)[0]
        raise HostError(
            path,
            wanted=f"no file, or one that starts with {HEADER.strip()!r}",
            found=f"a file that starts with {first!r}",
            remedy="It belongs to someone else: choose another path, or move its lines into settings and remove it.",
        )
    return text


def _live_and_target(setting: Setting, proc: str) -> tuple[str, str]:
    try:
        live = read_live(proc)
    except FileNotFoundError:
        raise _UnusableError(
            "kernel",
            f"{proc} does not exist: this kernel, or this network namespace, has no such key, "
            "or the module that brings it is not loaded",
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
                wanted="root, to set a kernel value",
                found=f"user id {os.geteuid()} and {error.strerror}",
                remedy="Set become: true for this task.",
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


def _line(setting: Setting, live: str, target: str, *, boot: str | None, held: bool) -> str | None:
    """The value our file needs for a key, so that the next boot is not worse with it than without it.

    :param boot: what the other files give at boot; None: the kernel's own default, which cannot be asked for
    :param held: whether our file has the key already, which tells that the default was not good enough
    """
    if setting.rule == "exactly":
        return setting.value
    if boot is not None:
        return None if satisfies(setting, boot) else _joined(setting, target, boot)
    # A value that was good enough before we came may be the kernel's own default on this host: a line with
    # less would lower it at boot.
    return target if held or live != target else None


def _joined(setting: Setting, target: str, boot: str) -> str:
    """Neither field below what another file gives, nor below what is live."""
    try:
        return strengthen(setting._replace(value=target), boot)
    except HostError:  # the other file's value has another form
        return target


def _render(lines: list[tuple[Setting, str]]) -> str | None:
    if not lines:
        return None
    parts = [HEADER]
    for setting, value in sorted(lines, key=lambda line: line[0].path):
        # The usual form with dots, except where a part of the name has a dot of its own.
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
        f"{item['path']} sets {item['name']} to {item['value']} at the next boot, after {path}: "
        "remove that line, or give path a name that sorts later."
    )


def _apply(path: str, *, before: str | None, after: str | None, changes: list[Change]) -> None:
    _put(path, after, instead_of=before)
    done: list[Change] = []
    try:
        for change in changes:
            done.append(change)
            _set(change)
    except HostError:
        for change in reversed(done):
            with contextlib.suppress(OSError):
                write_live(change.path, change.before)
        _put(path, before, instead_of=after)
        raise


def _put(path: str, text: str | None, *, instead_of: str | None) -> None:
    if text == instead_of:
        return
    try:
        if text is None:
            os.unlink(path)
        else:
            write_text(path, text)
    except OSError as error:
        raise HostError(
            path,
            wanted="to write it",
            found=str(error.strerror),
            remedy="No kernel value was changed; run as root on a writable file system.",
        ) from None


def _set(change: Change) -> None:
    remedy = (
        "Every value and the file are as they were before; correct this value or take it out of settings."
    )
    try:
        write_live(change.path, change.after)
        found = read_live(change.path)
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, str(error.errno))
        raise HostError(
            change.name,
            wanted=f"to set it to {change.after}",
            found=f"{name} ({error.strerror}) from the kernel; it is {change.before}",
            remedy=remedy,
        ) from None
    if fields(found) != change.after:
        raise HostError(
            change.name,
            wanted=f"to set it to {change.after}",
            found=f"{found} after the kernel had taken the value",
            remedy=remedy,
        )
