# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives on the controller, deltas between their trees, and the choice of who downloads."""

from __future__ import annotations

import hashlib
import io
import os
import random
import subprocess
import tarfile
import typing as t
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.apply import apply_delta
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import read_manifest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.index import Archive
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.mirror import GoMirror
from ansible_collections.gofleet.hosts.plugins.module_utils._signature import Signer
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.cache import DeltaCache
from ansible_collections.gofleet.hosts.plugins.plugin_utils._go_toolchain import (
    delivery as go_toolchain_delivery,
)
from ansible_collections.gofleet.hosts.plugins.plugin_utils._go_toolchain.archive_cache import ArchiveCache
from ansible_collections.gofleet.hosts.plugins.plugin_utils._go_toolchain.delivery import Delivery
from ansible_collections.gofleet.hosts.plugins.plugin_utils._go_toolchain.tree_delta import (
    base_for,
    tree_delta,
)


def publish(directory: Path, version: str) -> Archive:
    """A small Go in a mirror of plain files."""
    directory.mkdir(exist_ok=True)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in ("VERSION", "bin/go", "src/same"):
            data = (
                random.Random(1).randbytes(36_000) if name == "src/same" else f"go{version} {name}".encode()
            )
            info = tarfile.TarInfo(f"go/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    body = buffer.getvalue()
    (directory / f"go{version}.linux-amd64.tar.gz").write_bytes(body)
    return Archive(f"go{version}.linux-amd64.tar.gz", hashlib.sha256(body).hexdigest(), len(body))


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GoMirror:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return GoMirror(f"file://{tmp_path}/mirror", 3)


def test_an_archive_is_downloaded_once(tmp_path: Path, mirror: GoMirror) -> None:
    archive = publish(tmp_path / "mirror", "1.27.3")
    cache = ArchiveCache(str(tmp_path / "cache"))
    assert not cache.has(archive.sha256)
    path = cache.get(archive, mirror=mirror)
    (tmp_path / "mirror" / archive.filename).unlink()
    assert cache.get(archive, mirror=mirror) == path
    assert cache.has(archive.sha256)


def test_a_damaged_archive_is_downloaded_again(tmp_path: Path, mirror: GoMirror) -> None:
    archive = publish(tmp_path / "mirror", "1.27.3")
    cache = ArchiveCache(str(tmp_path / "cache"))
    path = Path(cache.get(archive, mirror=mirror))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert hashlib.sha256(Path(cache.get(archive, mirror=mirror)).read_bytes()).hexdigest() == archive.sha256


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:-1] + b"x"], ids=["short", "other"]
)
def test_a_different_file_is_not_kept(
    tmp_path: Path, mirror: GoMirror, damage: t.Callable[[bytes], bytes]
) -> None:
    archive = publish(tmp_path / "mirror", "1.27.3")
    place = tmp_path / "mirror" / archive.filename
    place.write_bytes(damage(place.read_bytes()))
    cache = ArchiveCache(str(tmp_path / "cache"))
    with pytest.raises(HostError, match=f"SHA-256 {archive.sha256}"):
        cache.get(archive, mirror=mirror)
    assert [name for name in os.listdir(cache.folder) if not name.endswith(".lock")] == []


def test_the_cache_is_bounded(tmp_path: Path, mirror: GoMirror) -> None:
    archives = [publish(tmp_path / "mirror", f"1.27.{patch}") for patch in range(3)]
    cache = ArchiveCache(str(tmp_path / "cache"), limit=archives[0].size + 10)
    for age, archive in enumerate(archives):
        os.utime(cache.get(archive, mirror=mirror), (age, age))
    assert [cache.has(archive.sha256) for archive in archives] == [False, False, True]


def test_a_cached_archive_needs_a_signature_too(tmp_path: Path, mirror: GoMirror) -> None:
    archive = publish(tmp_path / "mirror", "1.27.3")
    cache = ArchiveCache(str(tmp_path / "cache"))
    cache.get(archive, mirror=mirror)
    with pytest.raises(HostError, match="go1.27.3.linux-amd64.tar.gz.asc"):
        cache.get(archive, mirror=mirror, signer=Signer("A" * 40, b""))


@pytest.mark.parametrize(
    ("version", "installed", "same_minor", "base"),
    [
        ("1.27.3", ["1.26.6", "1.27.1", "1.27.2"], True, "1.27.2"),
        ("1.27.3", ["1.27.5", "1.26.6"], True, "1.27.5"),
        ("1.27.3", ["1.24.1", "1.26.6", "1.28.0"], False, "1.26.6"),
        ("1.27.3", ["1.26.6"], True, None),
        ("1.27.3", ["1.28.0"], False, None),
        ("1.27.3", [], False, None),
    ],
)
def test_what_a_delta_starts_from(
    version: str, installed: list[str], same_minor: bool, base: str | None
) -> None:
    assert base_for(version, installed, same_minor=same_minor) == base


