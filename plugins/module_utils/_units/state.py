# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Units as they are on the host: files, what systemd holds of them, and what their processes really run."""

from __future__ import annotations

import contextlib
import os
import typing as t

from .._apparmor.policy import Kernel, label_names, process_label, read_kernel
from .._atomic import read_text
from .._errors import HostError
from .._release.store import Store
from .._systemd.text import (
    RUNNING,
    affecting,
    is_drop_in,
    kind,
    owner,
    parse_show,
    services_of_socket,
)
from .credentials import CREDENTIALS

if t.TYPE_CHECKING:
    from .._run import Runner
    from .credentials import Secret
    from .spec import Release, Unit

__all__ = [
    "File",
    "Found",
    "Roots",
    "forget_restart",
    "owe_restart",
    "read_file",
    "read_host",
    "show",
    "stale",
]

_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "UnitFileState",
    "FragmentPath",
    "MainPID",
    "NRestarts",
    "NeedDaemonReload",
    "Triggers",
    "AppArmorProfile",
    "Type",
)


class Roots(t.NamedTuple):
    """Where to look: the unit directory, the kernel's and systemd's own file systems, and what belongs to sets."""

    path: str
    proc: str = "/proc"
    sysfs: str = "/sys"
    runtime: str = "/run"
    credentials: str = CREDENTIALS
    var: str = "/var"


class File(t.NamedTuple):
    """A file as it is: its text, and where it points if it is a link. Both None: nothing there."""

    text: str | None
    link: str | None


class Found(t.NamedTuple):
    """The host before the run. Units in ``owed`` were to be restarted by a run that was cut short."""

    files: dict[str, File]
    shown: dict[str, dict[str, str]]
    currents: dict[str, str | None]
    triggers: dict[str, list[str]]
    owed: frozenset[str]
    kernel: Kernel

    def running(self, name: str) -> bool:
        """Whether it runs or listens; one that dies and waits for its next try does not."""
        return self.kept_up(name) and not self.shown[name].get("SubState", "").startswith("auto-restart")

    def kept_up(self, name: str) -> bool:
        """Whether systemd runs it or keeps trying to."""
        return self.shown.get(name, {}).get("ActiveState") in RUNNING

    def enabled(self, name: str) -> bool:
        return self.shown.get(name, {}).get("UnitFileState") in ("enabled", "alias")


def read_host(units: t.Sequence[Unit], *, roots: Roots, run: Runner) -> Found:
    """All of it by one command and by reading files."""
    if not os.path.isdir(os.path.join(roots.runtime, "systemd/system")):
        raise HostError(
            "systemd",
            wanted="systemd as the first process of this host",
            found="another one, as in a plain container",
            remedy="Leave this host out, or boot it with systemd.",
        )
    runnable = [unit for unit in units if unit.runs]
    sockets = {unit.name: unit.text for unit in runnable if kind(unit.name) == "socket"}
    guessed = {name: services_of_socket(name, text=text, shown={}) for name, text in sockets.items()}
    services = [service for names in guessed.values() for service in names]
    shown = show(list(dict.fromkeys([*(u.name for u in runnable), *services])), run=run)
    owed = os.path.join(roots.runtime, _OWED)
    return Found(
        files={unit.name: read_file(os.path.join(roots.path, unit.name)) for unit in units if unit.has_file},
        shown=shown,
        currents={unit.release.path: Store(unit.release.path).current() for unit in units if unit.release},
        triggers={
            name: services_of_socket(name, text=text, shown=shown.get(name, {}))
            for name, text in sockets.items()
        },
        owed=frozenset(os.listdir(owed)) if os.path.isdir(owed) else frozenset(),
        kernel=read_kernel(sysfs=roots.sysfs),
    )


def show(names: t.Sequence[str], *, run: Runner) -> dict[str, dict[str, str]]:
    """What systemd holds of each unit, by one call."""
    if not names:
        return {}
    done = run(["systemctl", "show", f"--property={','.join(_PROPERTIES)}", "--", *names])
    shown = parse_show(done.out, names=names)
    if done.rc != 0 or len(shown) != len(names):
        raise HostError(
            ", ".join(names),
            wanted="the state of these units",
            found=done.err.strip() or f"{len(shown)} answers from systemctl show",
            remedy="See on the host why systemctl can't tell it.",
        )
    return shown


