# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Compare the wanted units with the host and plan what to change."""

from __future__ import annotations

import os
import typing as t

from .._converge import Plan
from .._errors import HostError
from .._systemd.text import is_drop_in, kind
from .sets import credential_files, parse_sets, set_states, unlisted_units
from .spec import MARKER, parse_units
from .state import Found, Roots, read_host, stale_reasons
from .steps import plan_steps
from .transaction import apply_steps
from .verify import staged, verify_exposure, verify_text

if t.TYPE_CHECKING:
    from .._converge import State
    from .._run import Runner
    from .spec import Unit

__all__ = ["plan_units"]


def plan_units(
    params: t.Mapping[str, t.Any],
    *,
    run: Runner,
    warn: t.Callable[[str], None],
    roots: Roots | None = None,
) -> Plan:
    """Read the host with one command, check what would change, and return the plan.

    :param params: the options of ``systemd_units``
    :param warn: called with the text of each warning
    :param roots: the directories to work on, for tests
    :raises HostError: an entry that cannot be satisfied, or a file that another program owns
    """
    roots = roots or Roots(params["path"])
    listed = parse_units(params["units"])
    sets = parse_sets(params.get("sets") or [], listed)
    listed += unlisted_units(sets, listed, path=roots.path)
    credentials = credential_files(sets, root=roots.credentials)
    found = read_host(listed, roots=roots, run=run)
    units = [unit for unit in listed if not _is_packaged(unit, found, path=roots.path)]
    differing = [unit.name for unit in units if unit.has_file and not _is_file_current(unit, found)]
    for unit in units:
        _refuse_foreign_file(unit, found, path=roots.path)
        _refuse_unusable(unit, found)
    exposure = _verify(units, differing, path=roots.path, run=run, warn=warn)
    reasons = {
        unit.name: stale_reasons(unit, found, differing=differing, credentials=credentials, roots=roots)
        for unit in units
        if unit.may_run
    }
    steps = plan_steps(
        units,
        found,
        differing=differing,
        stale=reasons,
        credentials=[credential for files in credentials.values() for credential in files],
        sets=sets,
    )
    sets_before, sets_after = set_states(sets, credentials, var=roots.var)
    runnable = [unit.name for unit in units if unit.runs]

    def apply() -> dict[str, t.Any]:
        return apply_steps(steps, units, found, roots=roots, run=run, start_timeout=params["start_timeout"])

    return Plan(
        before={**_before(units, found, reasons, path=roots.path), **sets_before},
        after={**_after(units, found, reasons, path=roots.path), **sets_after},
        apply=apply,
        result={
            "restarted": steps.restarted,
            "started": steps.started,
            "exposure": exposure,
            "active": {name: found.shown[name].get("ActiveState", "unknown") for name in runnable},
        },
    )


def _is_packaged(unit: Unit, found: Found, *, path: str) -> bool:
    """Whether a unit to be absent is already absent from our directory, and a package has one of that name."""
    if not unit.absent or not unit.runs or found.files[unit.name] != (None, None):
        return False
    shown = found.shown[unit.name]
    ours = shown.get("FragmentPath") == os.path.join(path, unit.name)
    return shown.get("LoadState") != "not-found" and not ours


def _is_file_current(unit: Unit, found: Found) -> bool:
    file = found.files[unit.name]
    return file.text == unit.text and file.link is None


def _refuse_foreign_file(unit: Unit, found: Found, *, path: str) -> None:
    file = found.files.get(unit.name)
    if file is None or file == (None, None) or unit.adopt:
        return
    if file.link is None and (file.text or "").startswith(MARKER):
        return
    raise HostError(
        os.path.join(path, unit.name),
        wanted="a file that this module wrote",
        found=f"a link to {file.link}" if file.link else "a file without its marker line",
        remedy="Choose another name or use a drop-in, or set `adopt: true` to replace this file.",
    )


def _refuse_unusable(unit: Unit, found: Found) -> None:
    shown = found.shown.get(unit.name)
    if shown is None or unit.absent:
        return
    load, file_state = shown.get("LoadState"), shown.get("UnitFileState")
    if (
        unit.text is None
        and load in ("not-found", "masked", "bad-setting", "error")
        and unit.state != "stopped"
    ):
        raise HostError(
            unit.name,
            wanted="a unit on this host, because the entry has no `content`",
            found=f"LoadState={load}",
            remedy="Install the package that has the unit, unmask it, or set `content`.",
        )
    if unit.text is not None and load == "masked" and found.files[unit.name].text is None:
        raise HostError(
            unit.name,
            wanted="a unit that is not masked",
            found="a runtime mask",
            remedy=f"Run `systemctl unmask --runtime {unit.name}` if the mask is not intended.",
        )
    if unit.text is None and unit.enabled and file_state in ("static", "generated", "transient"):
        raise HostError(
            unit.name,
            wanted="a unit that can be enabled",
            found=f"UnitFileState={file_state}: it has no [Install] section",
            remedy="Omit `enabled`.",
        )


def _verify(
    units: t.Sequence[Unit],
    differing: t.Sequence[str],
    *,
    path: str,
    run: Runner,
    warn: t.Callable[[str], None],
) -> dict[str, float]:
    if not differing:
        return {}
    with staged(units, path=path) as stage:
        verify_text(stage, units, differing=differing, run=run, warn=warn)
        return verify_exposure(stage, units, differing=differing, run=run, warn=warn)


def _before(
    units: t.Sequence[Unit], found: Found, stale_reasons: t.Mapping[str, list[str]], *, path: str
) -> State:
    state: State = {}
    for unit in units:
        if unit.has_file and found.files[unit.name] != (None, None):
            file = found.files[unit.name]
            state[os.path.join(path, unit.name)] = file.text if file.link is None else {"link": file.link}
        facts = _managed(unit, found, stale_reasons)
        if facts:
            state[unit.name] = {key: before for key, (before, dummy) in facts.items()}
    return state


def _after(
    units: t.Sequence[Unit], found: Found, stale_reasons: t.Mapping[str, list[str]], *, path: str
) -> State:
    state: State = {}
    for unit in units:
        if unit.text is not None:
            state[os.path.join(path, unit.name)] = unit.text
        facts = _managed(unit, found, stale_reasons)
        if facts:
            state[unit.name] = {key: after for key, (dummy, after) in facts.items()}
    return state


def _managed(
    unit: Unit, found: Found, stale_reasons: t.Mapping[str, list[str]]
) -> dict[str, tuple[t.Any, t.Any]]:
    """Return the managed state of a unit, except its file, as name -> (before, after)."""
    facts: dict[str, tuple[t.Any, t.Any]] = {}
    if is_drop_in(unit.name):
        return facts
    running = found.is_running(unit.name)
    if unit.runs and unit.state is not None:
        up = running if unit.state == "started" else found.is_kept_running(unit.name)
        facts["active"] = (up, unit.state == "started")
    if unit.runs and unit.enabled is not None:
        facts["enabled"] = (found.is_enabled(unit.name), unit.enabled)
    if unit.release:
        facts["release"] = (found.current_versions[unit.release.path], unit.release.version)
    why = stale_reasons.get(unit.name, [])
    if why or (running and unit.may_run and kind(unit.name) == "service"):
        facts["runs"] = (f"stale ({'; '.join(why)})" if why else "current", "current")
    if not running and found.shown.get(unit.name, {}).get("NeedDaemonReload") == "yes":
        facts["read_by_systemd"] = (False, True)
    return facts
