# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong on the way to a Go toolchain. Whatever happens, the Go that was there still runs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import typing as t
from pathlib import Path

import pytest

from ..unit.plugins.module_utils.signing_key import Key, needs_gpg, throw_away_key
from .conftest import (
    ARCH,
    INDEX,
    Answer,
    Host,
    Mirror,
    archive_of,
    entry,
    go_archive,
    run_as_root,
    small_file_system,
)

WHOLE = {".lock", "1.24.2", "current"}


def still_there(host: Host) -> None:
    """1.24.2 runs, and the failed run left nothing behind."""
    assert host.go_version() == "go1.24.2"
    assert host.names() == WHOLE


def test_first_run_then_nothing_to_do(host: Host, mirror: Mirror) -> None:
    path = mirror.add("1.24.2")
    predicted = host.run("1.24.2", check=True)
    assert predicted["changed"]
    assert not host.root.exists()
    assert not host.bin_dir.exists()
    assert mirror.downloads() == []
    first = host.run("1.24.2")
    assert first["diff"] == predicted["diff"]
    assert (first["active"], first["installed"]) == ("1.24.2", ["1.24.2"])
    assert first["bytes_downloaded"] == len(mirror.answers[path].body)
    mirror.requests.clear()
    second = host.run("go1.24.2")
    assert not second["changed"]
    assert second["diff"] == []
    assert mirror.requests == []
    still_there(host)


def test_no_network_with_everything_present(ready: Host, mirror: Mirror) -> None:
    mirror.stop()
    assert not ready.run("1.24.2")["changed"]
    still_there(ready)


def test_no_network_with_something_missing(ready: Host, mirror: Mirror) -> None:
    mirror.stop()
    assert "refused" in ready.fail("1.24.1")
    still_there(ready)


def test_wrong_checksum(ready: Host, mirror: Mirror) -> None:
    mirror.add("1.24.1", sha256="0" * 64)
    message = ready.fail("1.24.1")
    assert f"wanted SHA-256 {'0' * 64}" in message
    assert "found SHA-256 " in message
    still_there(ready)


def test_truncated_download(ready: Host, mirror: Mirror) -> None:
    path = mirror.add("1.24.1")
    body = mirror.answers[path].body
    mirror.answers[path] = Answer(body, cut_after=20_000)
    message = ready.fail("1.24.1")
    assert f"wanted {len(body)} bytes" in message
    assert "found 20000 bytes (truncated)" in message
    still_there(ready)


@pytest.mark.parametrize("ranges", [True, False], ids=["by range", "from the start"])
@pytest.mark.parametrize("fault", ["cut_after", "stall_after"])
def test_a_cut_line_is_taken_up_again(ready: Host, mirror: Mirror, fault: str, ranges: bool) -> None:
    path = mirror.add("1.24.1")
    body = mirror.answers[path].body
    mirror.answers[path] = Answer(body, once=True, ranges=ranges)._replace(**{fault: 20_000})
    result = ready.run("1.24.1", timeout=1)
    assert result["bytes_downloaded"] == len(body)
    assert ready.go_version() == "go1.24.1"
    assert mirror.downloads() == [path, path]
    assert mirror.wishes[-2:] == [None, "bytes=20000-"]


def test_another_file_behind_the_cut(ready: Host, mirror: Mirror) -> None:
    path = mirror.add("1.24.1")
    body = mirror.answers[path].body
    changed = body[:20_000] + bytes(len(body) - 20_000)
    mirror.answers[path] = Answer(changed, cut_after=20_000, once=True, ranges=True)
    assert "wanted SHA-256 " in ready.fail("1.24.1")
    still_there(ready)


def test_download_longer_than_announced_in_the_index(ready: Host, mirror: Mirror) -> None:
    path = mirror.add("1.24.1")
    body = mirror.answers[path].body
    mirror.answers[path] = Answer(body + b"x" * 1000)
    assert f"wanted at most {len(body)} bytes" in ready.fail("1.24.1")
    still_there(ready)


def test_server_stalls(ready: Host, mirror: Mirror) -> None:
    path = mirror.add("1.24.1")
    mirror.answers[path] = mirror.answers[path]._replace(stall_after=20_000)
    message = ready.fail("1.24.1", timeout=1)
    assert "timed out after 20000 bytes" in message
    still_there(ready)


