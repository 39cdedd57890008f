# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The index, which is read once a run, and the lock file, which decides for all hosts."""

from __future__ import annotations

import json
import os
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._download import FetchError
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.index import Archive, GoRelease
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.mirror import (
    GoMirror,
    mirror_of,
    secrets_of,
)
from ansible_collections.gofleet.hosts.plugins.plugin_utils._go_toolchain.index_cache import (
    Index,
    index_once,
    this_run,
)
from ansible_collections.gofleet.hosts.plugins.plugin_utils._go_toolchain.lock_file import VersionLock
from ansible_collections.gofleet.hosts.plugins.plugin_utils._go_toolchain.resolver import Resolver

SHA = "ab" * 32


def archive(version: str, arch: str = "amd64") -> Archive:
    return Archive(f"go{version}.linux-{arch}.tar.gz", SHA, 7)


def releases(*versions: str) -> list[GoRelease]:
    return [
        GoRelease(version, True, {arch: archive(version, arch) for arch in ("amd64", "arm64")})
        for version in versions
    ]


def document(*versions: str) -> bytes:
    return json.dumps(
        [{"version": f"go{version}", "stable": True, "files": []} for version in versions]
    ).encode()


@pytest.fixture
def mirror(tmp_path: Path) -> GoMirror:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "index.json").write_bytes(document("1.27.3"))
    return GoMirror(f"file://{tmp_path}/mirror", 3)


def test_the_index_is_read_once_a_run(mirror: GoMirror, tmp_path: Path) -> None:
    def versions(run: str) -> list[str]:
        return [
            release.version for release in index_once(mirror, cache=str(tmp_path / "cache"), run=run).releases
        ]

    assert versions("one") == ["1.27.3"]
    (tmp_path / "mirror" / "index.json").write_bytes(document("1.27.4"))
    assert versions("one") == ["1.27.3"]
    assert versions("two") == ["1.27.4"]


def test_an_unreachable_mirror_is_asked_once_and_its_copy_is_used(mirror: GoMirror, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    (tmp_path / "mirror" / "index.json").rename(tmp_path / "away")
    with pytest.raises(FetchError, match="wanted the list of Go releases"):
        index_once(mirror, cache=cache, run="one")
    (tmp_path / "away").rename(tmp_path / "mirror" / "index.json")
    with pytest.raises(FetchError, match="wanted the list of Go releases"):
        index_once(mirror, cache=cache, run="one")
    assert index_once(mirror, cache=cache, run="two").warning is None
    (tmp_path / "mirror" / "index.json").unlink()
    found = index_once(mirror, cache=cache, run="three")
    assert "because the mirror cannot be read now" in str(found.warning)
    assert [release.version for release in found.releases] == ["1.27.3"]


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"run": "one"}'])
def test_a_damaged_state_is_read_again(mirror: GoMirror, tmp_path: Path, damage: str) -> None:
    index_once(mirror, cache=str(tmp_path / "cache"), run="one")
    (state,) = (tmp_path / "cache" / "index").glob("*.state")
    state.write_text(damage)
    assert index_once(mirror, cache=str(tmp_path / "cache"), run="one").warning is None


def test_a_run_has_one_name() -> None:
    assert this_run() == this_run()
    assert this_run().startswith(f"{os.getppid()}-")


def test_secrets_of_a_mirror_are_known_and_not_shown() -> None:
    params = {
        "mirror": "https://me:hidden@mirror.example.org/go/",
        "headers": {"X-Token": "abc"},
        "ca_path": None,
        "timeout": 3,
    }
    assert secrets_of(params) == {"me:hidden", "hidden"}
    assert mirror_of(params).name == "https://mirror.example.org/go"
    assert mirror_of(params).access.headers == {"X-Token": "abc"}
    assert secrets_of({**params, "mirror": "https://mirror.example.org/@x"}) == set()