def test_a_delta_leads_to_the_tree_of_the_archive(tmp_path: Path, mirror: GoMirror) -> None:
    old, new = (publish(tmp_path / "mirror", version) for version in ("1.27.2", "1.27.3"))
    cache, deltas = ArchiveCache(str(tmp_path / "cache")), DeltaCache(str(tmp_path / "deltas"))
    asked: list[str] = []

    def get(archive: Archive) -> str:
        asked.append(archive.filename)
        return cache.get(archive, mirror=mirror)

    made = tree_delta(new, old, get=get, work=str(tmp_path / "work"), cache=deltas)
    assert made == tree_delta(new, old, get=get, work=str(tmp_path / "work"), cache=deltas)
    assert asked == [old.filename, new.filename]
    assert os.listdir(tmp_path / "work") == []
    for name, archive in (("old", old), ("new", new)):
        (tmp_path / name).mkdir()
        subprocess.run(["tar", "-C", tmp_path / name, "-xf", cache.get(archive, mirror=mirror)], check=True)
    (tmp_path / "made").mkdir()
    apply_delta(made.path, old=str(tmp_path / "old" / "go"), into=str(tmp_path / "made"))
    assert (
        read_manifest(str(tmp_path / "made")).root
        == read_manifest(str(tmp_path / "new" / "go")).root
        == made.root
    )


def test_no_delta_from_a_file_that_is_no_archive(tmp_path: Path, mirror: GoMirror) -> None:
    old = publish(tmp_path / "mirror", "1.27.2")
    (tmp_path / "mirror" / "bad").write_bytes(b"<html>")
    bad = Archive("bad", hashlib.sha256(b"<html>").hexdigest(), 6)
    cache = ArchiveCache(str(tmp_path / "cache"))
    with pytest.raises(HostError, match="wanted a tar.gz archive"):
        tree_delta(
            bad,
            old,
            get=lambda archive: cache.get(archive, mirror=mirror),
            work=str(tmp_path / "work"),
            cache=DeltaCache(str(tmp_path / "deltas")),
        )


class Prepared(t.NamedTuple):
    """A delivery, and the warnings that it gave."""

    delivery: Delivery
    warnings: list[str]


def prepare(
    tmp_path: Path, mode: str, mirror: GoMirror, *, hosts: int = 1, by_network: bool = True
) -> Prepared:
    """A delivery from a directory, which counts as a server with ``by_network``."""
    warnings: list[str] = []
    delivery = Delivery(
        mode, mirror=mirror, signer=None, hosts=hosts, cache=str(tmp_path / "cache"), warn=warnings.append
    )
    if by_network:
        delivery._on_controller = lambda archive: False  # type: ignore[method-assign]
    return Prepared(delivery, warnings)


@pytest.mark.parametrize(
    ("mode", "hosts", "installed", "by_network", "method"),
    [
        ("host", 99, "1.27.2", True, None),
        ("controller", 1, None, True, "archive"),
        ("controller", 1, "1.27.2", True, "delta"),
        ("controller", 1, "1.26.6", True, "delta"),
        ("auto", 1, None, True, None),
        ("auto", 1, "1.27.2", True, None),
        ("auto", 3, "1.27.2", True, "delta"),
        ("auto", 99, "1.26.6", True, None),
        ("auto", 1, None, False, "archive"),
    ],
)
def test_who_downloads(
    tmp_path: Path,
    mirror: GoMirror,
    *,
    mode: str,
    hosts: int,
    installed: str | None,
    by_network: bool,
    method: str | None,
) -> None:
    pytest.importorskip("bsdiff4")
    there = {installed: publish(tmp_path / "mirror", installed)} if installed else {}
    new = publish(tmp_path / "mirror", "1.27.3")
    prepared = prepare(tmp_path, mode, mirror, hosts=hosts, by_network=by_network)
    payloads = prepared.delivery.payloads({"1.27.3": new}, installed=there)
    found = {version: "delta" if item.base else "archive" for version, item in payloads.items()}
    assert (found, prepared.warnings) == ({} if method is None else {"1.27.3": method}, [])


def test_cached_archives_count_as_free(tmp_path: Path, mirror: GoMirror) -> None:
    pytest.importorskip("bsdiff4")
    old, new = (publish(tmp_path / "mirror", version) for version in ("1.27.2", "1.27.3"))
    for archive in (old, new):
        ArchiveCache(str(tmp_path / "cache")).get(archive, mirror=mirror)
    prepared = prepare(tmp_path, "auto", mirror)
    assert prepared.delivery.payloads({"1.27.3": new}, installed={"1.27.2": old})["1.27.3"].base == "1.27.2"


def test_without_the_library_auto_makes_no_delta(
    tmp_path: Path, mirror: GoMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(go_toolchain_delivery, "bsdiff_imports", lambda: False)
    old, new = (publish(tmp_path / "mirror", version) for version in ("1.27.2", "1.27.3"))
    assert (
        prepare(tmp_path, "auto", mirror, hosts=99).delivery.payloads(
            {"1.27.3": new}, installed={"1.27.2": old}
        )
        == {}
    )


def test_a_warning_if_the_old_archive_is_missing(tmp_path: Path, mirror: GoMirror) -> None:
    old, new = (publish(tmp_path / "mirror", version) for version in ("1.27.2", "1.27.3"))
    (tmp_path / "mirror" / old.filename).unlink()
    prepared = prepare(tmp_path, "controller", mirror)
    assert prepared.delivery.payloads({"1.27.3": new}, installed={"1.27.2": old})["1.27.3"].base is None
    assert "Making a delta from Go 1.27.2 to 1.27.3 failed" in prepared.warnings[0]