def test_archive_of_another_version(ready: Host, mirror: Mirror) -> None:
    mirror.add("1.24.1", go_archive("1.23.9"))
    message = ready.fail("1.24.1")
    assert "found 1.23.9 in VERSION" in message
    still_there(ready)


def test_archive_that_is_none(ready: Host, mirror: Mirror) -> None:
    mirror.add("1.24.1", b"<html>sign in first</html>" * 10)
    assert "wanted a tar.gz archive" in ready.fail("1.24.1")
    still_there(ready)


def test_archive_missing_from_the_mirror(ready: Host, mirror: Mirror) -> None:
    mirror.answers.pop(mirror.add("1.24.1"))
    assert "HTTP status 404" in ready.fail("1.24.1")
    still_there(ready)


def without_bin(tree: Path) -> None:
    shutil.rmtree(tree / "bin")


def without_marker(tree: Path) -> None:
    (tree / ".gofleet.json").unlink()


def without_marker_and_bin(tree: Path) -> None:
    without_bin(tree)
    without_marker(tree)


def overlaid_by_another_version(tree: Path) -> None:
    (tree / "VERSION").write_text("go1.24.1\n", encoding="utf-8")


DAMAGES = [without_bin, without_marker, without_marker_and_bin, overlaid_by_another_version]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damaged_tree_is_replaced(ready: Host, mirror: Mirror, damage: t.Callable[[Path], None]) -> None:
    damage(ready.root / "1.24.2")
    result = ready.run("1.24.2")
    assert result["changed"]
    assert result["bytes_downloaded"] > 0
    still_there(ready)
    assert not ready.run("1.24.2")["changed"]


def test_half_extracted_tree_of_another_hand(ready: Host) -> None:
    tree = ready.root / "1.24.1"
    (tree / "src").mkdir(parents=True)
    (tree / "VERSION").write_text("go1.24.1\n", encoding="utf-8")
    ready.run("1.24.1")
    assert ready.go_version() == "go1.24.1"
    assert (tree / "bin" / "go").exists()
    assert not any(name.startswith((".staging", ".removed")) for name in ready.names())


