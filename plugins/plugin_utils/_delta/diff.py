# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Show the difference between two contents."""

from __future__ import annotations

from ...module_utils._delta.manifest import Entry, Manifest

__all__ = ["content_diff"]

_MOST = 200  # lines on each side


def content_diff(old: Manifest | None, new: Manifest, *, dest: str) -> dict[str, str]:
    """A diff of names, sizes and shortened digests for Ansible to show. It never shows what is in the files."""
    olds = {} if old is None else old.by_path()
    news = new.by_path()
    before = [_line(entry) for entry in olds.values() if _seen(entry) != _seen(news.get(entry.path))]
    after = [_line(entry) for entry in news.values() if _seen(entry) != _seen(olds.get(entry.path))]
    return {"before_header": dest, "after_header": dest, "before": _text(before), "after": _text(after)}


def _seen(entry: Entry | None) -> object:
    return None if entry is None else (entry._replace(leaves=()), entry.bytes_alike)


def _line(entry: Entry) -> str:
    name = entry.path.encode("utf-8", "replace").decode() or "content"
    if entry.kind == "file":
        return f"{name}: {entry.size} bytes, {entry.bytes_alike[:6].hex()}{', executable' * entry.executable}"
    return f"{name} -> {entry.target}" if entry.kind == "link" else f"{name}/"


def _text(lines: list[str]) -> str:
    shown = lines[:_MOST]
    if len(lines) > _MOST:
        shown.append(f"and {len(lines) - _MOST} more")
    return "".join(f"{line}\n" for line in shown)
