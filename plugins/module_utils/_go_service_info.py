# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read the services of a host, in the form of the module options that can restore them."""

from __future__ import annotations

import os
import re
import typing as t

from ._apparmor.policy import read_kernel
from ._apparmor.profiles import MARKER as PROFILE_MARKER
from ._atomic import read_text
from ._errors import HostError
from ._release.store import Store
from ._systemd.text import RUNNING, is_drop_in, is_template, kind, settings, wrong_name
from ._units.spec import MARKER as UNIT_MARKER
from ._units.state import File, Roots, read_file, show

if t.TYPE_CHECKING:
    from ._run import Runner

__all__ = ["read_go_service_info"]

Entry = t.Dict[str, t.Any]


def read_go_service_info(
    params: t.Mapping[str, t.Any], *, run: Runner, roots: Roots | None = None
) -> dict[str, t.Any]:
    """Read units, AppArmor profiles and release stores.

    It runs one ``systemctl show``, and else reads only files.

    :param params: the options of go_service_info
    :param roots: directories to read instead of those of the host
    :returns: the return values of go_service_info
    :raises HostError: a name is not the name of a unit
    """
    where = roots or Roots(params["unit_path"])
    names = list(dict.fromkeys(params["units"]))
    for name in names:
        found = wrong_name(name)
        if found:
            raise HostError(
                repr(name),
                wanted="the name of a unit",
                found=found,
                remedy="Correct the name. An example is hello.service.",
            )
    files = {name: read_file(os.path.join(where.path, name)) for name in names}
    shown = show([name for name in names if not is_drop_in(name) and not is_template(name)], run=run)
    stores = {name: Store(os.path.join(params["root"], name)) for name in params["releases"]}
    owners = {name: _store_of(files[name], stores) for name in names if kind(name) == "service"}
    return {
        "units": [
            _unit(name, files[name], shown.get(name), stores.get(owners.get(name) or "")) for name in names
        ],
        "profiles": _profiles(params["profiles"], path=params["profile_path"], sysfs=where.sysfs),
        "restarts": {name: int(shown[name].get("NRestarts") or 0) for name in owners if name in shown},
        "releases": {
            name: _release(store, [shown[unit] for unit in started], started, proc=where.proc)
            for name, store in stores.items()
            for started in [[unit for unit, owner in owners.items() if owner == name and unit in shown]]
        },
    }


def _release(
    store: Store, shown: t.Sequence[t.Mapping[str, str]], units: t.Sequence[str], *, proc: str
) -> Entry:
    programs = {unit: _program(one, proc=proc) for unit, one in zip(units, shown)}
    path = os.path.realpath(store.path)
    return {
        "version": store.current(),
        "previous": store.previous(),
        "path": path,
        "running": {unit: _version(program, path=path) for unit, program in programs.items()},
        "programs": programs,
    }


def _store_of(file: File, stores: t.Mapping[str, Store]) -> str | None:
    """The name of the release store that the ExecStart of a service points into, or None if there is none."""
    commands = settings(file.text or "", "Service", "ExecStart")
    for name, store in stores.items():
        if any(re.match(rf"[-@:+!]*{re.escape(store.path)}/current/", command) for command in commands):
            return name
    return None


def _unit(name: str, file: File, shown: t.Mapping[str, str] | None, store: Store | None) -> Entry:
    """An entry of the option ``units`` of systemd_units."""
    if file.text is None:
        return {"name": name, "state": "absent"}
    entry: Entry = {"name": name}
    if file.text.startswith(UNIT_MARKER + "\n") and file.link is None:
        entry["content"] = file.text[len(UNIT_MARKER) + 1 :]
    if shown is not None:
        entry["state"] = "started" if shown.get("ActiveState") in RUNNING else "stopped"
        entry["enabled"] = shown.get("UnitFileState") in ("enabled", "alias")
        version = store.current() if store else None
        if store is not None and version is not None:
            entry["release"] = {"path": store.path, "version": version}
    return entry


def _program(shown: t.Mapping[str, str], *, proc: str) -> str | None:
    """The file that the main process executes, or None if there is no process."""
    try:
        return os.readlink(os.path.join(proc, shown.get("MainPID") or "0", "exe"))
    except OSError:
        return None


def _version(program: str | None, *, path: str) -> str | None:
    """The version of a program in the store at ``path``, or None for a program elsewhere."""
    inside = os.path.relpath(program, path) if program else ".."
    return None if inside.startswith("..") else inside.split("/", 1)[0]


def _profiles(names: t.Sequence[str], *, path: str, sysfs: str) -> list[Entry]:
    """Entries of the option ``profiles`` of apparmor_profiles, or none if the kernel has no AppArmor."""
    kernel = read_kernel(sysfs=sysfs)
    if kernel.off:
        return []
    found: list[Entry] = []
    for name in names:
        text = read_text(os.path.join(path, name))
        if text is None:
            found.append({"name": name, "state": "absent"})
        elif text.startswith(PROFILE_MARKER + "\n"):
            mode = "complain" if kernel.modes.get(name) == "complain" else "enforce"
            found.append({"name": name, "content": text[len(PROFILE_MARKER) + 1 :], "mode": mode})
    return found
