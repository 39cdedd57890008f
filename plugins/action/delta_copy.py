# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import typing as t

from ansible.errors import AnsibleError

from ..module_utils._delta.copy import delta_copy_spec
from ..module_utils._delta.manifest import Manifest, manifest_from_wire, read_manifest
from ..module_utils._errors import HostError
from ..plugin_utils._action import HostAction, Result
from ..plugin_utils._delta.cache import DeltaCache
from ..plugin_utils._delta.diff import content_diff
from ..plugin_utils._delta.last_sent import DeltaMemory, host_of
from ..plugin_utils._delta.make import Delta, make_delta
from ..plugin_utils._delta.pacing import Line


class _Source(t.NamedTuple):
    """What is to be copied, and contents that the host may have."""

    path: str
    name: str  # as the user wrote it, where path is what a link leads to
    manifest: Manifest
    seeds: list[str]


class ActionModule(HostAction):
    """Asks the host what it has, and sends what is missing."""

    MODULE = "gofleet.hosts.delta_copy"
    TRANSFERS_FILES = True

    def act(self) -> Result:
        dummy, options = self.validate_argument_spec(argument_spec=delta_copy_spec())
        cache = DeltaCache()
        self._line = Line(options.pop("rate_limit"))
        self._memory = DeltaMemory(host_of(self._task, self._task_vars))
        seeds = [self._found(seed) for seed in options.pop("seeds")]
        path = self._found(options["src"])
        source = _Source(path, os.path.basename(options["src"].rstrip("/")), read_manifest(path), seeds)
        asked = {
            **{name: value for name, value in options.items() if value is not None},
            # As it was written: a home directory in it is one on the host.
            "dest": _destination(str(self._task.args["dest"]), source),
            "content": {"root": source.manifest.root, "is_tree": source.manifest.is_tree},
            "known": cache.roots(),
        }
        return self._ship(asked, source, cache)

    def _ship(self, asked: Result, source: _Source, cache: DeltaCache) -> Result:
        """The delta; where that is refused, as when the host's content changed in between, once more all of it."""
        told: Result = {"bytes_sent": 0, "bytes_resumed": 0, "bytes_whole": source.manifest.size}
        guess = self._guess(asked["dest"], source, cache)
        if guess is None:
            result = self.run_module(asked)
        else:
            delta, left = guess
            result = self._send(delta, {}, asked, told, guessed=True)
            if not _was_there(result):
                told.update(methods=delta.methods, hint=delta.hint, old_root=left.root)
                told.update(self._diff(left, source, asked))
        whole = False
        for dummy in range(2):
            have = result.get("have")
            if whole or not have or result.get("failed"):
                break
            whole = "refused" in result
            if whole:
                reason = result["refused"]["msg"]
                self._display.warning(f"The delta was not taken, all of the content is sent: {reason}")
            old, old_path = (None, None) if whole else _old(have, source, cache)
            delta = _made(source, old, old_path, cache)
            told.update(methods=delta.methods, hint=delta.hint)
            if not whole:
                told.update(old_root=have["root"], **self._diff(old, source, asked))
            if self._task.check_mode:
                told["bytes_predicted"] = delta.size - _received(have, delta)
                break
            result = self._send(delta, have, asked, told)
        return self._completed(result, told, source, asked["dest"], cache)

    def _guess(self, dest: str, source: _Source, cache: DeltaCache) -> tuple[Delta, Manifest] | None:
        """The delta from what was left there, if the controller still has that, and it goes in one piece."""
        left = None if self._task.check_mode else self._memory.recall(dest)
        if left in (None, source.manifest.root):
            return None
        # A guess that cannot be made is none.
        with contextlib.suppress(HostError, OSError):
            kept = cache.content(str(left))
            if kept is not None and kept.manifest.is_tree == source.manifest.is_tree:
                delta = _made(source, kept.manifest, kept.path, cache)
                return (delta, kept.manifest) if self._line.piece(delta.size) == delta.size else None
        return None

    def _diff(self, old: Manifest | None, source: _Source, asked: Result) -> Result:
        return {"diff": content_diff(old, source.manifest, dest=asked["dest"])} if self._task.diff else {}

    def _completed(
        self, result: Result, told: Result, source: _Source, dest: str, cache: DeltaCache
    ) -> Result:
        have, refused = result.pop("have", None), result.pop("refused", None)
        if not self._task.check_mode and not result.get("failed"):
            if have:
                return {"failed": True, **refused, **told}
            self._memory.keep(dest, source.manifest.root)
            # What cannot be kept, on a full disk, costs the next run bytes, and not this one its result.
            with contextlib.suppress(OSError, HostError):
                cache.keep(source.path, source.manifest.root)
        return {**result, **told}

    def _send(
        self,
        delta: Delta,
        have: Result,
        asked: Result,
        told: Result,
        *,
        guessed: bool = False,
    ) -> Result:
        """Send what the host has not received yet, piece by piece; returns what the last run on the host said."""
        offset = _received(have, delta)
        told["bytes_resumed"] += offset
        while True:
            size = self._line.piece(delta.size - offset)
            started = time.monotonic()
            path = self._transferred(delta, offset, size)
            pause = self._line.sent(size, time.monotonic() - started)
            told["bytes_sent"] += size
            piece = {
                "path": path,
                "offset": offset,
                "length": size,
                "size": delta.size,
                "sha256": delta.sha256,
                "old": delta.old,
                "guessed": guessed,
            }
            result = self.run_module({**asked, "delta": piece})
            offset += size
            # A guess is one piece, and is not gone on with.
            if guessed or _received(result.get("have"), delta) != offset:
                return result
            time.sleep(pause)

    def _transferred(self, delta: Delta, offset: int, size: int) -> str:
        """Where on the host a piece of the delta is now."""
        if size == delta.size:
            return self.transfer(delta.path, name="delta")
        with tempfile.NamedTemporaryFile() as piece, open(delta.path, "rb") as file:
            file.seek(offset)
            piece.write(file.read(size))
            piece.flush()
            return self.transfer(piece.name, name="delta")

    def _found(self, path: str) -> str:
        try:
            found: str = self._find_needle("files", path.rstrip("/") or "/")
        except AnsibleError as error:
            raise HostError(
                path,
                wanted="a file or a directory on the controller",
                found=str(error),
                remedy="Correct the path; a relative one starts at the files of the role or the play.",
            )
        # A link to it is followed, as it is the user's own word; links inside are content.
        return os.path.realpath(found)


