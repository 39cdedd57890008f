from __future__ import annotations

from typing import Any

from lab.golang_index import select


def _list(*versions: str) -> list[dict[str, Any]]:
    return [{"version": version, "stable": "rc" not in version} for version in versions]


def _shown(*versions: str, include_all: bool = False) -> list[str]:
    return [release["version"] for release in select(_list(*versions), include_all=include_all)]


def test_newest_patch_of_the_two_newest_minors() -> None:
    assert _shown("go1.27.3", "go1.26.6", "go1.26.5", "go1.24.11", "go1.24.3") == ["go1.27.3", "go1.26.6"]


def test_unstable_is_not_shown_unless_all_is_asked_for() -> None:
    assert _shown("go1.28rc1", "go1.27.3", "go1.26.6") == ["go1.27.3", "go1.26.6"]
    assert _shown("go1.28rc1", "go1.27.3", include_all=True) == ["go1.28rc1", "go1.27.3"]


def test_one_minor_and_none() -> None:
    assert _shown("go1.27.3", "go1.27.2") == ["go1.27.3"]
    assert _shown() == []
