# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Manage what belongs to a set of units besides the listed units.

That is unlisted units, credentials, the release store and the directories that its services have written.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import typing as t

from .._errors import HostError
from .._release.store import Store
from .._systemd.text import is_drop_in, wrong_name
from .credentials import CredentialFile, decode_credentials, read_credential_files
from .spec import Unit, mark, unit_spec

if t.TYPE_CHECKING:
    from .._converge import State

__all__ = [
    "Set",
    "credential_files",
    "parse_sets",
    "remove_written_directories",
    "set_states",
    "store_exists",
    "units_spec",
    "unlisted_units",
    "written_directories",
]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,126}")
_STORE_PARTS = ("current", "previous", ".lock")
_DIRECTORIES = ("lib", "cache", "log")  # below /var


class Set(t.NamedTuple):
    """A set of units, as an entry of the option ``sets`` describes it.

    credentials: content by name
    store: the release store to remove with an absent set
    purge: whether to remove with an absent set what its services have written
    """

    name: str
    absent: bool
    credentials: dict[str, bytes]
    store: str | None
    purge: bool


def units_spec() -> dict[str, t.Any]:
    """Return the argument spec of ``systemd_units``, which its module and its action plugin share."""
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
        # The contents are secret. The list is not.
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


def parse_sets(entries: t.Sequence[t.Mapping[str, t.Any]], units: t.Sequence[Unit]) -> list[Set]:
    """Return the sets that the user described.

    :param entries: the option ``sets``
    :param units: all listed units
    :raises HostError: an entry that no host can satisfy
    """
    sets = [_parse_set(entry) for entry in entries]
    names = [each.name for each in sets]
    for each in sets:
        listed = [unit.name for unit in units if unit.set == each.name and not unit.absent]
        found = remedy = ""
        if not _NAME.fullmatch(each.name):
            found, remedy = "characters other than letters, digits and _ . @ -", "Rename the set."
        elif names.count(each.name) > 1:
            found, remedy = "two entries with this name", "Remove one of them."
        elif each.absent and (listed or each.credentials):
            found = f"{', '.join(listed) or 'credentials'} in a set with `state: absent`"
            remedy = "Remove them from the list."
        elif not each.absent and (each.store or each.purge):
            found = "`store` or `purge` without `state: absent`"
            remedy = "Omit them, or set `state: absent`."
        if found:
            raise HostError(
                f"set {each.name}", wanted="an entry that a host can satisfy", found=found, remedy=remedy
            )
    return sets


def _parse_set(entry: t.Mapping[str, t.Any]) -> Set:
    store = entry.get("store")
    return Set(
        name=entry["name"],
        absent=entry.get("state") == "absent",
        credentials=decode_credentials(entry.get("credentials") or [], owner=entry["name"]),
        store=os.path.normpath(store) if store else None,
        purge=bool(entry.get("purge")),
    )


def unlisted_units(sets: t.Sequence[Set], units: t.Sequence[Unit], *, path: str) -> list[Unit]:
    """Return the units and drop-ins of these sets that are in the directory but not listed, as absent units."""
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


def credential_files(sets: t.Sequence[Set], *, root: str) -> dict[str, list[CredentialFile]]:
    """Return the credential files of each set by its name.

    :param root: the directory that holds one directory for each set
    """
    return {
        each.name: read_credential_files(each.credentials, directory=os.path.join(root, each.name))
        for each in sets
    }


def store_exists(path: str) -> bool:
    """Whether a release store has anything that ``Store.clear`` would remove."""
    return bool(Store(path).versions()) or any(
        os.path.lexists(os.path.join(path, part)) for part in _STORE_PARTS
    )


def set_states(
    sets: t.Sequence[Set], credentials: t.Mapping[str, t.Sequence[CredentialFile]], *, var: str
) -> tuple[State, State]:
    """Return the managed state of the sets, except their units, before and after.

    :param credentials: by name of the set
    :param var: the directory /var
    """
    before: State = {}
    after: State = {}
    for each in sets:
        for credential in credentials[each.name]:
            label = f"credential {credential.name} of {each.name}"
            for state, shown in zip((before, after), credential.diff()):
                if shown is not None:
                    state[label] = shown
        if each.store and store_exists(each.store):
            before[each.store] = {"releases": sorted(Store(each.store).versions())}
        if each.purge:
            before.update(dict.fromkeys(written_directories(each.name, var=var), "written by it"))
    return before, after


def written_directories(name: str, *, var: str) -> list[str]:
    """Return the existing state, cache and log directories of a service with ``DynamicUser=``.

    systemd keeps them in ``private/``. A directory outside of it belongs to another program.
    """
    return [
        path
        for path in (os.path.join(var, place, "private", name) for place in _DIRECTORIES)
        if _is_directory(path)
    ]


def remove_written_directories(name: str, *, var: str) -> None:
    """Remove the directories of ``written_directories`` with their content, and the links to them."""
    for place in _DIRECTORIES:
        private = os.path.join(var, place, "private", name)
        if not _is_directory(private):
            continue
        public = os.path.join(var, place, name)
        # For a service with instances this is a directory with one link for each instance.
        inside = (
            [os.path.join(public, entry) for entry in os.listdir(public)] if _is_directory(public) else []
        )
        for link in [public, *inside]:
            if os.path.islink(link) and _leads_into(link, private):
                os.unlink(link)
        with contextlib.suppress(OSError):  # a link to another place, or not empty: not ours
            os.rmdir(public)
        shutil.rmtree(private)


def _is_directory(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _leads_into(link: str, directory: str) -> bool:
    target = os.path.normpath(os.path.join(os.path.dirname(link), os.readlink(link)))
    return target == directory or target.startswith(directory + os.sep)