def test_killed_half_way_and_run_again(ready: Host, mirror: Mirror) -> None:
    path = mirror.add("1.24.1")
    whole = mirror.answers[path]
    mirror.answers[path] = whole._replace(stall_after=20_000)
    process = ready.start("1.24.1", timeout=60)
    assert mirror.stalled.wait(20)
    deadline = time.monotonic() + 10
    while (
        not any(name.startswith(".staging-1.24.1-") for name in ready.names()) and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    assert any(name.startswith(".staging-1.24.1-") for name in ready.names())
    assert ready.go_version() == "go1.24.2"
    mirror.answers[path] = whole
    ready.run("1.24.1")
    assert ready.go_version() == "go1.24.1"
    assert ready.names() == WHOLE | {"1.24.1", "previous"}


def test_series_that_has_patches_and_previews(ready: Host, mirror: Mirror) -> None:
    mirror.add("1.24.11")
    mirror.add("1.24rc1")
    result = ready.run("1.24")
    assert (result["active"], result["pins"]) == ("1.24.11", {"1.24": "1.24.11"})
    mirror.add("1.24.12")
    mirror.requests.clear()
    assert not ready.run("1.24")["changed"]
    assert mirror.requests == []
    assert ready.run("1.24", update=True)["active"] == "1.24.12"


def test_series_without_a_release(ready: Host, mirror: Mirror) -> None:
    mirror.add("1.25rc1")
    assert "found only 1.25rc1" in ready.fail("1.25")
    still_there(ready)


def test_unknown_version(ready: Host) -> None:
    assert "2 releases from 1.24.1 to 1.24.2" in ready.fail("1.99.0")
    still_there(ready)


@pytest.mark.parametrize("name", ["latest", "1", "go.mod", "../../etc", "1.24.2/..", "", "1.24.2 "])
def test_what_is_no_version(ready: Host, name: str) -> None:
    assert "wanted a full version like 1.27.3" in ready.fail(name)
    still_there(ready)


def test_downgrade_and_back_are_switches(ready: Host, mirror: Mirror) -> None:
    ready.run("1.24.1")
    assert ready.go_version() == "go1.24.1"
    mirror.stop()
    ready.run("1.24.2", "1.24.1")
    assert ready.go_version() == "go1.24.2"
    ready.run("1.24.2", "1.24.1", active="1.24.1")
    assert ready.go_version() == "go1.24.1"


def test_roll_back_needs_no_network_and_happens_once(ready: Host, mirror: Mirror) -> None:
    ready.run("1.24.1")
    mirror.stop()
    predicted = ready.run(state="rolled_back", check=True)
    first = ready.run(state="rolled_back")
    assert predicted["diff"] == first["diff"]
    assert first["changed"]
    assert not ready.run(state="rolled_back")["changed"]
    assert ready.go_version() == "go1.24.2"


def test_roll_back_with_nothing_to_go_back_to(ready: Host) -> None:
    assert "found only 1.24.2" in ready.fail(state="rolled_back")
    still_there(ready)


def test_two_runs_at_once_download_once(host: Host, mirror: Mirror) -> None:
    path = mirror.add("1.24.2", go_archive("1.24.2", ballast=4_000_000))
    results = [host.finish(process) for process in [host.start("1.24.2"), host.start("1.24.2")]]
    assert not any(result.get("failed") for result in results), results
    assert mirror.downloads() == [path]
    still_there(host)


ESCAPES = {
    "parent": ([entry("go/../../escaped")], "leads out of the archive"),
    "absolute": ([entry("/tmp/gofleet-escaped")], "leads out of the archive"),
    "outside of go": ([entry("escaped")], "a path outside go/"),
    "link up": ([entry("go/link", kind=tarfile.SYMTYPE, link="../../..")], "can lead out of the archive"),
    "absolute link": (
        [entry("go/link", kind=tarfile.SYMTYPE, link="/etc/passwd")],
        "can lead out of the archive",
    ),
    "through a link": (
        [entry("go/link", kind=tarfile.SYMTYPE, link="src"), entry("go/link/escaped")],
        "a path through a link",
    ),
    "links in a chain": (
        [
            entry("go/a", kind=tarfile.SYMTYPE, link="src"),
            entry("go/b", kind=tarfile.SYMTYPE, link="a/../.."),
        ],
        "can lead out of the archive",
    ),
    "hard link": ([entry("go/link", kind=tarfile.LNKTYPE, link="/etc/shadow")], "a hard link"),
    "device": ([entry("go/null", kind=tarfile.CHRTYPE)], "a device"),
    "pipe": ([entry("go/pipe", kind=tarfile.FIFOTYPE)], "a pipe"),
    "setuid": ([entry("go/bin/su", mode=0o4755)], "setuid"),
    "twice": ([entry("go/bin/go", mode=0o755)], "the same path twice"),
}


@pytest.mark.parametrize("name", ESCAPES)
def test_archive_that_reaches_outside(ready: Host, mirror: Mirror, tmp_path: Path, name: str) -> None:
    members, found = ESCAPES[name]
    mirror.add("1.24.1", go_archive("1.24.1", extra=[(member, b"") for member in members]))
    assert found in ready.fail("1.24.1")
    still_there(ready)
    assert not list(tmp_path.rglob("escaped"))
    assert not os.path.exists("/tmp/gofleet-escaped")


def test_link_inside_the_archive_is_kept(ready: Host, mirror: Mirror) -> None:
    link = entry("go/pkg/tool/src", kind=tarfile.SYMTYPE, link="../../src")
    mirror.add("1.24.1", go_archive("1.24.1", extra=[(link, b"")]))
    ready.run("1.24.1")
    assert (ready.root / "1.24.1" / "pkg" / "tool" / "src" / "ballast").stat().st_size == 40_000


def test_archive_that_swells(ready: Host, mirror: Mirror) -> None:
    swollen = archive_of([(entry("go/zeros"), bytes(20_000_000))])
    mirror.add("1.24.1", swollen)
    assert "more data than" in ready.fail("1.24.1")
    still_there(ready)


def test_link_planted_in_the_store_is_not_followed(ready: Host, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(ready.root / "1.24.2", outside)
    (ready.root / "1.24.1").symlink_to(outside)
    ready.run("1.24.1")
    assert ready.go_version() == "go1.24.1"
    assert not (ready.root / "1.24.1").is_symlink()
    assert (outside / "VERSION").read_text(encoding="utf-8").startswith("go1.24.2")


def test_wrong_arch(ready: Host, mirror: Mirror) -> None:
    mirror.add("1.24.1", arch="sparc64")
    message = ready.fail("1.24.1")
    assert f"Go 1.24.1 for linux/{ARCH}" in message
    assert "archives for sparc64" in message
    still_there(ready)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (Answer(b"", 500), "HTTP status 500"),
        (Answer(b"", 404), "HTTP status 404"),
        (Answer(b"<html>Go downloads</html>"), "not JSON"),
        (Answer(b'{"version": "go1.24.1"}'), "JSON, but a dict"),
        (Answer(b"[]"), "without any Go release"),
        (Answer(b'[{"version": "go1.24.1", "files"'), "not JSON"),
        (Answer(b"[" + b" " * 1000, cut_after=10), "not JSON"),
        (Answer(b"[" + b" " * 1000, stall_after=10), "timed out"),
    ],
)
def test_index_that_is_none(ready: Host, mirror: Mirror, answer: Answer, found: str) -> None:
    mirror.answers[INDEX] = answer
    message = ready.fail("1.24.1", timeout=1)
    assert found in message
    assert "wanted the list of Go releases" in message
    still_there(ready)


