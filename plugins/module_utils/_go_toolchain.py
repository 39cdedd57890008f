# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Which Go releases a host has, which it should have, and the way from one to the other."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ._atomic import replace_link
from ._converge import State
from ._download import read_document, shown
from ._errors import HostError
from ._go_index import (
    Archive,
    GoRelease,
    archive_of,
    go_arch,
    newest_stable,
    parse_index,
    plain_version,
    sort_key,
)
from ._go_install import check_space, install, is_whole
from ._release import Store, surplus

__all__ = ["Plan", "plan_toolchain", "read_index"]

_STABLE = "stable"
_RECORD = ".stable"  # a link to what `stable` was when the index could last be read
_PROGRAMS = ("go", "gofmt")
_LOCK_WAIT = 900  # seconds; another run may be downloading over a slow line
_INDEX_LIMIT = 64 * 1024 * 1024  # bytes; the list of all releases had about 5 million in 2026


class Plan(t.NamedTuple):
    """What converge needs, and what the user should be warned of."""

    before: State
    after: State
    apply: t.Callable[[], dict[str, t.Any]]
    result: dict[str, t.Any]
    warnings: list[str]


class _Wanted(t.NamedTuple):
    versions: list[str]
    active: str
    stable: str | None  # what `stable` is now, if it was asked for
    archives: dict[str, Archive]  # of the versions that are not there
    warnings: list[str]


def plan_toolchain(params: t.Mapping[str, t.Any], *, machine: str) -> Plan:
    """Read the host, and the index if something is missing; decide; change nothing.

    :param params: the module's options
    :param machine: what ``uname -m`` says
    """
    for option in ("root", "bin_dir"):
        _require_absolute(option, params[option])
    root = _plain(params["root"])
    store, bin_dir = Store(root), _plain(params["bin_dir"])
    plan = {"present": _plan_present, "rolled_back": _plan_rolled_back, "absent": _plan_absent}[
        params["state"]
    ]
    return plan(store, bin_dir, params, go_arch(machine))


def read_index(mirror: str, *, timeout: float) -> list[GoRelease]:
    """The index of a mirror: the JSON list that go.dev serves, or ``index.json`` where the mirror is plain files."""
    urls = [f"{mirror}/index.json"]
    if not mirror.startswith("file:"):
        urls.insert(0, f"{mirror}/?mode=json&include=all")
    failures = []
    for url in urls:
        try:
            return parse_index(read_document(url, timeout=timeout, limit=_INDEX_LIMIT), source=shown(url))
        except HostError as error:
            failures.append(error)
    raise HostError(
        shown(mirror),
        wanted="the list of Go releases",
        found="; ".join(f"{error.subject}: {error.found}" for error in failures),
        remedy=failures[0].remedy,
    )


def _plan_present(store: Store, bin_dir: str, params: t.Mapping[str, t.Any], arch: str) -> Plan:
    wanted = _resolve(store, params, arch)
    before = _state(store, bin_dir)
    # A tree that has its marker but is damaged counts as missing: it is installed anew.
    before["versions"] = [version for version in before["versions"] if version not in wanted.archives]
    trees = [version for version in store.versions() if version not in wanted.archives]
    current, previous = before["current"], before["previous"]
    switched = wanted.active != current
    after = dict(before, current=wanted.active, previous=current if switched and current else previous)
    everything = [*wanted.archives, *trees]
    protected = {*wanted.versions, after["current"], after["previous"]}
    removed = [] if params["keep"] is None else surplus(everything, keep=params["keep"], protect=protected)
    after["versions"] = sorted((name for name in everything if name not in removed), key=sort_key)
    after["links"] = _links(store, bin_dir)
    if wanted.stable is not None:
        before["stable"], after["stable"] = _recorded_stable(store), wanted.stable

    def apply() -> dict[str, t.Any]:
        with store.lock(_LOCK_WAIT):
            read = install(store, wanted.archives, mirror=_mirror(params), timeout=params["timeout"])
            _make_links(store, bin_dir)
            store.switch(wanted.active)
            if wanted.stable is not None:
                replace_link(os.path.join(store.path, _RECORD), wanted.stable)
            if params["keep"] is not None:
                store.prune(params["keep"], wanted.versions)
        return {"bytes_downloaded": read}

    return _plan(before, after, apply, wanted.warnings)


def _plan_rolled_back(store: Store, bin_dir: str, params: t.Mapping[str, t.Any], arch: str) -> Plan:
    before = _state(store, bin_dir)
    after = dict(before, links=_links(store, bin_dir))
    if not store.rolled_back():
        after["current"], after["previous"] = before["previous"], before["current"]
        if after["current"] in (None, before["current"]):
            raise HostError(
                store.path,
                wanted="a previous Go version to roll back to",
                found=f"only {before['current'] or 'none'} has been in use",
                remedy="Ask for the version by name with state: present.",
            )

    def apply() -> dict[str, t.Any]:
        with store.lock(_LOCK_WAIT):
            _make_links(store, bin_dir)
            store.roll_back()
        return {}

    return _plan(before, after, apply, [])


