# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read sets of unit files and drop-ins, and find the folders that systemd reads them from."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import typing as t

from .._errors import HostError
from .._release.store import Store
from .._systemd.text import is_drop_in, wrong_name
from .credentials import Secret, read_secrets, secrets_of
from .spec import Unit, mark, unit_spec

if t.TYPE_CHECKING:
    from .._converge import State

__all__ = [
    "Set",
    "folders_of",
    "left_over",
    "remove_folders",
    "secrets_in",
    "set_states",
    "sets_of",
    "store_is_there",
    "units_spec",
]

_PLACES = ("lib", "cache", "log")


def folders_of(name: str, *, var: str) -> list[str]:
    """Those that are there. A directory of this name that no dynamic user ever had is somebody else's."""
    return [
        path for path in (os.path.join(var, place, "private", name) for place in _PLACES) if _is_folder(path)
    ]


def remove_folders(name: str, *, var: str) -> None:
    """Remove them with all that is in them, and the links that lead there."""
    for place in _PLACES:
        private = os.path.join(var, place, "private", name)
        if not _is_folder(private):
            continue
        public = os.path.join(var, place, name)
        # Of a service with instances this is a directory, with one link for each of them.
        inside = [os.path.join(public, entry) for entry in os.listdir(public)] if _is_folder(public) else []
        for link in [public, *inside]:
            if os.path.islink(link) and _leads_into(link, private):
                os.unlink(link)
        with contextlib.suppress(OSError):  # a link that led elsewhere, or not empty: the rest is not ours
            os.rmdir(public)
        shutil.rmtree(private)


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _leads_into(link: str, folder: str) -> bool:
    target = os.path.normpath(os.path.join(os.path.dirname(link), os.readlink(link)))
    return target == folder or target.startswith(folder + os.sep)


_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,126}")
_STORE_PARTS = ("current", "previous", ".lock")


class Set(t.NamedTuple):
    """``store`` and ``purge``: what goes with a set that is to be absent, its release store and what it has written."""

    name: str
    absent: bool
    credentials: dict[str, bytes]
    store: str | None
    purge: bool


def units_spec() -> dict[str, t.Any]:
    """The options of the module, the same on both its halves."""
    return {
        "units": {"type": "list", "elements": "dict", "required": True, "options": unit_spec()},
        "sets": {"type": "list", "elements": "dict", "default": [], "options": _set_spec()},
        "path": {"type": "path", "default": "/etc/systemd/system"},
        "start_timeout": {"type": "float", "default": 120},
    }


def _set_spec() -> dict[str, t.Any]:
    credential = {
        "name": {"type": "str", "required": True},
        "content": {"type": "str", "no_log": True},
        "src": {"type": "path"},
        "data": {"type": "str", "no_log": True},
    }
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        # The list is no secret, each content is.
        "credentials": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": credential,
            "no_log": False,
        },
        "store": {"type": "path"},
        "purge": {"type": "bool", "default": False},
    }


def sets_of(entries: t.Sequence[t.Mapping[str, t.Any]], units: t.Sequence[Unit]) -> list[Set]:
    """
    :param entries: as in ``units_spec``
    :param units: all that are listed
    :raises HostError: for an entry that no host could satisfy
    """
    sets = [_set(entry) for entry in entries]
    names = [each.name for each in sets]
    for each in sets:
        listed = [unit.name for unit in units if unit.set == each.name and not unit.absent]
        found = remedy = ""
        if not _NAME.fullmatch(each.name):
            found, remedy = "other characters than letters, digits and _ . @ -", "Rename the set."
        elif names.count(each.name) > 1:
            found, remedy = "it listed twice", "Remove one of the two."
        elif each.absent and (listed or each.credentials):
            found, remedy = (
                f"{', '.join(listed) or 'credentials'} of a set that is to be absent",
                "Take them out.",
            )
        elif not each.absent and (each.store or each.purge):
            found, remedy = "store or purge of a set that stays", "Leave them out, or set `state: absent`."
        if found:
            raise HostError(
                f"set {each.name}", wanted="an entry that a host can satisfy", found=found, remedy=remedy
            )
    return sets


def _set(entry: t.Mapping[str, t.Any]) -> Set:
    store = entry.get("store")
    return Set(
        name=entry["name"],
        absent=entry.get("state") == "absent",
        credentials=secrets_of(entry.get("credentials") or [], owner=entry["name"]),
        store=os.path.normpath(store) if store else None,
        purge=bool(entry.get("purge")),
    )


def left_over(sets: t.Sequence[Set], units: t.Sequence[Unit], *, path: str) -> list[Unit]:
    """Units and drop-ins of these sets that are in the directory, and are not listed: they are to be absent."""
    marks = {mark(each.name): each.name for each in sets}
    listed = {unit.name for unit in units}
    found = []
    for name in _names(path) if marks else []:
        owner = marks.get(_first_line(os.path.join(path, name)))
        if owner is not None and name not in listed:
            enabled = None if is_drop_in(name) else False
            found.append(Unit(name, None, "absent", enabled, False, None, None, None, owner, frozenset()))
    return found


def _names(path: str) -> list[str]:
    names = []
    for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
        inside = os.path.join(path, name)
        if name.endswith(".d") and os.path.isdir(inside):
            names += [f"{name}/{part}" for part in sorted(os.listdir(inside))]
        else:
            names.append(name)
    return [name for name in names if wrong_name(name) is None]


def _first_line(path: str) -> str:
    if os.path.islink(path) or not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.readline().rstrip("\n")


def secrets_in(sets: t.Sequence[Set], *, root: str) -> dict[str, list[Secret]]:
    """By name of the set: its credentials, as they are and as they are to be."""
    return {each.name: read_secrets(each.credentials, folder=os.path.join(root, each.name)) for each in sets}


def store_is_there(path: str) -> bool:
    """Whether a release store has anything that ``Store.clear`` would take away."""
    return bool(Store(path).versions()) or any(
        os.path.lexists(os.path.join(path, part)) for part in _STORE_PARTS
    )


def set_states(
    sets: t.Sequence[Set], secrets: t.Mapping[str, t.Sequence[Secret]], *, var: str
) -> tuple[State, State]:
    """What belongs to the sets beside their units, before and after."""
    before: State = {}
    after: State = {}
    for each in sets:
        for secret in secrets[each.name]:
            label = f"credential {secret.name} of {each.name}"
            for state, told in zip((before, after), secret.told()):
                if told is not None:
                    state[label] = told
        if each.store and store_is_there(each.store):
            before[each.store] = {"releases": sorted(Store(each.store).versions())}
        if each.purge:
            before.update(dict.fromkeys(folders_of(each.name, var=var), "written by it"))
    return before, after