def test_mirror_of_plain_files(ready: Host, mirror: Mirror) -> None:
    mirror.answers["/index.json"] = mirror.answers.pop(INDEX)
    mirror.answers[INDEX] = Answer(b"<html>Index of /</html>")
    ready.run("1.24.1")
    assert ready.go_version() == "go1.24.1"


def test_mirror_in_a_directory(ready: Host, mirror: Mirror, tmp_path: Path) -> None:
    files = tmp_path / "mirror"
    files.mkdir()
    path = mirror.add("1.24.1")
    (files / "index.json").write_bytes(mirror.index())
    (files / path[1:]).write_bytes(mirror.answers[path].body)
    mirror.stop()
    ready.run("1.24.1", mirror=f"file://{files}")
    assert ready.go_version() == "go1.24.1"


def test_stable_stays_what_it_was_when_the_index_is_away(ready: Host, mirror: Mirror) -> None:
    mirror.add("1.24.1")
    mirror.add("1.25rc1")
    assert ready.run("stable")["active"] == "1.24.2"
    mirror.add("1.24.3")
    assert ready.run("stable")["active"] == "1.24.2"
    assert ready.run("stable", update=True)["active"] == "1.24.3"
    mirror.stop()
    assert not ready.run("stable")["changed"]
    result = ready.run("stable", update=True)
    assert not result["changed"]
    assert "stable stays 1.24.3" in str(result["warnings"])
    assert ready.go_version() == "go1.24.3"


def test_stable_without_index_or_record(ready: Host, mirror: Mirror) -> None:
    mirror.stop()
    assert "wanted the list of Go releases" in ready.fail("stable")
    still_there(ready)


def foreign_file(path: Path) -> None:
    path.write_text("#!/bin/sh\necho go version mine\n", encoding="utf-8")
    path.chmod(0o755)


def foreign_link(path: Path) -> None:
    path.symlink_to("/usr/bin/env")


def dangling_link(path: Path) -> None:
    path.symlink_to("/nowhere/go")


def directory(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [foreign_file, foreign_link, dangling_link, directory])
@pytest.mark.parametrize("check", [False, True])
def test_somebody_elses_go_in_bin_dir(
    host: Host, mirror: Mirror, make: t.Callable[[Path], None], check: bool
) -> None:
    mirror.add("1.24.2")
    host.bin_dir.mkdir()
    make(host.bin_dir / "go")
    before = os.lstat(host.bin_dir / "go")
    message = host.fail("1.24.2", check=check)
    assert "Left unchanged, because this module did not make it" in message
    assert os.lstat(host.bin_dir / "go").st_ino == before.st_ino
    assert not host.root.exists()
    assert mirror.downloads() == []


