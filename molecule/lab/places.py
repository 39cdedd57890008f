"""Where the lab keeps its files: what outlives a lab (cache) and what is one lab's own (state)."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from .errors import LabError

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
DISK_NEEDED = 6 * 1024**3


def cache_dir() -> Path:
    """Return the cache of images, keys and Go releases, made if absent and readable by its owner alone."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(base).resolve() / "gofleet-lab"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def state_root() -> Path:
    """Return the folder that holds one folder a lab: LAB_STATE, or .lab in the checkout."""
    override = os.environ.get("LAB_STATE")
    return Path(override).resolve() if override else Path(__file__).resolve().parents[2] / ".lab"


def check_name(name: str, *, what: str) -> str:
    """Return ``name`` if it can be a host name label, which is also safe as a folder name; else LabError."""
    if not NAME.fullmatch(name):
        raise LabError(
            f"{what}: wanted lower-case letters, digits and inner dashes, at most 32; found {name!r}"
        )
    return name


def check_disk(path: Path) -> None:
    """Raise LabError unless the file system of ``path`` has room for an image build and its hosts."""
    free = shutil.disk_usage(path).free
    if free < DISK_NEEDED:
        raise LabError(
            f"{path}: wanted {DISK_NEEDED / 1024**3:.0f} GiB free for images, found {free / 1024**3:.1f} GiB; "
            "free some, or set XDG_CACHE_HOME to a larger disk"
        )
