# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.index import (
    Archive,
    archive_of,
    go_arch,
    is_version,
    parse_index,
    sort_key,
)

SHA = "ab" * 32


def file(version: str, *, arch: str = "amd64", **other: t.Any) -> dict[str, t.Any]:
    return {
        "filename": f"go{version}.linux-{arch}.tar.gz",
        "os": "linux",
        "arch": arch,
        "version": f"go{version}",
        "sha256": SHA,
        "size": 7,
        "kind": "archive",
        **other,
    }


def index(*versions: str, files: list[dict[str, t.Any]] | None = None) -> bytes:
    entries = [
        {
            "version": f"go{version}",
            "stable": "rc" not in version,
            "files": [file(version)] if files is None else files,
        }
        for version in versions
    ]
    return json.dumps(entries).encode()


def test_order_of_versions() -> None:
    ordered = ["1.9.7", "1.20", "1.20.1", "1.21beta1", "1.21rc2", "1.21rc10", "1.21.0", "1.21.1", "1.21.10"]
    assert sorted(sorted(ordered), key=sort_key) == ordered
    assert sort_key(f"1.{'9' * 5000}") < sort_key("1.0")


@pytest.mark.parametrize(
    ("name", "version"),
    [("1.27.3", True), ("1.28rc1", True), ("1.20", True)]
    + [
        (name, False)
        for name in ("", "latest", "1", "1.2.3.4", "1.27.3\n", "v1.27.3", "1.27-rc1", "go1.27.3")
    ],
)
def test_form_of_a_version(name: str, version: bool) -> None:
    assert is_version(name) is version


@pytest.mark.parametrize(
    ("machine", "arch"),
    [
        ("x86_64", "amd64"),
        ("aarch64", "arm64"),
        ("armv6l", "armv6l"),
        ("armv7l", "armv6l"),
        ("i686", "386"),
        ("i386", "386"),
        ("ppc64le", "ppc64le"),
        ("s390x", "s390x"),
        ("riscv64", "riscv64"),
        ("loongarch64", "loong64"),
        ("vax", "vax"),
    ],
)
def test_arch(machine: str, arch: str) -> None:
    assert go_arch(machine) == arch


@pytest.mark.parametrize(
    ("machine", "bits", "byteorder", "arch"),
    [
        ("aarch64", 32, "little", "armv6l"),
        ("x86_64", 32, "little", "386"),
        ("x86_64", 64, "little", "amd64"),
        ("mips64", 64, "little", "mips64le"),
        ("mips64", 64, "big", "mips64"),
        ("mips", 32, "little", "mipsle"),
    ],
)
def test_arch_of_the_user_space_not_of_the_kernel(machine: str, bits: int, byteorder: str, arch: str) -> None:
    assert go_arch(machine, pointer_bits=bits, byteorder=byteorder) == arch


def test_an_archive_is_found_by_exact_version_and_arch() -> None:
    releases = parse_index(index("1.24.2", "1.24.1"), source="mirror")
    found = archive_of(releases, version="1.24.1", arch="amd64", source="mirror")
    assert found == Archive("go1.24.1.linux-amd64.tar.gz", SHA, 7)


def test_before_1_21_the_first_release_has_two_numbers() -> None:
    releases = parse_index(index("1.20.1", "1.20"), source="mirror")
    assert archive_of(releases, version="1.20", arch="amd64", source="mirror").filename.startswith(
        "go1.20.linux"
    )


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("1.24.99", "but 1.24rc1, 1.24.2, 1.24.11"),
        ("1.25.0", "but 1.25rc1"),
        ("1.30.0", "4 releases from 1.24rc1 to 1.25rc1"),
    ],
)
def test_an_unknown_version_names_the_known_ones(version: str, message: str) -> None:
    releases = parse_index(index("1.25rc1", "1.24.11", "1.24.2", "1.24rc1"), source="mirror")
    with pytest.raises(HostError, match=message):
        archive_of(releases, version=version, arch="amd64", source="mirror")


def test_an_unknown_arch_names_the_known_ones() -> None:
    files = [file("1.24.1", arch="s390x"), file("1.24.1", arch="arm64")]
    releases = parse_index(index("1.24.1", files=files), source="mirror")
    with pytest.raises(HostError, match="found archives for arm64, s390x"):
        archive_of(releases, version="1.24.1", arch="vax", source="mirror")


@pytest.mark.parametrize(
    "bad",
    [
        {"os": "darwin"},
        {"kind": "installer"},
        {"filename": "../go.tar.gz"},
        {"filename": "a/b"},
        {"filename": None},
        {"sha256": "ab"},
        {"sha256": SHA.upper()},
        {"size": 0},
        {"size": "7"},
        {"arch": ["amd64"]},
    ],
)
def test_invalid_files_are_skipped(bad: dict[str, t.Any]) -> None:
    (release,) = parse_index(index("1.24.1", files=[file("1.24.1", **bad)]), source="mirror")
    assert release.archives == {}


def test_invalid_entries_are_skipped() -> None:
    text = json.dumps([None, 1, {}, {"version": "go9"}, {"version": "go1.24.1", "files": [None]}]).encode()
    assert [release.version for release in parse_index(text, source="mirror")] == ["1.24.1"]


@pytest.mark.parametrize("text", [b"", b"<html>", b"{}", b"[]", b"[1]", b"\xff\xfe", b"null"])
def test_documents_that_are_no_index(text: bytes) -> None:
    with pytest.raises(HostError, match="wanted the list of Go releases"):
        parse_index(text, source="mirror")