def test_link_of_ours_that_is_old_is_replaced(ready: Host) -> None:
    (ready.bin_dir / "go").unlink()
    (ready.bin_dir / "go").symlink_to(ready.root / "1.24.2" / "bin" / "go")
    assert ready.run("1.24.2")["changed"]
    assert os.readlink(ready.bin_dir / "go") == str(ready.root / "current" / "bin" / "go")
    still_there(ready)


def test_absent_takes_only_what_is_ours(ready: Host) -> None:
    ready.run("1.24.1")
    (ready.root / "notes").write_text("", encoding="utf-8")
    (ready.bin_dir / "gofmt").unlink()
    foreign_file(ready.bin_dir / "gofmt")
    assert ready.run(state="absent", check=True)["changed"]
    assert ready.go_version() == "go1.24.1"
    assert ready.run(state="absent")["installed"] == []
    assert ready.names() == {"notes"}
    assert os.listdir(ready.bin_dir) == ["gofmt"]
    assert not ready.run(state="absent")["changed"]


def test_keep_prunes_the_oldest(ready: Host, mirror: Mirror) -> None:
    mirror.add("1.24.3")
    mirror.add("1.24.4")
    ready.run("1.24.1")
    ready.run("1.24.3")
    predicted = ready.run("1.24.4", keep=3, check=True)
    result = ready.run("1.24.4", keep=3)
    assert result["diff"] == predicted["diff"]
    assert result["installed"] == ["1.24.1", "1.24.3", "1.24.4"]
    assert ready.run("1.24.4", keep=1)["installed"] == ["1.24.3", "1.24.4"]
    assert not ready.run("1.24.4", keep=1)["changed"]


def test_one_of_two_versions_fails_and_neither_is_installed(ready: Host, mirror: Mirror) -> None:
    mirror.add("1.24.3")
    mirror.add("1.24.1", sha256="0" * 64)
    ready.fail("1.24.3", "1.24.1")
    still_there(ready)


@pytest.fixture
def small(tmp_path: Path) -> t.Iterator[Path]:
    """A file system of one million bytes."""
    path = tmp_path / "lib" / "go"
    path.mkdir(parents=True)
    with small_file_system(path, "size=1000k"):
        yield path


def test_disk_too_small_is_seen_before_the_download(small: Path, ready: Host, mirror: Mirror) -> None:
    mirror.add("1.24.1", go_archive("1.24.1", ballast=400_000))
    message = ready.fail("1.24.1", check=True)
    assert "bytes free for go1.24.1" in message
    assert mirror.downloads() == []
    still_there(ready)


def test_disk_that_fills_up(small: Path, ready: Host, mirror: Mirror) -> None:
    zeros = (entry("go/src/zeros"), bytes(1_500_000))
    mirror.add("1.24.1", go_archive("1.24.1", ballast=100_000, extra=[zeros]))
    message = ready.fail("1.24.1")
    assert "bytes free, or no inodes or quota left" in message
    assert mirror.downloads() != []
    still_there(ready)


def test_disk_without_inodes(tmp_path: Path, mirror: Mirror, small: Path) -> None:
    assert run_as_root("mount", "-o", "remount,nr_inodes=20", small).returncode == 0
    host = Host(tmp_path, mirror)
    mirror.add("1.24.2")
    host.run("1.24.2")
    many = [(entry(f"go/src/{number}"), b"") for number in range(30)]
    mirror.add("1.24.1", go_archive("1.24.1", extra=many))
    assert "no inodes or quota left" in host.fail("1.24.1")
    still_there(host)


@pytest.fixture
def key() -> t.Iterator[Key]:
    yield from throw_away_key()


@needs_gpg
def test_signatures(ready: Host, mirror: Mirror, key: Key, tmp_path: Path) -> None:
    path = mirror.add("1.24.1")
    body = mirror.answers[path].body
    signature = key.options(tmp_path)
    assert "HTTP status 404" in ready.fail("1.24.1", signature=signature)
    mirror.answers[f"{path}.asc"] = Answer(key.sign(body[:-1]))
    assert "found a signature of another file" in ready.fail("1.24.1", signature=signature)
    mirror.answers[f"{path}.asc"] = Answer(key.sign(body))
    other = {**signature, "fingerprint": "A" * 40}
    assert f"found a signature by the key {key.fingerprint}" in ready.fail("1.24.1", signature=other)
    still_there(ready)
    ready.run("1.24.1", signature=signature)
    assert ready.go_version() == "go1.24.1"