def _plan_absent(store: Store, bin_dir: str, params: t.Mapping[str, t.Any], arch: str) -> Plan:
    before = _state(store, bin_dir, foreign_allowed=True)
    after = dict(before, versions=[], current=None, previous=None, links=dict.fromkeys(before["links"]))

    def apply() -> dict[str, t.Any]:
        with store.lock(_LOCK_WAIT):
            for path, target in before["links"].items():
                if target is not None:
                    os.unlink(path)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(store.path, _RECORD))
            store.clear()
        return {}

    return _plan(before, after, apply, [])


def _plan(before: State, after: State, apply: t.Callable[[], dict[str, t.Any]], warnings: list[str]) -> Plan:
    result = {"active": after["current"], "installed": after["versions"], "bytes_downloaded": 0}
    return Plan(before, after, apply, result, warnings)


def _resolve(store: Store, params: t.Mapping[str, t.Any], arch: str) -> _Wanted:
    """Names to versions, and archives for those that are missing; reads the index only if it must."""
    if not params["versions"]:
        raise HostError(
            "versions", wanted="at least one", found="an empty list", remedy="Name one, or say state: absent."
        )
    names = [name if name == _STABLE else plain_version(name) for name in params["versions"]]
    chosen = params["active"] or names[0]
    chosen = chosen if chosen == _STABLE else plain_version(chosen)
    if chosen not in names:
        raise HostError(
            "active",
            wanted=f"one of the versions: {', '.join(names)}",
            found=chosen,
            remedy="Add it to versions as well.",
        )
    index, stable, warnings = None, None, []
    mirror = _mirror(params)
    if _STABLE in names:
        try:
            index = read_index(mirror, timeout=params["timeout"])
            stable = newest_stable(index, source=shown(mirror))
        except HostError as error:
            stable = _recorded_stable(store)
            if stable is None or not is_whole(store, stable):
                raise
            warnings.append(f"stable stays {stable}, as it was when the index could last be read: {error}")
    versions = list(dict.fromkeys(stable if name == _STABLE and stable else name for name in names))
    missing = [version for version in versions if not is_whole(store, version)]
    archives = {}
    if missing:
        index = index or read_index(mirror, timeout=params["timeout"])
        archives = {v: archive_of(index, version=v, arch=arch, source=shown(mirror)) for v in missing}
        check_space(store.path, list(archives.values()))
    active = stable if chosen == _STABLE and stable else chosen
    return _Wanted(versions, active, stable, archives, warnings)


def _state(store: Store, bin_dir: str, *, foreign_allowed: bool = False) -> State:
    links = {path: _own_link(store, path, foreign_allowed=foreign_allowed) for path in _links(store, bin_dir)}
    return {
        "versions": sorted(store.versions(), key=sort_key),
        "current": store.current(),
        "previous": store.previous(),
        "links": links,
    }


def _links(store: Store, bin_dir: str) -> dict[str, str | None]:
    return {
        os.path.join(bin_dir, name): os.path.join(store.path, "current", "bin", name) for name in _PROGRAMS
    }


def _own_link(store: Store, path: str, *, foreign_allowed: bool) -> str | None:
    """Where our link leads, None where there is none. What is not ours is refused, or left out of sight."""
    try:
        target = os.readlink(path)
        found = f"a link to {target}"
    except FileNotFoundError:
        return None
    except OSError:
        target, found = "", "something that is not a link"
    if os.path.normpath(os.path.join(os.path.dirname(path), target)).startswith(store.path + "/"):
        return target
    if foreign_allowed:
        return None
    raise HostError(
        path,
        wanted=f"nothing, or a link into {store.path}",
        found=found,
        remedy="It belongs to somebody else and stays: move it away, or choose another bin_dir.",
    )


def _make_links(store: Store, bin_dir: str) -> None:
    try:
        os.makedirs(bin_dir, mode=0o755, exist_ok=True)
        for path, target in _links(store, bin_dir).items():
            if target is not None and _own_link(store, path, foreign_allowed=False) != target:
                replace_link(path, target)
    except OSError as error:
        raise HostError(
            bin_dir,
            wanted="links to go and gofmt",
            found=str(error),
            remedy="Run with become: true, or choose another bin_dir.",
        )


def _recorded_stable(store: Store) -> str | None:
    try:
        version = os.readlink(os.path.join(store.path, _RECORD))
    except OSError:
        return None
    return version if sort_key(version) > (0,) else None


def _mirror(params: t.Mapping[str, t.Any]) -> str:
    return str(params["mirror"]).rstrip("/")


def _plain(path: str) -> str:
    # normpath keeps two slashes at the front, which mean nothing on Linux
    return "/" + os.path.normpath(path).lstrip("/")


def _require_absolute(option: str, path: str) -> None:
    if not os.path.isabs(path) or not os.path.normpath(path).strip("/"):
        raise HostError(
            option,
            wanted="an absolute path of a directory",
            found=path or "nothing",
            remedy="Give the whole path.",
        )
