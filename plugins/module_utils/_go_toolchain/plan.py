# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Compare the Go releases of a host with the requested ones, and plan what to install, switch and remove."""

from __future__ import annotations

import os
import struct
import sys
import typing as t

from .._converge import Plan, State
from .._errors import HostError
from .._release.store import Store, surplus
from .._run import Runner
from .._signature import signer_of
from .adopt import Adoption, find_adoption, link_into
from .index import go_arch, sort_key
from .install import check_space, install
from .links import links_of, make_links, read_links
from .mirror import mirror_of
from .options import Offer, Request
from .record import Record, read_record, remove_record, write_record
from .selection import Choice, choose
from .shell import find_go
from .version_query import normalize_all

__all__ = ["plan_toolchain"]

_LOCK_WAIT = 900  # seconds; another run may be downloading over a slow network


class _Host(t.NamedTuple):
    store: Store
    bin_dir: str
    arch: str
    run: Runner


def plan_toolchain(params: t.Mapping[str, t.Any], *, machine: str, run: Runner) -> Plan:
    """Decide what to install, link and remove.

    It reads the host, and the index if a release is missing. If only the controller can answer what is missing, the
    plan's ``apply`` is None and its ``result`` is a Request.

    :param params: the module's options
    :param machine: the output of ``uname -m``
    :raises HostError: an option is not valid, a release cannot be had, or a file of somebody else is in the way
    """
    for option in ("root", "bin_dir", "adopt"):
        if params[option] is not None:
            _require_absolute(option, params[option])
    bits = 8 * struct.calcsize("P")
    host = _Host(
        Store(_normalized(params["root"])),
        _normalized(params["bin_dir"]),
        go_arch(machine, pointer_bits=bits, byteorder=sys.byteorder),
        run,
    )
    plan = {"present": _plan_present, "rolled_back": _plan_rolled_back, "absent": _plan_absent}
    return plan[params["state"]](host, params)


def _plan_present(host: _Host, params: t.Mapping[str, t.Any]) -> Plan:
    store = host.store
    signer = signer_of(params["signature"])
    adoption = None
    if params["adopt"] is not None:
        adoption = find_adoption(_normalized(params["adopt"]), store=store.path)
    record = read_record(store.path)
    mirror = mirror_of(params)
    queries, active = normalize_all(params["versions"], params["active"])
    choice = choose(
        queries,
        active,
        update=params["update"],
        offer=Offer.of_option(params["offer"]),
        store=store,
        arch=host.arch,
        pins=record.pins,
        mirror=mirror,
        also=[adoption.version] if adoption is not None and adoption.version else [],
    )
    if isinstance(choice, Request):
        return Plan({}, {}, None, choice.report(), [])
    check_space(store.path, list(choice.archives.values()))
    before = {**_state(host, adoption=adoption, choice=choice), **record._asdict()}
    after = _after(before, host, choice, adoption, keep=params["keep"])
    after.update(_recorded(record, choice, adoption)._asdict())

    def apply() -> dict[str, t.Any]:
        with store.lock(_LOCK_WAIT):
            methods = install(store, choice.archives, mirror=mirror, payloads=choice.payloads, signer=signer)
            if adoption is not None:
                _require_same(store, adoption, installed=methods)
            _activate(host, choice, adoption, record)
            if params["keep"] is not None:
                store.prune(params["keep"], choice.versions)
        sizes = [choice.archives[version].size for version, how in methods.items() if how == "download"]
        return {"methods": methods, "bytes_downloaded": sum(sizes)}

    return _plan(host, before, after, apply, choice.warnings, pins=choice.pins)


def _require_same(store: Store, adoption: Adoption, *, installed: t.Collection[str]) -> None:
    """Compare the tree to take over with its release, and remove what was installed if it differs."""
    try:
        adoption.require_same()
    except HostError:
        for version in installed:
            if version not in (store.current(), store.previous()):
                store.remove(version)
        raise


def _activate(host: _Host, choice: Choice, adoption: Adoption | None, record: Record) -> None:
    """Switch to the chosen release, make the links, write the record and take over the tree."""
    store = host.store
    if adoption is not None and adoption.version is not None and store.current() is None:
        # Then a rollback leads to the release that was in use before.
        store.switch(adoption.version)
    make_links(store.path, host.bin_dir, adopted=None if adoption is None else adoption.path)
    store.switch(choice.active)
    write_record(store.path, _recorded(record, choice, adoption))
    if adoption is not None:
        adoption.take_over()