def test_a_lock_file_is_kept_and_read(tmp_path: Path) -> None:
    path = tmp_path / "go.lock.json"
    lock = VersionLock(str(path), cache=str(tmp_path / "cache"))
    lock.add({"stable": "1.27.3"}, {("1.27.3", "amd64"): archive("1.27.3")})
    lock.add({}, {("1.27.3", "arm64"): archive("1.27.3", "arm64")})
    before = path.stat().st_mtime_ns, path.read_text()
    lock.add({"stable": "1.27.3"}, {})
    assert before == (path.stat().st_mtime_ns, path.read_text())
    again = VersionLock(str(path), cache=str(tmp_path / "cache"))
    assert again.pin("stable") == "1.27.3"
    assert again.pin("oldstable") is None
    assert again.archive("1.27.3", "arm64") == archive("1.27.3", "arm64")
    assert again.archive("1.27.3", "s390x") is None
    assert sorted(os.listdir(tmp_path)) == ["cache", "go.lock.json"]


def test_processes_of_one_run_do_not_lose_entries(tmp_path: Path) -> None:
    locks = [VersionLock(str(tmp_path / "lock"), cache=str(tmp_path / "cache")) for dummy in range(8)]
    threads = [
        threading.Thread(target=lock.add, args=({f"1.{number}": f"1.{number}.1"}, {}))
        for number, lock in enumerate(locks)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads((tmp_path / "lock").read_text())["pins"]) == len(locks)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"pins": [], "archives": {}}', '{"pins": {}, "archives": {"1": 2}}']
)
def test_a_file_that_is_no_lock_file_is_left_unchanged(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock").write_text(text)
    with pytest.raises(HostError, match="wanted a lock file that an earlier run has written"):
        VersionLock(str(tmp_path / "lock"), cache=str(tmp_path))
    assert (tmp_path / "lock").read_text() == text


def resolver(
    tmp_path: Path, *versions: str, update: bool = False, lock: bool = True
) -> tuple[Resolver, list[int]]:
    asked: list[int] = []

    def index() -> Index:
        asked.append(1)
        return Index("mirror", releases(*versions), None)

    kept = VersionLock(str(tmp_path / "lock"), cache=str(tmp_path / "cache")) if lock else None
    return Resolver(index=index, lock=kept, update=update), asked


def test_the_lock_file_decides_until_an_update(tmp_path: Path) -> None:
    first, asked = resolver(tmp_path, "1.27.3")
    pins = first.resolve(["stable", "1.26.1"])
    assert (pins, asked) == ({"stable": "1.27.3"}, [1])
    first.record(pins, first.archives(pins.values(), arch="amd64"), arch="amd64")
    second, asked = resolver(tmp_path, "1.27.4")
    assert second.resolve(["stable"]) == {"stable": "1.27.3"}
    assert second.archives(["1.27.3"], arch="amd64") == {"1.27.3": archive("1.27.3")}
    assert (asked, second.newest()) == ([], None)
    third, asked = resolver(tmp_path, "1.27.4", update=True)
    assert third.resolve(["stable"]) == {"stable": "1.27.4"}
    assert (asked, third.newest()) == ([1], 27)


def test_another_architecture_is_verified_by_its_own_hash(tmp_path: Path) -> None:
    first, _asked = resolver(tmp_path, "1.27.3")
    first.record({}, first.archives(["1.27.3"], arch="amd64"), arch="amd64")
    second, asked = resolver(tmp_path, "1.27.3")
    assert second.archives(["1.27.3"], arch="arm64") == {"1.27.3": archive("1.27.3", "arm64")}
    assert asked == [1]
    with pytest.raises(HostError, match="found archives for amd64, arm64"):
        second.archives(["1.27.3"], arch="vax")


def test_when_the_resolver_overrides_records(tmp_path: Path) -> None:
    answers: list[t.Any] = [
        resolver(tmp_path, lock=lock, update=update)[0].overrides_records
        for lock, update in ((False, False), (True, False), (False, True))
    ]
    assert answers == [False, True, True]