def read_file(path: str) -> File:
    link = os.readlink(path) if os.path.islink(path) else None
    return File(read_text(path), link)


def stale(
    unit: Unit,
    found: Found,
    *,
    differing: t.Collection[str],
    secrets: t.Mapping[str, t.Sequence[Secret]] | None = None,
    roots: Roots,
) -> list[str]:
    """Why what runs of a unit is not what its files say; empty where it is, or where nothing runs.

    :param secrets: by name of the set
    """
    if not found.running(unit.name):
        return ["stopped by a run that was cut short"] if unit.name in found.owed else []
    shown = found.shown[unit.name]
    if shown.get("Type") == "oneshot" and shown["ActiveState"] == "activating":
        # At work right now, by a timer perhaps; its next start reads the new files anyway.
        return []
    reasons = ["its restart was cut short"] if unit.name in found.owed else []
    parts = affecting(unit.name)
    changed = sorted(name for name in differing if owner(name) in parts)
    reasons += [f"{'drop-in' if is_drop_in(name) else 'unit file'} {name} differs" for name in changed]
    if kind(unit.name) == "service":
        # systemd reads them when it starts the process.
        others = [
            secret.name for secret in (secrets or {}).get(unit.set or "", ()) if secret.old != secret.new
        ]
        reasons += [f"credential {name} differs" for name in others]
    if shown.get("NeedDaemonReload") == "yes" and not changed:
        reasons.append("systemd has not read its unit file")
    reasons += _other_release(unit, found, pid=_main_pid(shown), roots=roots)
    reasons += _other_profile(shown, found.kernel, pid=_main_pid(shown), roots=roots)
    return reasons


def _main_pid(shown: t.Mapping[str, str]) -> int:
    return int(shown.get("MainPID", "0") or 0)


def _other_release(unit: Unit, found: Found, *, pid: int, roots: Roots) -> list[str]:
    if unit.release is None:
        return []
    current = found.currents[unit.release.path]
    if current != unit.release.version:
        return [f"release {current} is current"]
    running = _running_release(unit.release, pid=pid, proc=roots.proc)
    return [] if running in (None, unit.release.version) else [f"its process runs {running}"]


def _running_release(release: Release, *, pid: int, proc: str) -> str | None:
    """The version that a process runs; None for a program outside the store, such as an interpreter."""
    try:
        exe = os.readlink(os.path.join(proc, str(pid), "exe"))
    except OSError:
        return None
    relative = os.path.relpath(exe, os.path.realpath(release.path))
    if relative.startswith(".."):
        return None
    version = relative.split("/", 1)[0]
    return f"{version}, deleted" if exe.endswith(" (deleted)") else version


def _other_profile(shown: t.Mapping[str, str], kernel: Kernel, *, pid: int, roots: Roots) -> list[str]:
    wanted = shown.get("AppArmorProfile", "").lstrip("-")
    # A profile that is not loaded could not be had by a restart either.
    if not wanted or wanted not in kernel.modes or not pid:
        return []
    label = process_label(pid, proc=roots.proc)
    if label is None or wanted in label_names(label):
        return []
    return [f"its process is {label} instead of AppArmor profile {wanted}"]


# A run that is killed between the change of a file and the restart leaves no trace in systemd's state. In the
# runtime directory, because a boot starts everything from the files.
_OWED = "gofleet.hosts/restart-owed"


def owe_restart(names: t.Iterable[str], *, roots: Roots) -> None:
    directory = os.path.join(roots.runtime, _OWED)
    os.makedirs(directory, mode=0o755, exist_ok=True)
    for name in names:
        with open(os.path.join(directory, name), "w", encoding="utf-8"):
            pass


def forget_restart(names: t.Iterable[str], *, roots: Roots) -> None:
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(roots.runtime, _OWED, name))
