# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.dynamic import Dynamic, Need, read_dynamic
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.loader import (
    Loader,
    glibc_needed,
    libraries_verdict,
    newest_glibc,
    resolve,
)

from .elf_maker import Shape, dynamic_parts, elf_file, interpreter, parsed

LD = "/lib64/ld-linux-x86-64.so.2"
GLIBC = ["libc.so.6", "GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.4", "GLIBC_PRIVATE"]


def library(*defines: str, shape: Shape = Shape(kind=3)) -> bytes:  # noqa: B008 - a tuple of plain values
    return elf_file(*dynamic_parts(shape, defines=defines), shape=shape)


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """As Debian lays it out: the loader is a link into the directory of the libraries."""
    libraries = tmp_path / "usr/lib/x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    (tmp_path / "usr/lib64").mkdir()
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "lib64").symlink_to("usr/lib64")
    (tmp_path / "lib64/ld-linux-x86-64.so.2").symlink_to("/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    (libraries / "ld-linux-x86-64.so.2").write_bytes(library("GLIBC_2.4"))
    (libraries / "libc.so.6").write_bytes(library(*GLIBC))
    (libraries / "libm.so.6").write_bytes(library("GLIBC_2.29"))
    return tmp_path


def verdict(
    root: pathlib.Path,
    *,
    needed: t.Sequence[str] = ("libc.so.6",),
    needs: t.Mapping[str, t.Sequence[str]] | None = None,
    loader: str = LD,
    runpath: str = "",
) -> tuple[str, str, str] | None:
    elf = parsed(
        elf_file(interpreter(loader), *dynamic_parts(Shape(), needed=needed, needs=needs, runpath=runpath))
    )
    found = libraries_verdict("/opt/app/bin/app", elf, read_dynamic(elf), Loader(str(root)))
    return None if found is None else (found.answer, found.decided_by, found.reason)


def test_a_program_whose_libraries_are_there(root: pathlib.Path) -> None:
    assert verdict(root, needs={"libc.so.6": ["GLIBC_2.34", "GLIBC_2.2.5"]}) is None
    assert verdict(root, needed=[]) is None
    assert verdict(root, needs={"libc.so.6": ["WEAK_9"]}) is None


def test_a_glibc_that_is_too_old(root: pathlib.Path) -> None:
    found = verdict(root, needs={"libc.so.6": ["GLIBC_2.2.5", "GLIBC_2.38", "GLIBC_2.36"]})
    reason = "needs glibc 2.38 (libc.so.6: GLIBC_2.38, GLIBC_2.36), this host has 2.34"
    assert found == ("no", "glibc", reason)


def test_versions_are_compared_by_name_as_the_loader_does(root: pathlib.Path) -> None:
    # lower than the host's, but not among those it defines
    found = verdict(root, needs={"libc.so.6": ["GLIBC_2.3"]})
    assert found is not None
    assert found[:2] == ("no", "glibc")
    other = verdict(root, needs={"libc.so.6": ["GLIBC_ABI_DT_RELR"]})
    assert other is not None
    assert "needs glibc 2.36 (libc.so.6: GLIBC_ABI_DT_RELR), this host has 2.34" in other[2]
    mine = verdict(root, needs={"libc.so.6": ["MINE_1"]})
    assert mine == ("no", "library", "libc.so.6 of this host does not define MINE_1")


def test_a_missing_interpreter(root: pathlib.Path) -> None:
    found = verdict(root, loader="/lib/ld-musl-x86_64.so.1")
    assert found == (
        "no",
        "loader",
        "its interpreter /lib/ld-musl-x86_64.so.1 is not on this host (built for musl as C library)",
    )
    (root / "lib64/ld-linux-x86-64.so.2").unlink()
    found = verdict(root)
    assert found is not None
    assert "built for glibc" in found[2]


def test_a_missing_library(root: pathlib.Path) -> None:
    found = verdict(root, needed=["libc.so.6", "libpcap.so.0.8"])
    assert found is not None
    assert found[:2] == ("no", "library")
    assert found[2].startswith("libpcap.so.0.8 is in no directory")


def test_libraries_are_searched_where_the_loader_searches(root: pathlib.Path) -> None:
    for place in ("opt/app/bin", "opt/app/lib", "srv/own", "opt/elsewhere"):
        (root / place).mkdir(parents=True)
        (root / place / f"lib{place[-3:]}.so").write_bytes(library())
    cache = (
        b"glibc-ld.so.cache1.1" + bytes(28) + b"liblse.so\0/opt/elsewhere/libere.so\0libx.so\0/none/libx.so\0"
    )
    (root / "etc").mkdir()
    (root / "etc/ld.so.cache").write_bytes(cache)
    assert verdict(root, needed=["liblib.so", "libown.so"], runpath="$ORIGIN/../lib:/srv/own") is None
    assert verdict(root, needed=["liblib.so"], runpath="${ORIGIN}/../lib") is None
    assert verdict(root, needed=["libere.so"]) is None
    assert verdict(root, needed=["/srv/own/libown.so"]) is None
    assert verdict(root, needed=["libown.so"]) is not None
    assert verdict(root, needed=["libx.so"]) is not None  # in the cache, but no longer there


def test_a_library_for_another_machine_is_skipped(root: pathlib.Path) -> None:
    place = root / "usr/lib/libpcap.so.0.8"
    place.write_bytes(library(shape=Shape(wide=False, machine=3, kind=3)))
    assert verdict(root, needed=["libpcap.so.0.8"]) is not None
    place.write_text("/* GNU ld script */")
    assert verdict(root, needed=["libpcap.so.0.8"]) is not None
    place.write_bytes(library())
    assert verdict(root, needed=["libpcap.so.0.8"]) is None


def test_a_damaged_library_makes_it_unknown(root: pathlib.Path) -> None:
    libc = root / "usr/lib/x86_64-linux-gnu/libc.so.6"
    data = bytearray(libc.read_bytes())
    at = parsed(bytes(data)).segments[1].offset
    data[at : at + 32] = (
        b"\xfc\xff\xff\x6f" + bytes(4) + b"\1" + bytes(7) + b"\xfd\xff\xff\x6f" + bytes(4) + b"\1" + bytes(7)
    )
    libc.write_bytes(data)
    found = verdict(root, needs={"libc.so.6": ["GLIBC_2.34"]})
    assert found is not None
    assert found[:2] == ("unknown", "loader")
    assert Loader(str(root)).glibc(LD) is None


def test_an_unsearchable_directory_makes_it_unknown(
    root: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*dummy: t.Any) -> t.NoReturn:
        raise PermissionError(13, "Permission denied", "/opt/app/lib")

    monkeypatch.setattr(Loader, "find", lambda *dummy, **more: refuse())
    assert verdict(root) == ("unknown", "loader", "/opt/app/lib cannot be read: Permission denied")


def test_musl_brings_its_own_libc(root: pathlib.Path) -> None:
    (root / "usr/lib/ld-musl-x86_64.so.1").write_bytes(library())
    assert verdict(root, needed=["libc.so"], loader="/lib/ld-musl-x86_64.so.1") is None
    assert Loader(str(root)).glibc("/lib/ld-musl-x86_64.so.1") is None


def test_the_glibc_of_a_host_is_that_beside_its_loader(root: pathlib.Path) -> None:
    loader = Loader(str(root))
    assert loader.glibc(LD) == "2.34"
    assert loader.glibc("/lib/none") is None
    assert loader.glibc(None) is None
    assert Loader(str(root / "none")).glibc(LD) is None


@pytest.mark.parametrize(
    ("names", "version"),
    [
        ([], None),
        (["GLIBC_PRIVATE", "GCC_3.0"], None),
        (["GLIBC_2.9", "GLIBC_2.34", "GLIBC_2.4"], "2.34"),
        (["GLIBC_2.2.5", "GLIBC_2.2"], "2.2.5"),
        (["GLIBC_2.2", "GLIBC_ABI_DT_RELR"], "2.36"),
        (["GLIBCXX_3.4.30", f"GLIBC_2.{'9' * 5000}"], None),
    ],
)
def test_versions_compare_as_numbers(names: list[str], version: str | None) -> None:
    assert newest_glibc(names) == version
    assert glibc_needed(Dynamic(None, (), (), (Need("libc.so.6", tuple(names), ()),), (), False)) == version


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/usr/lib/libc.so.6", "usr/lib/libc.so.6"),
        ("/lib/libc.so.6", "usr/lib/libc.so.6"),
        ("/lib64/ld.so", "usr/lib/ld.so"),
        ("/usr/../usr//lib/./ld.so", "usr/lib/ld.so"),
        ("/../../usr/lib/ld.so", "usr/lib/ld.so"),
        ("/above", "usr/lib/ld.so"),
        ("/", ""),
        ("/usr/lib/none", None),
        ("/usr/lib/ld.so/below", None),
        ("/dangling", None),
        ("/circle", None),
    ],
)
def test_links_stay_under_the_root(tmp_path: pathlib.Path, path: str, file: str | None) -> None:
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/ld.so").touch()
    (tmp_path / "usr/lib/libc.so.6").touch()
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "lib64").symlink_to("/lib")
    (tmp_path / "above").symlink_to("../../../../usr/lib/ld.so")
    (tmp_path / "dangling").symlink_to("/etc/passwd")
    (tmp_path / "circle").symlink_to("circle")
    found = resolve(str(tmp_path), path)
    assert found == (None if file is None else str(tmp_path / file).rstrip("/"))


def test_the_root_of_the_host_needs_nothing_in_front() -> None:
    assert resolve("/", "/proc/self/status") == resolve(
        "/", f"/proc/{pathlib.Path('/proc/self').readlink()}/status"
    )
