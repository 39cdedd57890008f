# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning on a directory, with a mirror in another. Failures during a run are tested in tests/faults."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import tarfile
import typing as t
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._converge import Plan
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain import install
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.index import Archive
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.install import (
    check_space,
    is_complete,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.plan import plan_toolchain
from ansible_collections.gofleet.hosts.plugins.module_utils._release.store import Store
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed

PATH = "/usr/local/bin:/usr/bin"
VERSIONS = ["1.26.6", "1.27.3", "1.28rc1"]


def go_archive(version: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, mode in (("VERSION", 0o644), ("bin/go", 0o755)):
            text = f"go{version}\n".encode()
            info = tarfile.TarInfo(f"go/{name}")
            info.size, info.mode = len(text), mode
            archive.addfile(info, io.BytesIO(text))
    return buffer.getvalue()


@pytest.fixture
def params(tmp_path: Path) -> dict[str, t.Any]:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    entries = []
    for version in VERSIONS:
        body = go_archive(version)
        name = f"go{version}.linux-amd64.tar.gz"
        (mirror / name).write_bytes(body)
        file = {"filename": name, "os": "linux", "arch": "amd64", "kind": "archive", "size": len(body)}
        file["sha256"] = hashlib.sha256(body).hexdigest()
        entries.append({"version": f"go{version}", "stable": "rc" not in version, "files": [file]})
    (mirror / "index.json").write_text(json.dumps(entries), encoding="utf-8")
    return {
        "versions": ["1.27.3"],
        "active": None,
        "update": False,
        "adopt": None,
        "headers": None,
        "ca_path": None,
        "signature": None,
        "offer": None,
        "root": str(tmp_path / "go"),
        "bin_dir": str(tmp_path / "bin"),
        "mirror": f"file://{mirror}/",
        "keep": None,
        "timeout": 5,
        "state": "present",
    }


def shell(argv: list[str], *, stdin: str | None = None, env: t.Mapping[str, str] | None = None) -> Completed:
    return Completed(0, f"hello\n\ngofleet-path\n{PATH}\n", "")


def plan(params: dict[str, t.Any], **options: t.Any) -> Plan:
    return plan_toolchain(dict(params, **options), machine="x86_64", run=shell)


def applied(params: dict[str, t.Any], **options: t.Any) -> Plan:
    """Apply a plan, and see that the host then is what the plan said."""
    planned = plan(params, **options)
    assert planned.apply is not None
    planned.apply()
    again = plan(params, **options)
    assert again.before == planned.after
    assert again.before == again.after
    return planned


def test_a_first_run(params: dict[str, t.Any], tmp_path: Path) -> None:
    planned = applied(params, versions=["go1.27.3", "1.26.6"])
    assert planned.before == {
        "versions": [],
        "current": None,
        "previous": None,
        "links": {str(tmp_path / "bin/go"): None, str(tmp_path / "bin/gofmt"): None},
        "pins": {},
        "adopted": [],
    }
    assert planned.after["versions"] == ["1.26.6", "1.27.3"]
    assert planned.after["current"] == "1.27.3"
    returned = {name: planned.result[name] for name in ("active", "installed", "pins", "bytes_downloaded")}
    assert returned == {
        "active": "1.27.3",
        "installed": ["1.26.6", "1.27.3"],
        "pins": {},
        "bytes_downloaded": 0,
    }


def test_planning_changes_nothing(params: dict[str, t.Any], tmp_path: Path) -> None:
    plan(params)
    assert os.listdir(tmp_path) == ["mirror"]


def test_active_may_be_any_of_the_versions(params: dict[str, t.Any]) -> None:
    assert applied(params, versions=["1.27.3", "1.26.6"], active="go1.26.6").after["current"] == "1.26.6"


def test_active_must_be_one_of_the_versions(params: dict[str, t.Any]) -> None:
    with pytest.raises(HostError, match=r"active: wanted one of the versions: 1\.27\.3"):
        plan(params, active="1.26.6")


def test_stable_is_the_newest_release_that_is_no_candidate(params: dict[str, t.Any]) -> None:
    planned = applied(params, versions=["1.26.6", "stable"], active="stable")
    assert (planned.after["current"], planned.after["pins"]) == ("1.27.3", {"stable": "1.27.3"})


def test_a_minor_and_oldstable(params: dict[str, t.Any]) -> None:
    planned = applied(params, versions=["1.27", "oldstable"])
    assert planned.after["versions"] == ["1.26.6", "1.27.3"]
    assert planned.result["pins"] == {"1.27": "1.27.3", "oldstable": "1.26.6"}


def test_a_floating_query_keeps_its_release_until_an_update(params: dict[str, t.Any], tmp_path: Path) -> None:
    index = tmp_path / "mirror" / "index.json"
    whole = json.loads(index.read_text(encoding="utf-8"))
    index.write_text(json.dumps(whole[:1]), encoding="utf-8")
    assert applied(params, versions=["stable"]).after["current"] == "1.26.6"
    index.write_text(json.dumps(whole), encoding="utf-8")
    kept = plan(params, versions=["stable"])
    assert kept.before == kept.after
    assert applied(params, versions=["stable"], update=True).after["current"] == "1.27.3"


def test_the_controller_is_asked_first(params: dict[str, t.Any]) -> None:
    offer = {"resolved": {}, "archives": None, "newest": None}
    asked = plan(params, versions=["stable", "1.26.6"], offer=offer)
    assert asked.apply is None
    request = {"arch": "amd64", "queries": ["stable"], "versions": ["1.26.6"], "installed": {}}
    assert asked.result == {"request": request}
    applied(params, versions=["1.27.3"])
    nothing = plan(params, versions=["1.27.3"], offer=offer)
    assert nothing.before == nothing.after


def test_the_offer_takes_precedence_over_the_record(params: dict[str, t.Any]) -> None:
    applied(params, versions=["stable", "1.26.6"])
    offer = {"resolved": {"stable": "1.26.6"}, "archives": None, "newest": 28}
    planned = plan(params, versions=["stable"], offer=offer)
    assert (planned.after["current"], planned.after["pins"]) == ("1.26.6", {"stable": "1.26.6"})
    assert planned.warnings == ["Go 1.26.6 gets no security fixes. Go 1.27 and 1.28 do."]


def test_an_offer_without_a_release_that_disappeared(params: dict[str, t.Any]) -> None:
    with pytest.raises(HostError, match="still installed, as when the controller asked"):
        plan(params, offer={"resolved": {}, "archives": [], "newest": None})


def test_warnings_for_unsupported_minors_by_the_index(params: dict[str, t.Any], tmp_path: Path) -> None:
    index = tmp_path / "mirror" / "index.json"
    index.write_text(index.read_text(encoding="utf-8").replace('go1.28rc1"', 'go1.28.0"'), encoding="utf-8")
    text = index.read_text(encoding="utf-8").replace('"stable": false', '"stable": true')
    index.write_text(text, encoding="utf-8")
    assert plan(params, versions=["1.26.6"]).warnings == [
        "Go 1.26.6 gets no security fixes. Go 1.27 and 1.28 do."
    ]
    assert plan(params, versions=["1.27.3"]).warnings == []


def test_stable_and_its_release_are_installed_once(params: dict[str, t.Any]) -> None:
    assert applied(params, versions=["stable", "1.27.3"]).after["versions"] == ["1.27.3"]


def test_an_upgrade_and_a_rollback(params: dict[str, t.Any]) -> None:
    applied(params, versions=["1.26.6"])
    upgrade = applied(params)
    assert (upgrade.after["current"], upgrade.after["previous"]) == ("1.27.3", "1.26.6")
    back = applied(params, state="rolled_back")
    assert (back.after["current"], back.after["previous"]) == ("1.26.6", "1.27.3")
    forward = applied(params)
    assert (forward.after["current"], forward.after["previous"]) == ("1.27.3", "1.26.6")


def test_keep(params: dict[str, t.Any]) -> None:
    for version in VERSIONS:
        applied(params, versions=[version])
    assert applied(params, versions=["1.28rc1"], keep=1).after["versions"] == ["1.27.3", "1.28rc1"]


def test_absent(params: dict[str, t.Any], tmp_path: Path) -> None:
    applied(params)
    applied(params, versions=None, state="absent")
    assert sorted(os.listdir(tmp_path)) == ["bin", "mirror"]
    assert os.listdir(tmp_path / "bin") == []


@pytest.mark.parametrize("option", ["root", "bin_dir"])
@pytest.mark.parametrize("path", ["go", "/", "", "//", "/.."])
def test_paths_must_be_absolute(params: dict[str, t.Any], option: str, path: str) -> None:
    with pytest.raises(HostError, match="wanted the absolute path"):
        plan(params, **{option: path})


def test_no_versions(params: dict[str, t.Any]) -> None:
    with pytest.raises(HostError, match="wanted at least one"):
        plan(params, versions=[])


def test_wrong_arch(params: dict[str, t.Any]) -> None:
    with pytest.raises(HostError, match="linux/vax"):
        plan_toolchain(params, machine="vax", run=shell)


def test_a_tree_is_complete_by_marker_version_and_program(params: dict[str, t.Any]) -> None:
    applied(params)
    store = Store(params["root"])
    assert is_complete(store, "1.27.3")
    os.chmod(os.path.join(params["root"], "1.27.3", "bin", "go"), 0)
    os.unlink(os.path.join(params["root"], "1.27.3", "bin", "go"))
    assert not is_complete(store, "1.27.3")


def test_no_space(tmp_path: Path) -> None:
    archive = Archive("go9.tar.gz", "", 1 << 60)
    with pytest.raises(HostError, match=f"wanted about {4 << 60} bytes free for go9.tar.gz"):
        check_space(str(tmp_path / "not" / "yet"), [archive])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_space_during_the_commit(
    params: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(path: str) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(
        "ansible_collections.gofleet.hosts.plugins.module_utils._release.store.flush_file_system", full
    )
    planned = plan(params)
    with pytest.raises(HostError, match="no inodes or quota left"):
        planned.apply()  # type: ignore[misc]
    assert os.listdir(params["root"]) == [".lock"]


def test_other_disk_errors_are_not_reported_as_no_space(
    params: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(install, "unpack", broken)
    with pytest.raises(OSError, match="Input/output"):
        plan(params).apply()  # type: ignore[misc]
    assert os.listdir(params["root"]) == [".lock"]
