# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read the files of units, their properties in systemd, and what their processes run."""

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
    contributing_units,
    is_drop_in,
    kind,
    owner,
    parse_show,
    services_of_socket,
)
from .credentials import CREDENTIALS

if t.TYPE_CHECKING:
    from .._run import Runner
    from .credentials import CredentialFile
    from .spec import Release, Unit

__all__ = [
    "File",
    "Found",
    "Roots",
    "clear_pending_restarts",
    "read_file",
    "read_host",
    "record_pending_restarts",
    "show",
    "stale_reasons",
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
    """The directories to work on.

    path: the unit directory
    runtime: /run
    credentials: the directory that holds one directory of credentials for each set
    """

    path: str
    proc: str = "/proc"
    sysfs: str = "/sys"
    runtime: str = "/run"
    credentials: str = CREDENTIALS
    var: str = "/var"


class File(t.NamedTuple):
    """The text of a file on the host, and its target where it is a link.

    Both are None where there is no file.
    """

    text: str | None
    link: str | None


class Found(t.NamedTuple):
    """The host before the run.

    files: by name of the unit or drop-in
    shown: properties by name of the unit
    current_versions: by path of the release store
    triggers: services by name of the socket that activates them
    pending_restarts: units that an interrupted run had still to restart
    """

    files: dict[str, File]
    shown: dict[str, dict[str, str]]
    current_versions: dict[str, str | None]
    triggers: dict[str, list[str]]
    pending_restarts: frozenset[str]
    kernel: Kernel

    def is_running(self, name: str) -> bool:
        """Whether the unit runs or listens.

        A service that waits for an automatic restart does not.
        """
        return self.is_kept_running(name) and not self.shown[name].get("SubState", "").startswith(
            "auto-restart"
        )

    def is_kept_running(self, name: str) -> bool:
        """Whether systemd runs the unit or keeps restarting it."""
        return self.shown.get(name, {}).get("ActiveState") in RUNNING

    def is_enabled(self, name: str) -> bool:
        return self.shown.get(name, {}).get("UnitFileState") in ("enabled", "alias")


def read_host(units: t.Sequence[Unit], *, roots: Roots, run: Runner) -> Found:
    """Read the state of the units with one command and by reading files.

    :raises HostError: the host was not booted with systemd, or systemctl failed
    """
    if not os.path.isdir(os.path.join(roots.runtime, "systemd/system")):
        raise HostError(
            "systemd",
            wanted="a host that was booted with systemd",
            found="another init process, as in a container",
            remedy="Exclude this host, or boot it with systemd.",
        )
    runnable = [unit for unit in units if unit.runs]
    sockets = {unit.name: unit.text for unit in runnable if kind(unit.name) == "socket"}
    guessed = {name: services_of_socket(name, text=text, shown={}) for name, text in sockets.items()}
    services = [service for names in guessed.values() for service in names]
    shown = show(list(dict.fromkeys([*(u.name for u in runnable), *services])), run=run)
    pending_restarts = os.path.join(roots.runtime, _PENDING_RESTARTS)
    return Found(
        files={unit.name: read_file(os.path.join(roots.path, unit.name)) for unit in units if unit.has_file},
        shown=shown,
        current_versions={
            unit.release.path: Store(unit.release.path).current() for unit in units if unit.release
        },
        triggers={
            name: services_of_socket(name, text=text, shown=shown.get(name, {}))
            for name, text in sockets.items()
        },
        pending_restarts=frozenset(os.listdir(pending_restarts))
        if os.path.isdir(pending_restarts)
        else frozenset(),
        kernel=read_kernel(sysfs=roots.sysfs),
    )


def show(names: t.Sequence[str], *, run: Runner) -> dict[str, dict[str, str]]:
    """Return the properties of each unit by its name, with one call of systemctl.

    :raises HostError: systemctl failed
    """
    if not names:
        return {}
    done = run(["systemctl", "show", f"--property={','.join(_PROPERTIES)}", "--", *names])
    shown = parse_show(done.out, names=names)
    if done.rc != 0 or len(shown) != len(names):
        raise HostError(
            ", ".join(names),
            wanted="the state of these units",
            found=done.err.strip() or f"{len(shown)} units in the output of systemctl show",
            remedy="Run systemctl show on the host to see why it fails.",
        )
    return shown


def read_file(path: str) -> File:
    """Read a unit file or drop-in.

    The text of a link is that of its target.
    """
    link = os.readlink(path) if os.path.islink(path) else None
    return File(read_text(path), link)


def stale_reasons(
    unit: Unit,
    found: Found,
    *,
    differing: t.Collection[str],
    credentials: t.Mapping[str, t.Sequence[CredentialFile]] | None = None,
    roots: Roots,
) -> list[str]:
    """Return the reasons why the running unit is not what its files say.

    :param differing: names of the units and drop-ins whose files differ
    :param credentials: by name of the set
    :returns: an empty list where the unit is up to date or does not run
    """
    if not found.is_running(unit.name):
        return ["stopped by an interrupted run"] if unit.name in found.pending_restarts else []
    shown = found.shown[unit.name]
    if shown.get("Type") == "oneshot" and shown["ActiveState"] == "activating":
        # It is working, perhaps started by a timer. Its next start reads the new files.
        return []
    reasons = (
        ["an earlier run was interrupted before the restart"] if unit.name in found.pending_restarts else []
    )
    parts = contributing_units(unit.name)
    changed = sorted(name for name in differing if owner(name) in parts)
    reasons += [f"{'drop-in' if is_drop_in(name) else 'unit file'} {name} differs" for name in changed]
    if kind(unit.name) == "service":
        # systemd reads credentials when it starts the process.
        names = [
            credential.name
            for credential in (credentials or {}).get(unit.set or "", ())
            if credential.old != credential.new
        ]
        reasons += [f"credential {name} differs" for name in names]
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
    current = found.current_versions[unit.release.path]
    if current != unit.release.version:
        return [f"release {current} is current"]
    running = _running_release(unit.release, pid=pid, proc=roots.proc)
    return [] if running in (None, unit.release.version) else [f"its process runs {running}"]


def _running_release(release: Release, *, pid: int, proc: str) -> str | None:
    """Return the version that a process runs, or None for a program outside the store, such as an interpreter."""
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
    # A restart cannot bring the process into a profile that is not loaded.
    if not wanted or wanted not in kernel.modes or not pid:
        return []
    label = process_label(pid, proc=roots.proc)
    if label is None or wanted in label_names(label):
        return []
    return [f"its process is {label} instead of AppArmor profile {wanted}"]


# A run that is killed between the change of a file and the restart leaves no trace in systemd's state. These files
# are in /run, because after a boot everything runs from the new files.
_PENDING_RESTARTS = "gofleet.hosts/restart-owed"


def record_pending_restarts(names: t.Iterable[str], *, roots: Roots) -> None:
    """Record units that must be restarted, so that the next run does it when this one is interrupted."""
    directory = os.path.join(roots.runtime, _PENDING_RESTARTS)
    os.makedirs(directory, mode=0o755, exist_ok=True)
    for name in names:
        with open(os.path.join(directory, name), "w", encoding="utf-8"):
            pass


def clear_pending_restarts(names: t.Iterable[str], *, roots: Roots) -> None:
    """Remove the records of units that were restarted."""
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(roots.runtime, _PENDING_RESTARTS, name))
