"""go.dev's rule for what its release list shows."""

from __future__ import annotations

from typing import Any

SUPPORTED_MINORS = 2


def minor_of(version: str) -> tuple[int, ...]:
    """Return the minor a version belongs to: ``go1.27.3`` gives (1, 27)."""
    return tuple(int(part) for part in version.removeprefix("go").split(".")[:2])


def select(releases: list[dict[str, Any]], *, include_all: bool) -> list[dict[str, Any]]:
    """Return all releases, or as go.dev by default the newest stable one of each of the two newest minors.

    ``releases`` are newest first.
    """
    if include_all:
        return releases
    newest: dict[tuple[int, ...], dict[str, Any]] = {}
    for release in releases:
        if release["stable"]:
            newest.setdefault(minor_of(release["version"]), release)
    return list(newest.values())[:SUPPORTED_MINORS]
