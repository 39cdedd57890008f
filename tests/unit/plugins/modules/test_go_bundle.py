# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module on a mirror of plain files in a directory."""

from __future__ import annotations

import hashlib
import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.bundle import plan_bundle
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.index import parse_index
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.mirror import sha256_of
from ansible_collections.gofleet.hosts.plugins.modules import go_bundle

from ..module_utils.signing_key import needs_gpg, throw_away_key

ARCHES = ("amd64", "arm64")


class Site:
    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.mirror, self.bundle, self.capsys = path / "mirror", path / "bundle", capsys
        self.mirror.mkdir()
        self.entries: list[dict[str, t.Any]] = []

    def publish(self, *versions: str) -> None:
        for version in versions:
            files = [self._file(version, arch) for arch in ARCHES]
            self.entries.insert(0, {"version": f"go{version}", "stable": "rc" not in version, "files": files})
        (self.mirror / "index.json").write_text(json.dumps(self.entries))

    def _file(self, version: str, arch: str) -> dict[str, t.Any]:
        body = f"{version} {arch}".encode() * 100
        name = f"go{version}.linux-{arch}.tar.gz"
        (self.mirror / name).write_bytes(body)
        sha256 = hashlib.sha256(body).hexdigest()
        return {
            "filename": name,
            "os": "linux",
            "arch": arch,
            "sha256": sha256,
            "size": len(body),
            "kind": "archive",
        }

    def run(self, *versions: str, **options: t.Any) -> dict[str, t.Any]:
        arguments = {
            "path": str(self.bundle),
            "versions": list(versions),
            "mirror": f"file://{self.mirror}",
            **options,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            go_bundle.main()
        result: dict[str, t.Any] = json.loads(self.capsys.readouterr().out)
        return result

    def names(self) -> list[str]:
        return sorted(os.listdir(self.bundle))


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    site = Site(tmp_path, capsys)
    site.publish("1.26.6", "1.27.3")
    return site


def test_collected_once_and_added_to(site: Site) -> None:
    predicted = site.run("1.27", arches=["amd64"], _ansible_check_mode=True)
    assert (predicted["changed"], site.bundle.exists()) == (True, False)
    first = site.run("1.27", arches=["amd64"])
    assert first["diff"] == predicted["diff"]
    assert first["versions"] == ["1.27.3"]
    assert not site.run("1.27", arches=["amd64"])["changed"]
    second = site.run("1.27.3", "1.26.6")
    assert second["archives"] == sorted(
        f"go{version}.linux-{arch}.tar.gz" for version in ("1.26.6", "1.27.3") for arch in ARCHES
    )
    assert (
        second["bytes_downloaded"]
        == sum((site.mirror / name).stat().st_size for name in second["archives"][:2])
        + (site.mirror / "go1.27.3.linux-arm64.tar.gz").stat().st_size
    )
    index = parse_index((site.bundle / "index.json").read_bytes(), source="bundle")
    assert [(release.version, sorted(release.archives)) for release in index] == [
        ("1.27.3", list(ARCHES)),
        ("1.26.6", list(ARCHES)),
    ]


def test_full_versions_that_are_there_need_no_mirror(site: Site) -> None:
    site.run("1.27.3")
    assert not site.run("1.27.3", mirror="http://127.0.0.1:9")["changed"]
    assert "wanted the list of Go releases" in site.run("1.27", mirror="http://127.0.0.1:9")["msg"]


def test_a_damaged_archive_is_fetched_again(site: Site) -> None:
    site.run("1.27.3", arches=["amd64"])
    path = site.bundle / "go1.27.3.linux-amd64.tar.gz"
    path.write_bytes(b"damaged")
    assert site.run("1.27.3", arches=["amd64"])["changed"]
    assert sha256_of(str(path)) == sha256_of(str(site.mirror / path.name))


def test_a_bundle_is_a_mirror_of_bundles(site: Site, tmp_path: Path) -> None:
    site.run("stable", "oldstable")
    again = site.run("stable", path=str(tmp_path / "second"), mirror=f"file://{site.bundle}")
    assert again["versions"] == ["1.27.3"]


def test_a_failed_download_leaves_no_index(site: Site) -> None:
    (site.mirror / "go1.27.3.linux-arm64.tar.gz").write_bytes(b"another")
    failed = site.run("1.27.3")
    assert "as the index says" in failed["msg"]
    assert site.names() == [".lock", "go1.27.3.linux-amd64.tar.gz"]
    site.publish("1.27.3")
    assert site.run("1.27.3")["changed"]


def test_invalid_queries(site: Site) -> None:
    assert "found archives for amd64, arm64" in site.run("1.27", arches=["vax"])["msg"]
    assert "wanted a full version" in site.run("latest")["msg"]


def test_an_unusable_directory(site: Site) -> None:
    site.bundle.write_text("a file")
    assert "wanted a directory that can be read and written" in site.run("1.27")["msg"]


@needs_gpg
def test_signatures_are_checked_and_collected(site: Site, tmp_path: Path) -> None:
    name = "go1.27.3.linux-amd64.tar.gz"
    options = {"arches": ["amd64"]}
    for key in throw_away_key():
        signature = key.options(tmp_path)
        assert f"{name}.asc" in site.run("1.27.3", signature=signature, **options)["msg"]
        (site.mirror / f"{name}.asc").write_bytes(key.sign(b"another"))
        assert (
            "found a signature of another file" in site.run("1.27.3", signature=signature, **options)["msg"]
        )
        assert name not in site.names()
        (site.mirror / f"{name}.asc").write_bytes(key.sign((site.mirror / name).read_bytes()))
        assert site.run("1.27.3", signature=signature, **options)["changed"]
        assert site.names() == [".lock", name, f"{name}.asc", "index.json"]
        assert not site.run("1.27.3", signature=signature, **options)["changed"]
        (site.bundle / f"{name}.asc").unlink()
        assert site.run("1.27.3", signature=signature, **options)["changed"]


def test_a_plan_changes_nothing(site: Site) -> None:
    plan = plan_bundle(
        {
            "path": str(site.bundle),
            "versions": ["1.27"],
            "arches": ["amd64"],
            "mirror": f"file://{site.mirror}",
            "headers": None,
            "ca_path": None,
            "timeout": 3,
            "signature": None,
        }
    )
    assert plan.before != plan.after
    assert not site.bundle.exists()