def by_hand(ready: Host, tmp_path: Path, version: str) -> Path:
    """What `tar -C /usr/local -xzf` makes."""
    (tmp_path / "local").mkdir()
    subprocess.run(["tar", "-C", tmp_path / "local", "-xzf", "-"], input=go_archive(version), check=True)
    return tmp_path / "local" / "go"


def test_a_go_by_hand_is_taken_over_and_can_be_gone_back_to(
    host: Host, mirror: Mirror, tmp_path: Path
) -> None:
    for version in ("1.24.1", "1.24.2"):
        mirror.add(version)
    hand = by_hand(host, tmp_path, "1.24.1")
    host.bin_dir.mkdir()
    (host.bin_dir / "go").symlink_to(hand / "bin" / "go")
    assert "`adopt` takes both over" in host.fail("1.24.2")
    assert not hand.is_symlink()
    predicted = host.run("1.24.2", adopt=str(hand), check=True)
    first = host.run("1.24.2", adopt=str(hand))
    assert predicted["diff"] == first["diff"]
    assert (os.readlink(hand), host.go_version()) == (str(host.root / "current"), "go1.24.2")
    assert not host.run("1.24.2", adopt=str(hand))["changed"]
    mirror.stop()
    host.run(state="rolled_back")
    assert host.go_version() == "go1.24.1"
    assert (hand / "VERSION").read_text(encoding="utf-8").startswith("go1.24.1")
    host.run(state="absent")
    assert (os.path.lexists(hand), host.root.exists()) == (False, False)


def test_a_go_by_hand_that_was_changed_stays(ready: Host, tmp_path: Path) -> None:
    hand = by_hand(ready, tmp_path, "1.24.1")
    (hand / "src" / "mine").write_text("kept", encoding="utf-8")
    assert "a tree that differs from it: src/mine" in ready.fail("1.24.2", adopt=str(hand))
    assert (hand / "src" / "mine").read_text(encoding="utf-8") == "kept"
    still_there(ready)


def test_nothing_secret_is_shown(ready: Host, mirror: Mirror) -> None:
    address = mirror.url.replace("http://", "http://user:hidden-word@")
    options = {"mirror": address, "headers": {"X-Token": "other-word"}}
    for versions in (["1.24.1"], ["1.99.0"]):
        shown = json.dumps(ready.finish(ready.start(*versions, **options)))
        assert "hidden-word" not in shown
        assert "other-word" not in shown


def _lab_mirror() -> str:
    """The lab's mirror of real Go releases, which it makes where there is none yet."""
    done = subprocess.run([sys.executable, "-m", "lab", "mirror"], capture_output=True, text=True, check=True)
    place = done.stdout.split()[-1]
    return place if "://" in place else f"file://{place}"


def test_real_go(tmp_path: Path, mirror: Mirror) -> None:
    """A Go of 200 MB from a mirror that has one, used to build."""
    url = os.environ.get("GOFLEET_GO_MIRROR") or _lab_mirror()
    host = Host(tmp_path, mirror)
    installed = host.run("stable", mirror=url, timeout=60)
    assert host.go_version() == f"go{installed['active']}"
    assert not host.run(installed["active"], mirror="http://127.0.0.1:9")["changed"]
    program = tmp_path / "hello.go"
    program.write_text('package main\n\nfunc main() { println("hello") }\n', encoding="utf-8")
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    ran = subprocess.run(
        [host.bin_dir / "go", "run", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert ran.stderr == "hello\n"


def test_hash_in_the_marker_is_that_of_the_archive(ready: Host, mirror: Mirror) -> None:
    body = mirror.answers[f"/go1.24.2.linux-{ARCH}.tar.gz"].body
    marker = (ready.root / "1.24.2" / ".gofleet.json").read_text(encoding="utf-8")
    assert hashlib.sha256(body).hexdigest() in marker