def _destination(dest: str, source: _Source) -> str:
    if dest.endswith("/") and not source.manifest.is_tree:
        return os.path.join(os.path.normpath(dest), source.name)
    return os.path.normpath(dest)


def _old(have: Result, source: _Source, cache: DeltaCache) -> tuple[Manifest | None, str | None]:
    """What the host has, and where the controller has the same."""
    root = have["root"]
    if root is None:
        return None, None
    kept = cache.content(root)
    if kept is not None:
        return kept.manifest, kept.path
    for seed in source.seeds:
        manifest = read_manifest(seed)
        if manifest.root == root:
            return manifest, seed
    # One that was kept and is damaged now was not told by the host, which thought it known.
    return (manifest_from_wire(have["manifest"]), None) if "manifest" in have else (None, None)


def _made(source: _Source, old: Manifest | None, old_path: str | None, cache: DeltaCache) -> Delta:
    try:
        return make_delta(source.path, manifest=source.manifest, old=old, old_path=old_path, cache=cache)
    except OSError as error:
        raise HostError(
            f"the cache of deltas on the controller, {cache.path}",
            wanted="to read the source, and to write a delta",
            found=str(error),
            remedy="Nothing was sent. Make room there, or correct its permissions.",
        )


def _was_there(result: Result) -> bool:
    """Whether a delta found the host with the new content."""
    return not {"bytes_reused", "have", "failed"}.intersection(result)


def _received(have: Result | None, delta: Delta) -> int:
    """Bytes of the delta that the host has."""
    count: int = (have or {}).get("received", {}).get(delta.sha256, 0)
    return count if count <= delta.size else 0
