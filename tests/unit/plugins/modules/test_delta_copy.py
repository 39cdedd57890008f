# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's half, with deltas made as the controller's half makes them."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import (
    Manifest,
    manifest_from_wire,
    read_manifest,
)
from ansible_collections.gofleet.hosts.plugins.modules import delta_copy
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.cache import DeltaCache
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.make import Delta, make_delta


class Host:
    """A place on the host, a source, and the module run for both."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self.src = path / "src"
        self.dest = path / "host" / "dest"
        self.dest.parent.mkdir()
        self.capsys = capsys

    def run(self, **options: t.Any) -> dict[str, t.Any]:
        manifest = read_manifest(str(self.src))
        arguments = {
            "src": str(self.src),
            "dest": str(self.dest),
            "content": {"root": manifest.root, "is_tree": manifest.is_tree},
            **options,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            delta_copy.main()
        result: dict[str, t.Any] = json.loads(self.capsys.readouterr().out)
        return result

    def delta(self, old: Manifest | None = None) -> Delta:
        return make_delta(
            str(self.src),
            manifest=read_manifest(str(self.src)),
            old=old,
            old_path=None,
            cache=DeltaCache(str(self.path / "cache")),
        )

    def take(
        self, delta: Delta, *, start: int = 0, end: int | None = None, **options: t.Any
    ) -> dict[str, t.Any]:
        data = Path(delta.path).read_bytes()[start:end]
        (self.path / "piece").write_bytes(data)
        piece = {
            "path": str(self.path / "piece"),
            "offset": start,
            "length": len(data),
            "size": delta.size,
            "sha256": delta.sha256,
            "old": delta.old,
        }
        return self.run(delta=piece, **options)

    def ship(self, **options: t.Any) -> dict[str, t.Any]:
        have = self.run(**options)["have"]
        old = manifest_from_wire(have["manifest"]) if "manifest" in have else None
        return self.take(self.delta(old), **options)

    def names(self) -> list[str]:
        return sorted(os.listdir(self.dest.parent))


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Host:
    return Host(tmp_path, capsys)


def make_tree(path: Path, content: bytes) -> None:
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "run").write_bytes(content)
    (path / "bin" / "run").chmod(0o755)
    (path / "same").write_bytes(b"same")
    (path / "link").symlink_to("bin/run")


def make_file(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)


MAKERS = pytest.mark.parametrize("make", [make_file, make_tree], ids=["file", "tree"])


@MAKERS
def test_first_changed_and_unchanged(host: Host, make: t.Callable[[Path, bytes], None]) -> None:
    make(host.src, b"one")
    first = host.ship()
    assert (first["changed"], "have" in first) == (True, False)
    assert read_manifest(str(host.dest)).root == first["root"] == read_manifest(str(host.src)).root
    again = host.run()
    assert (again["changed"], again["diff"], "have" in again) == (False, [], False)
    host.src = host.path / "newer"
    make(host.src, b"two")
    told = host.run()
    assert told["changed"]
    assert told["have"]["root"] == first["root"]
    assert manifest_from_wire(told["have"]["manifest"]).root == first["root"]
    second = host.ship()
    assert second["bytes_reused"] == (4 if make is make_tree else 0)
    assert read_manifest(str(host.dest)).root == second["root"] == told["root"]
    assert host.names() == ["dest"]


def test_what_the_controller_knows_is_not_told(host: Host) -> None:
    make_file(host.src, b"one")
    root = host.ship()["root"]
    make_file(host.src, b"two")
    assert "manifest" not in host.run(known=["0", root])["have"]


@MAKERS
def test_attributes_alone(host: Host, make: t.Callable[[Path, bytes], None]) -> None:
    make(host.src, b"one")
    host.ship()
    options = {"mode": "0600", "directory_mode": "0700"}
    predicted = host.run(_ansible_check_mode=True, **options)
    changed = host.run(**options)
    assert (predicted["changed"], changed["changed"]) == (True, True)
    assert predicted["diff"] == changed["diff"]
    name = "." if make is make_file else "same"
    assert changed["diff"][0]["before"]["attributes"][name] == {"mode": "0644"}
    assert changed["diff"][0]["after"]["attributes"][name] == {"mode": "0600"}
    assert (host.dest if make is make_file else host.dest / "same").stat().st_mode & 0o777 == 0o600
    assert not host.run(**options)["changed"]
    assert host.names() == ["dest"]


@MAKERS
def test_attributes_of_a_new_content(host: Host, make: t.Callable[[Path, bytes], None]) -> None:
    make(host.src, b"one")
    host.ship(mode="0640", directory_mode="0750")
    assert not host.run(mode="0640", directory_mode="0750")["changed"]
    host.src = host.path / "newer"
    make(host.src, b"two")
    host.ship()
    if make is make_file:
        assert host.dest.stat().st_mode & 0o777 == 0o640
    else:
        modes = [(host.dest / name).stat().st_mode & 0o777 for name in (".", "bin", "bin/run", "same")]
        assert modes == [0o750, 0o755, 0o755, 0o644]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owners_are_kept(host: Host) -> None:
    make_tree(host.src, b"one")
    host.ship(owner="4711", group="4712")
    host.src = host.path / "newer"
    make_tree(host.src, b"two")
    host.ship()
    found = {(it.lstat().st_uid, it.lstat().st_gid) for it in [host.dest, *host.dest.rglob("*")]}
    assert found == {(4711, 4712)}


def test_pieces(host: Host) -> None:
    make_file(host.src, os.urandom(3000))
    delta = host.delta()
    first = host.take(delta, end=1000)
    assert first["have"] == {"root": None, "received": {delta.sha256: 1000}}
    assert not host.dest.exists()
    assert host.run()["have"]["received"] == {delta.sha256: 1000}
    wrong = host.take(delta, start=900, end=2000)
    assert "wanted the piece from byte 1000 on; found the piece from byte 900 on" in wrong["msg"]
    host.take(delta, start=1000, end=2000)
    done = host.take(delta, start=2000)
    assert (done["changed"], "have" in done) == (True, False)
    assert host.dest.read_bytes() == host.src.read_bytes()
    assert host.names() == ["dest"]


def test_a_delta_that_no_longer_fits(host: Host) -> None:
    make_file(host.src, b"one")
    host.ship()
    make_file(host.src, b"two")
    delta = host.delta(read_manifest(str(host.dest)))
    host.dest.write_bytes(b"changed")
    refused = host.take(delta)
    assert "which the delta starts from; found the root" in refused["refused"]["msg"]
    assert refused["have"]["root"] == read_manifest(str(host.dest)).root
    assert (host.dest.read_bytes(), host.names()) == (b"changed", ["dest"])


def test_another_run_was_quicker(host: Host) -> None:
    make_file(host.src, b"one")
    host.ship()
    make_file(host.src, b"two")
    delta = host.delta(read_manifest(str(host.dest)))
    host.take(delta)
    late = host.take(delta)
    assert "have" not in late and "failed" not in late
    assert host.dest.read_bytes() == b"two"


def test_a_delta_to_something_else(host: Host) -> None:
    make_file(host.src, b"one")
    delta = host.delta()
    make_file(host.src, b"two")
    refused = host.take(delta)
    assert "wanted content with the root" in refused["refused"]["msg"]
    assert host.names() == []


def test_what_a_killed_run_left_goes(host: Host) -> None:
    make_file(host.src, b"one")
    host.ship()
    room = host.dest.parent / ".dest.gofleet"
    (room / "new" / "dest").mkdir(parents=True)
    room.chmod(0o700)
    assert host.run(_ansible_check_mode=True)["changed"]
    found = host.run()
    assert found["diff"][0]["before"]["left"] == [str(room)]
    assert (host.names(), host.run()["changed"]) == (["dest"], False)


def test_validate(host: Host) -> None:
    make_file(host.src, b"one")
    assert host.ship(validate="grep -q one %s")["changed"]
    make_file(host.src, b"two")
    refused = host.ship(validate="grep 'o n e' %s/nothing")
    assert refused["failed"]
    assert refused["error"]["found"].startswith("exit code 2: ")
    assert "/.dest.gofleet/new/dest/nothing" in refused["error"]["found"]
    assert (host.dest.read_bytes(), host.names()) == (b"one", ["dest"])
    for command, match in (("true", "found 'true'"), ("grep ' %s", "No closing quotation")):
        assert match in host.run(validate=command)["msg"]


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (make_file, {"owner": "nobody-by-this-name"}, "owner: wanted a name known on this host"),
        (make_file, {"mode": "rw"}, "mode: wanted an octal number"),
        (make_file, {"dest": "relative"}, "an absolute path"),
        (make_file, {"dest": "/no/such/place"}, "wanted a directory to put it in"),
        (make_file, {"dest": "/tmp"}, "wanted a file; found a directory"),
        (make_file, {"dest": "/dev/null"}, "found a device, a pipe or a socket"),
        (make_file, {"dest": "/proc/self/exe"}, "wanted a file; found a link"),
        (make_tree, {"dest": "/etc/passwd"}, "wanted a directory; found a file"),
        (make_tree, {"dest": "/proc"}, "no file system mounted on it"),
    ],
)
def test_refused_before_a_byte_is_sent(
    host: Host, make: t.Callable[[Path, bytes], None], options: dict[str, t.Any], message: str
) -> None:
    make(host.src, b"one")
    refused = host.run(**options)
    assert refused["failed"]
    assert message in refused["msg"]
    assert refused["error"]["remedy"].endswith(".")


@pytest.mark.parametrize("name", ["link", "broken"])
def test_a_link_in_the_place_is_not_followed(host: Host, name: str) -> None:
    make_file(host.src, b"one")
    victim = host.path / "victim"
    if name == "link":
        victim.write_bytes(b"one")
    host.dest.symlink_to(victim)
    assert "wanted a file; found a link" in host.run(mode="0600")["msg"]
    assert "wanted a file; found a link" in host.take(host.delta())["msg"]
    assert host.dest.is_symlink()


def test_a_full_disk_is_told(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    make_file(host.src, b"one")
    host.ship()
    make_file(host.src, b"two")

    def full(path: str) -> None:
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(delta_copy.plan_copy.__globals__["Target"], "commit", lambda self, new: full(new))
    refused = host.ship()
    assert "wanted free disk space and permission to write it; found [Errno 28]" in refused["msg"]
    assert (host.dest.read_bytes(), host.names()) == (b"one", ["dest"])