def _recorded(record: Record, choice: Choice, adoption: Adoption | None) -> Record:
    """The record after the change."""
    adopted = [adoption.path] if adoption is not None and adoption.shown is not None else []
    return Record({**record.pins, **choice.pins}, sorted({*record.adopted, *adopted}))


def _after(
    before: State, host: _Host, choice: Choice, adoption: Adoption | None, *, keep: int | None
) -> State:
    current, previous = before["current"], before["previous"]
    if current is None and adoption is not None and adoption.version is not None:
        current = adoption.version
    if choice.active != current and current is not None:
        previous = current
    after = dict(before, current=choice.active, previous=previous, links=dict(before["links"]))
    versions = [
        *choice.archives,
        *(version for version in host.store.versions() if version not in choice.archives),
    ]
    protected = {*choice.versions, after["current"], after["previous"]}
    removed = [] if keep is None else surplus(versions, keep=keep, protect=protected)
    after["versions"] = sorted((name for name in versions if name not in removed), key=sort_key)
    after["links"].update(links_of(host.store.path, host.bin_dir))
    if adoption is not None:
        after["links"][adoption.path] = adoption.shown_after
        after["leftovers"] = []
    return after


def _plan_rolled_back(host: _Host, params: t.Mapping[str, t.Any]) -> Plan:
    store = host.store
    before = _state(host)
    after = dict(before, links=links_of(store.path, host.bin_dir))
    if not store.rolled_back():
        after["current"], after["previous"] = before["previous"], before["current"]
        if after["current"] in (None, before["current"]):
            raise HostError(
                store.path,
                wanted="a previous Go version to roll back to",
                found=f"only {before['current']}" if before["current"] else "no release in use",
                remedy="Name the version to use, with `state: present`.",
            )

    def apply() -> dict[str, t.Any]:
        with store.lock(_LOCK_WAIT):
            make_links(store.path, host.bin_dir)
            store.roll_back()
        return {}

    return _plan(host, before, after, apply, [], pins=read_record(store.path).pins)


def _plan_absent(host: _Host, params: t.Mapping[str, t.Any]) -> Plan:
    store = host.store
    before = _state(host, foreign_allowed=True)
    before["links"].update({path: link_into(store.path, path) for path in read_record(store.path).adopted})
    after = dict(before, versions=[], current=None, previous=None, links=dict.fromkeys(before["links"]))

    def apply() -> dict[str, t.Any]:
        with store.lock(_LOCK_WAIT):
            for path, target in before["links"].items():
                if target is not None:
                    os.unlink(path)
            remove_record(store.path)
            store.clear()
        return {}

    return _plan(host, before, after, apply, [], pins={})


def _plan(
    host: _Host,
    before: State,
    after: State,
    apply: t.Callable[[], dict[str, t.Any]],
    warnings: list[str],
    *,
    pins: t.Mapping[str, str],
) -> Plan:
    link = os.path.join(host.bin_dir, "go")
    adopted = [path for path in after["links"] if os.path.dirname(path) != host.bin_dir]
    trees = [host.store.path, *adopted] if after["current"] else []
    shell = find_go(host.run, link=link, version=after["current"], trees=trees)
    result = {
        "active": after["current"],
        "installed": after["versions"],
        "pins": dict(pins),
        "shell": shell.report(),
        "methods": {},
        "bytes_downloaded": 0,
    }
    return Plan(before, after, apply, result, [*warnings, *shell.warnings(link)])


def _state(
    host: _Host,
    *,
    adoption: Adoption | None = None,
    choice: Choice | None = None,
    foreign_allowed: bool = False,
) -> State:
    store = host.store
    adopted = None if adoption is None else adoption.path
    links: dict[str, t.Any] = dict(
        read_links(store.path, host.bin_dir, adopted=adopted, foreign_allowed=foreign_allowed)
    )
    state: State = {
        # A damaged tree counts as missing, even if it has its marker. It is installed again.
        "versions": sorted(
            (name for name in store.versions() if choice is None or name not in choice.archives), key=sort_key
        ),
        "current": store.current(),
        "previous": store.previous(),
        "links": links,
    }
    if adoption is not None:
        links[adoption.path] = adoption.shown
        state["leftovers"] = [adoption.path] if adoption.leftover else []
    return state


def _normalized(path: str) -> str:
    # normpath keeps two leading slashes, which POSIX allows to mean something. On Linux they do not.
    return "/" + os.path.normpath(path).lstrip("/")


def _require_absolute(option: str, path: str) -> None:
    if not os.path.isabs(path) or not os.path.normpath(path).strip("/"):
        raise HostError(
            option,
            wanted="the absolute path of a directory other than /",
            found=path or "nothing",
            remedy="Write the path from the root, like /usr/local/lib/go.",
        )
