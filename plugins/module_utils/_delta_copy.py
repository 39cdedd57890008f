# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A file or a tree on a host made equal to the one on the controller, out of what the host has and a delta."""

from __future__ import annotations

import contextlib
import os
import shlex
import typing as t

from ._converge import State
from ._delta_apply import Applied, apply_delta
from ._delta_attributes import Attributes, Context, read_attributes
from ._delta_manifest import Manifest, read_manifest
from ._delta_part import Piece
from ._delta_place import Place
from ._delta_wire import manifest_to_wire
from ._errors import HostError
from ._run import Runner

__all__ = ["CopyPlan", "delta_copy_spec", "plan_copy"]

_MOST_SHOWN = 100  # paths with other attributes that a result names


class CopyPlan(t.NamedTuple):
    """What converge needs. ``apply`` is None while bytes have yet to come; ``result["have"]`` says what is here."""

    before: State
    after: State
    apply: t.Callable[[], dict[str, t.Any]] | None
    result: dict[str, t.Any]


def plan_copy(params: t.Mapping[str, t.Any], *, selinux: Context, run: Runner) -> CopyPlan:
    """Compare what is here with what is wanted; change nothing.

    :raises HostError: no place to put it, something else in the place, or options that cannot be met
    """
    place = Place(params["dest"])
    place.require()
    content = params["content"]
    found = read_manifest(place.path) if os.path.lexists(place.path) else None
    if found is not None and found.is_tree != content["is_tree"]:
        raise HostError(
            place.path,
            wanted="a directory" if content["is_tree"] else "a file",
            found="a directory" if found.is_tree else "a file",
            remedy="Remove it first, or correct dest.",
        )
    copy = _Copy(params, place, found, selinux, run)
    same = found is not None and found.root == content["root"]
    leftovers = place.leftovers()
    before = {
        "root": None if found is None else found.root,
        "attributes": copy.differences() if same else {},
        "leftovers": leftovers,
    }
    after = {"root": content["root"], "attributes": {}, "leftovers": []}
    apply: t.Callable[[], dict[str, t.Any]] | None = None
    if same:
        apply = copy.tidy
    elif params["delta"] is not None and params["delta"]["old"] in (None, before["root"]):
        apply = copy.receive
    have = {"root": before["root"], "received": place.part.received()}
    if found is not None and not same and found.root not in params["known"]:
        have["manifest"] = manifest_to_wire(found)
    return CopyPlan(
        before, after, apply, {"dest": place.path, "root": content["root"], "have": {} if same else have}
    )


class _Copy(t.NamedTuple):
    params: t.Mapping[str, t.Any]
    place: Place
    found: Manifest | None
    selinux: Context
    run: Runner

    def differences(self) -> dict[str, t.Any]:
        wanted = read_attributes(self.params)
        names = [] if self.found is None else [entry.path for entry in self.found.entries]
        shown: dict[str, t.Any] = {}
        for name in ["", *filter(None, names)]:
            path = os.path.join(self.place.path, name) if name else self.place.path
            difference = wanted.differences(path, selinux=self.selinux)
            if difference:
                shown[name or "."] = difference
        first = dict(list(shown.items())[:_MOST_SHOWN])
        return first if len(first) == len(shown) else {**first, "and more": len(shown) - len(first)}

    def tidy(self) -> dict[str, t.Any]:
        """The content is right; the rest is made so."""
        with _told(self.place), self.place.lock():
            self._dress(self.place.path, read_attributes(self.params))
        return {}

    def receive(self) -> dict[str, t.Any]:
        """Take a piece of a delta, and put the new content into its place when the delta is whole."""
        told = self.params["delta"]
        piece = Piece(told["path"], told["offset"], told["size"], told["sha256"])
        with _told(self.place), self.place.lock():
            path = piece.path if piece.is_whole() else self.place.part.append(piece)
            if path is None:
                return {"have": {"root": told["old"], "received": self.place.part.received()}}
            try:
                applied = self._put(path)
            finally:
                # Wrong bytes must not be gone on with, and right ones have done their work.
                self.place.part.remove()
        return {"have": {}, "bytes_reused": applied.bytes_reused}

    def _put(self, delta: str) -> Applied:
        attributes = read_attributes(self.params)
        old = self.place.path if self.found is not None else None
        if old is not None:
            attributes = attributes.as_it_was(os.lstat(old))
            if not self.params["content"]["is_tree"] and attributes.mode is None:
                attributes = attributes._replace(mode=os.lstat(old).st_mode & 0o7777)
        with self.place.staged() as staging:
            fresh = os.path.join(staging, os.path.basename(self.place.path))
            if self.params["content"]["is_tree"]:
                os.mkdir(fresh, 0o755)
                os.chmod(fresh, 0o755)
            applied = apply_delta(delta, old=old, into=fresh)
            if applied.root != self.params["content"]["root"]:
                raise ValueError(f"a delta to {applied.root}")
            self._dress(fresh, attributes)
            self._validate(fresh)
            self.place.commit(fresh)
        return applied

    def _dress(self, top: str, attributes: Attributes) -> None:
        attributes.apply(top, selinux=self.selinux)
        for folder, folders, files in os.walk(top):
            for name in [*folders, *files]:
                attributes.apply(os.path.join(folder, name), selinux=self.selinux)

    def _validate(self, fresh: str) -> None:
        command = self.params["validate"]
        if not command:
            return
        done = self.run(
            [fresh if part == "%s" else part.replace("%s", fresh) for part in shlex.split(command)]
        )
        if done.rc:
            raise HostError(
                self.place.path,
                wanted=f"content that {command!r} accepts",
                found=f"exit code {done.rc}: {(done.err or done.out).strip()}",
                remedy="Nothing was changed. Correct the source.",
            )


@contextlib.contextmanager
def _told(place: Place) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HostError(
            place.path,
            wanted="room, and permission, to write it",
            found=str(error),
            remedy="What was there is as it was. Make room, or run with become: true.",
        )


def delta_copy_spec() -> dict[str, t.Any]:
    """The options of the module, the same on both its halves."""
    content = {
        "root": {"type": "str", "required": True},
        "is_tree": {"type": "bool", "required": True},
    }
    delta = {
        "path": {"type": "path", "required": True},
        "offset": {"type": "int", "required": True},
        "size": {"type": "int", "required": True},
        "sha256": {"type": "str", "required": True},
        "old": {"type": "str"},
    }
    return {
        "src": {"type": "path", "required": True},
        "dest": {"type": "path", "required": True},
        **{name: {"type": "str"} for name in ("owner", "group", "seuser", "serole", "setype", "selevel")},
        "mode": {"type": "raw"},
        "directory_mode": {"type": "raw"},
        "validate": {"type": "str"},
        "rate_limit": {"type": "int"},
        "content": {"type": "dict", "options": content},
        "known": {"type": "list", "elements": "str", "default": []},
        "delta": {"type": "dict", "options": delta},
    }
