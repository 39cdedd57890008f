# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
import tempfile
import time
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils._delta_copy import delta_copy_spec
from ..module_utils._delta_manifest import Manifest, read_manifest
from ..module_utils._delta_wire import manifest_from_wire
from ..module_utils._errors import HostError
from ..plugin_utils._delta_cache import DeltaCache
from ..plugin_utils._delta_diff import content_diff
from ..plugin_utils._delta_make import Delta, make_delta
from ..plugin_utils._line import Line

_MODULE = "gofleet.hosts.delta_copy"
_TRIES = 2  # the second one with all of it, because what the host had changed in between

Result = t.Dict[str, t.Any]


class ActionModule(ActionBase):
    """Asks the host what it has, and sends what is missing."""

    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: Result | None = None) -> Result:
        super().run(tmp, task_vars)
        dummy, options = self.validate_argument_spec(argument_spec=delta_copy_spec())
        cache = DeltaCache()
        try:
            src = self._source(options["src"])
            manifest = read_manifest(src)
            asked = {key: value for key, value in options.items() if value is not None}
            asked["dest"] = _destination(options["dest"], src, is_tree=manifest.is_tree)
            asked["content"] = {"root": manifest.root, "is_tree": manifest.is_tree}
            asked["known"] = cache.roots()
            return self._ship(asked, src, manifest, cache, task_vars)
        except HostError as error:
            return {"failed": True, **error.report()}

    def _ship(
        self, asked: Result, src: str, manifest: Manifest, cache: DeltaCache, task_vars: Result | None
    ) -> Result:
        result = self._execute_module(module_name=_MODULE, module_args=asked, task_vars=task_vars)
        told: Result = {"bytes_sent": 0, "bytes_resumed": 0, "bytes_whole": manifest.size}
        for attempt in range(_TRIES):
            have = result.get("have")
            if not have or result.get("failed"):
                break
            old, old_path = (None, None) if attempt else _old(have, cache)
            delta = make_delta(src, manifest=manifest, old=old, old_path=old_path, cache=cache)
            told.update(methods=delta.methods, hint=delta.hint, old_root=have["root"])
            if self._task.diff and not attempt:
                told["diff"] = content_diff(old, manifest, dest=asked["dest"])
            if self._task.check_mode:
                told["bytes_predicted"] = delta.size - have["received"].get(_sha256(delta.path), 0)
                break
            result = self._send(delta, have["received"], asked, told, task_vars)
        if result.get("have") and not result.get("failed") and not self._task.check_mode:
            return _restless(asked["dest"])
        if not result.get("failed") and not self._task.check_mode:
            cache.keep(src, manifest.root)
        for name in ("have", "known"):
            result.pop(name, None)
        return {**result, **told}

    def _send(
        self, delta: Delta, received: dict[str, int], asked: Result, told: Result, task_vars: Result | None
    ) -> Result:
        """Send what the host has not received yet, piece by piece; returns what the last run on the host said."""
        sha256, line = _sha256(delta.path), Line(asked.get("rate_limit"))
        offset = received.get(sha256, 0)
        told["bytes_resumed"] += offset
        while True:
            size = line.piece(delta.size - offset)
            started = time.monotonic()
            path = self._transferred(delta, offset, size)
            pause = line.sent(size, time.monotonic() - started)
            told["bytes_sent"] += size
            piece = {"path": path, "offset": offset, "size": delta.size, "sha256": sha256, "old": delta.old}
            result: Result = self._execute_module(
                module_name=_MODULE, module_args={**asked, "delta": piece}, task_vars=task_vars
            )
            offset += size
            if (result.get("have") or {}).get("received", {}).get(sha256) != offset:
                return result
            time.sleep(pause)

    def _transferred(self, delta: Delta, offset: int, size: int) -> str:
        """Where on the host a piece of the delta is now."""
        shell = self._connection._shell
        if not shell.tmpdir:
            self._make_tmp_path()
        remote: str = shell.join_path(shell.tmpdir, "delta")
        if size == delta.size:
            self._transfer_file(delta.path, remote)
        else:
            with tempfile.NamedTemporaryFile() as piece, open(delta.path, "rb") as file:
                file.seek(offset)
                piece.write(file.read(size))
                piece.flush()
                self._transfer_file(piece.name, remote)
        self._fixup_perms2((shell.tmpdir, remote))
        return remote

    def _source(self, src: str) -> str:
        try:
            found: str = self._find_needle("files", src.rstrip("/") or "/")
        except AnsibleError as error:
            raise HostError(
                src,
                wanted="a file or a directory on the controller",
                found=str(error),
                remedy="Correct src; relative paths start at the role's or the play's files.",
            )
        # A link to the source is followed, as it is the user's own word; links inside are content.
        return os.path.realpath(found)


def _destination(dest: str, src: str, *, is_tree: bool) -> str:
    if dest.endswith("/") and not is_tree:
        return os.path.join(os.path.normpath(dest), os.path.basename(src))
    return os.path.normpath(dest)


def _old(have: Result, cache: DeltaCache) -> tuple[Manifest | None, str | None]:
    """What the host has, and where the controller has the same."""
    if have["root"] is None:
        return None, None
    path = cache.content(have["root"])
    if path is not None:
        return read_manifest(path), path
    if "manifest" in have:
        return manifest_from_wire(have["manifest"]), None
    return None, None


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _restless(dest: str) -> Result:
    error = HostError(
        dest,
        wanted="content that stays as it is while it is replaced",
        found="another one in each of several looks",
        remedy="Nothing was changed. Stop what writes to it, then run again.",
    )
    return {"failed": True, **error.report()}
