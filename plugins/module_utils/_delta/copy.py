# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Answer delta_copy on the host: make a file or tree equal to the controller's, from what is there and a delta."""

from __future__ import annotations

import contextlib
import os
import shlex
import typing as t

from .._converge import Plan
from .._errors import HostError
from .._run import Runner
from .apply import Applied, apply_delta
from .attributes import Attributes, Context, differences, read_attributes, set_attributes
from .manifest import Manifest, manifest_to_wire, read_manifest
from .staging import Piece, Staging
from .target import Target

__all__ = ["delta_copy_spec", "plan_copy"]

Result = t.Dict[str, t.Any]


def plan_copy(params: t.Mapping[str, t.Any], *, selinux: Context, run: Runner) -> Plan:
    """Compare what is here with what is wanted; with a piece of a delta, plan to receive and apply it.

    A delta that starts from a wrong guess is ignored. The plan's ``apply`` is
    None while bytes have yet to come; ``result["have"]`` says what is here.

    :raises HostError: a path that cannot be replaced, or options that cannot be met
    """
    target = Target(params["dest"])
    copy = _Copy(
        params["content"]["root"],
        params["content"]["is_tree"],
        target,
        read_attributes(params),
        _read_command(params["validate"]),
        selinux,
        run,
    )
    target.require_kind(is_tree=copy.is_tree)
    target.require_unmounted()
    delta = params["delta"]
    if delta is None or (delta["guessed"] and copy.root_here() != delta["old"]):
        return copy.compared(params["known"])
    return copy.taking(delta)


class _Copy(t.NamedTuple):
    root: str
    is_tree: bool
    target: Target
    attributes: Attributes
    validate: list[str]
    selinux: Context
    run: Runner

    def compared(self, known: t.Collection[str]) -> Plan:
        found = self._found()
        result = {"dest": self.target.path, "root": self.root}
        if found is None or found.root != self.root:
            self.target.require_writable()
            have = {**_have(found), "received": self.target.received()}
            if found is not None and found.root not in known:
                have["manifest"] = manifest_to_wire(found)
            return Plan({"root": have["root"]}, {"root": self.root}, None, {**result, "have": have})
        was, wanted = differences(self.target.path, self.attributes, selinux=self.selinux)
        before = {"root": self.root, "attributes": was, "left": self.target.left()}
        return Plan(before, {"root": self.root, "attributes": wanted, "left": []}, self._tidy, result)

    def taking(self, delta: t.Mapping[str, t.Any]) -> Plan:
        """Plan to apply a delta; whether it fits what is here is checked again when it is applied."""

        def take() -> Result:
            with _os_errors_reported(self.target), self.target.staging() as staging:
                return self._take(Piece(**piece), staging, old=old)

        old = delta["old"]
        piece = {name: delta[name] for name in Piece._fields}
        result = {"dest": self.target.path, "root": self.root}
        return Plan({"root": old}, {"root": self.root}, take, result)

    def root_here(self) -> str | None:
        """The Merkle root of what is at the path now; None where nothing is."""
        return _have(self._found())["root"]

    def _found(self) -> Manifest | None:
        return read_manifest(self.target.path) if os.path.lexists(self.target.path) else None

    def _tidy(self) -> Result:
        """Correct the attributes, and remove what a killed run left; the content is right already."""
        with _os_errors_reported(self.target), self.target.staging() as staging:
            staging.clear()
            set_attributes(self.target.path, self.attributes, selinux=self.selinux)
        return {}

    def _take(self, piece: Piece, staging: Staging, *, old: str | None) -> Result:
        delta = staging.append(piece)
        if delta is None:
            return {"have": {"root": old, "received": staging.received()}}
        new = staging.new(self.target.name)
        try:
            applied = self._made(new, delta)
        except HostError as error:
            staging.forget()  # do not resume from wrong bytes
            found = self._found()
            if found is not None and found.root == self.root:
                return {}  # another run has done it meanwhile
            return {"have": {**_have(found), "received": {}}, "refused": error.report()}
        staging.forget()
        self._put(new)
        return {"bytes_reused": applied.bytes_reused}

    def _made(self, new: str, delta: str) -> Applied:
        if self.is_tree:
            os.mkdir(new)
        applied = apply_delta(delta, old=self.target.path, into=new)
        if applied.root != self.root:
            raise HostError(
                "the delta",
                wanted=f"content with the root {self.root}",
                found=f"content with the root {applied.root}",
                remedy="Nothing was changed. Run again.",
            )
        return applied

    def _put(self, new: str) -> None:
        self.target.require_kind(is_tree=self.is_tree)
        attributes = self.attributes
        with contextlib.suppress(FileNotFoundError):
            attributes = attributes.as_it_was(os.lstat(self.target.path))
        if self.is_tree:
            os.chmod(new, 0o755)  # independent of the umask
        set_attributes(new, attributes, selinux=self.selinux, stands_for=self.target.path)
        self._validate()
        self.target.commit(new)

    def _validate(self) -> None:
        if not self.validate:
            return
        path = self.target.path_of_new
        done = self.run([part.replace("%s", path) for part in self.validate])
        if done.rc:
            raise HostError(
                self.target.path,
                wanted=f"content that {shlex.join(self.validate)!r} accepts",
                found=f"exit code {done.rc}: {(done.err or done.out).strip()}",
                remedy="Nothing was changed. Correct the source.",
            )


def _have(found: Manifest | None) -> Result:
    return {"root": None if found is None else found.root}


def _read_command(command: str | None) -> list[str]:
    if not command:
        return []
    try:
        argv = shlex.split(command)
    except ValueError as error:
        raise _no_command(f"{command!r}: {error}")
    if not any("%s" in part for part in argv):
        raise _no_command(repr(command))
    return argv


def _no_command(found: str) -> HostError:
    return HostError(
        "validate",
        wanted="a command with %s for the path of the new content",
        found=found,
        remedy="Correct the command.",
    )


@contextlib.contextmanager
def _os_errors_reported(target: Target) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HostError(
            target.path,
            wanted="free disk space and permission to write it",
            found=str(error),
            remedy="The content was not changed. Free space, or run with become: true.",
        )


def delta_copy_spec() -> dict[str, t.Any]:
    """The options of the module, the same for both of its halves."""
    content = {
        "root": {"type": "str", "required": True},
        "is_tree": {"type": "bool", "required": True},
    }
    delta = {
        "path": {"type": "path", "required": True},
        "offset": {"type": "int", "required": True},
        "length": {"type": "int", "required": True},
        "size": {"type": "int", "required": True},
        "sha256": {"type": "str", "required": True},
        "old": {"type": "str"},
        "guessed": {"type": "bool", "default": False},
    }
    return {
        "src": {"type": "path", "required": True},
        "dest": {"type": "path", "required": True},
        **{name: {"type": "str"} for name in ("owner", "group", "seuser", "serole", "setype", "selevel")},
        "mode": {"type": "raw"},
        "directory_mode": {"type": "raw"},
        "validate": {"type": "str"},
        "rate_limit": {"type": "int"},
        "seeds": {"type": "list", "elements": "path", "default": []},
        "content": {"type": "dict", "options": content},
        "known": {"type": "list", "elements": "str", "default": []},
        "delta": {"type": "dict", "options": delta},
    }
