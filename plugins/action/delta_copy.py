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
from ..plugin_utils._delta.last_sent import LastSent, host_of
from ..plugin_utils._delta.make import Delta, make_delta
from ..plugin_utils._delta.pacing import Pacing


class _Source(t.NamedTuple):
    """What to copy, and contents that the host may have."""

    path: str
    name: str  # as the user wrote it; path is the target if it is a link
    manifest: Manifest
    seeds: list[str]


class ActionModule(HostAction):
    """Ask the host what it has, and send what is missing."""

    MODULE = "gofleet.hosts.delta_copy"
    TRANSFERS_FILES = True

    def act(self) -> Result:
        dummy, options = self.validate_argument_spec(argument_spec=delta_copy_spec())
        cache = DeltaCache()
        self._pacing = Pacing(options.pop("rate_limit"))
        self._last_sent = LastSent(host_of(self._task, self._task_vars))
        seeds = [self._found(seed) for seed in options.pop("seeds")]
        path = self._found(options["src"])
        source = _Source(path, os.path.basename(options["src"].rstrip("/")), read_manifest(path), seeds)
        asked = {
            **{name: value for name, value in options.items() if value is not None},
            # As written: a ~ in it is a home directory on the host.
            "dest": _destination(str(self._task.args["dest"]), source),
            "content": {"root": source.manifest.root, "is_tree": source.manifest.is_tree},
            "known": cache.roots(),
        }
        return self._ship(asked, source, cache)

    def _ship(self, asked: Result, source: _Source, cache: DeltaCache) -> Result:
        """Send the delta; if it is refused, as after a change on the host, send the whole content once."""
        report: Result = {"bytes_sent": 0, "bytes_resumed": 0, "bytes_whole": source.manifest.size}
        guess = self._guess(asked["dest"], source, cache)
        if guess is None:
            result = self.run_module(asked)
        else:
            delta, left = guess
            result = self._send(delta, {}, asked, report, guessed=True)
            if not _was_there(result):
                report.update(methods=delta.methods, hint=delta.hint, old_root=left.root)
                report.update(self._diff(left, source, asked))
        whole = False
        for dummy in range(2):
            have = result.get("have")
            if whole or not have or result.get("failed"):
                break
            whole = "refused" in result
            if whole:
                reason = result["refused"]["msg"]
                self._display.warning(f"The host refused the delta, so the whole content is sent: {reason}")
            old, old_path = (None, None) if whole else _old(have, source, cache)
            delta = _made(source, old, old_path, cache)
            report.update(methods=delta.methods, hint=delta.hint)
            if not whole:
                report.update(old_root=have["root"], **self._diff(old, source, asked))
            if self._task.check_mode:
                report["bytes_predicted"] = delta.size - _received(have, delta)
                break
            result = self._send(delta, have, asked, report)
        return self._completed(result, report, source, asked["dest"], cache)

    def _guess(self, dest: str, source: _Source, cache: DeltaCache) -> tuple[Delta, Manifest] | None:
        """The delta from what was last sent, if the controller still has it and it fits into one piece."""
        left = None if self._task.check_mode else self._last_sent.recall(dest)
        if left in (None, source.manifest.root):
            return None
        # Without a guess the host is asked.
        with contextlib.suppress(HostError, OSError):
            kept = cache.content(str(left))
            if kept is not None and kept.manifest.is_tree == source.manifest.is_tree:
                delta = _made(source, kept.manifest, kept.path, cache)
                return (delta, kept.manifest) if self._pacing.piece(delta.size) == delta.size else None
        return None

    def _diff(self, old: Manifest | None, source: _Source, asked: Result) -> Result:
        return {"diff": content_diff(old, source.manifest, dest=asked["dest"])} if self._task.diff else {}

    def _completed(
        self, result: Result, report: Result, source: _Source, dest: str, cache: DeltaCache
    ) -> Result:
        have, refused = result.pop("have", None), result.pop("refused", None)
        if not self._task.check_mode and not result.get("failed"):
            if have:
                return {"failed": True, **refused, **report}
            self._last_sent.keep(dest, source.manifest.root)
            # A failure to keep it, as on a full disk, costs the next run bytes, and must not fail this one.
            with contextlib.suppress(OSError, HostError):
                cache.keep(source.path, source.manifest.root)
        return {**result, **report}

    def _send(
        self,
        delta: Delta,
        have: Result,
        asked: Result,
        report: Result,
        *,
        guessed: bool = False,
    ) -> Result:
        """Send what the host has not received yet, piece by piece, and return the result of the last module run."""
        offset = _received(have, delta)
        report["bytes_resumed"] += offset
        while True:
            size = self._pacing.piece(delta.size - offset)
            started = time.monotonic()
            path = self._transfer_piece(delta, offset, size)
            pause = self._pacing.sent(size, time.monotonic() - started)
            report["bytes_sent"] += size
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
            # A guess is one piece and is not resumed.
            if guessed or _received(result.get("have"), delta) != offset:
                return result
            time.sleep(pause)

    def _transfer_piece(self, delta: Delta, offset: int, size: int) -> str:
        """Copy a piece of the delta to the host and return its path there."""
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
        # The user named a link, so follow it; links inside a tree are content.
        return os.path.realpath(found)


def _destination(dest: str, source: _Source) -> str:
    if dest.endswith("/") and not source.manifest.is_tree:
        return os.path.join(os.path.normpath(dest), source.name)
    return os.path.normpath(dest)


def _old(have: Result, source: _Source, cache: DeltaCache) -> tuple[Manifest | None, str | None]:
    """The manifest of what the host has, and its path on the controller if it is there."""
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
    # Without a manifest the host named a root from our list, whose content is damaged now.
    return (manifest_from_wire(have["manifest"]), None) if "manifest" in have else (None, None)


def _made(source: _Source, old: Manifest | None, old_path: str | None, cache: DeltaCache) -> Delta:
    try:
        return make_delta(source.path, manifest=source.manifest, old=old, old_path=old_path, cache=cache)
    except OSError as error:
        raise HostError(
            f"the cache of deltas on the controller, {cache.path}",
            wanted="a readable source and a writable cache",
            found=str(error),
            remedy="Nothing was sent. Free space there, or correct the permissions.",
        )


def _was_there(result: Result) -> bool:
    """Whether the host already had the new content when the delta arrived."""
    return not {"bytes_reused", "have", "failed"}.intersection(result)


def _received(have: Result | None, delta: Delta) -> int:
    """The number of bytes of the delta that the host has received."""
    count: int = (have or {}).get("received", {}).get(delta.sha256, 0)
    return count if count <= delta.size else 0
