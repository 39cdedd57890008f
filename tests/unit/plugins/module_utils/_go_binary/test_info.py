# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary import info
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.info import (
    Search,
    read_go_binaries,
    read_go_binary_info,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.processes import Running

from .._elf.elf_maker import Part, elf_file, inline_info
from .test_binary import reading
from .test_processes import LIMITS, STAT, STATUS

DEFAULTS: dict[str, t.Any] = {
    "paths": [],
    "processes": True,
    "dependencies": True,
    "checksum": False,
    "only_executable": True,
    "max_files": 500000,
    "max_bytes": 1 << 28,
    "newest_go": None,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"processes": False}, "paths: wanted a file, a directory or processes to look at"),
        ({"paths": ["bin"]}, "path 'bin': wanted an absolute path"),
        ({"paths": ["/a\0b"]}, "wanted an absolute path"),
        ({"max_files": 0}, "max_files: wanted a number above 0; found 0"),
        ({"max_bytes": -1}, "max_bytes: wanted a number above 0; found -1"),
        ({"newest_go": "one"}, r"wanted a minor of Go like 1\.27"),
    ],
)
def test_invalid_options_are_refused(changes: dict[str, t.Any], message: str) -> None:
    with pytest.raises(HostError, match=message):
        read_go_binary_info({**DEFAULTS, **changes}, root="/")


def test_the_host_that_programs_are_compared_with(tmp_path: pathlib.Path) -> None:
    path = program(tmp_path / "app")
    found = read_go_binary_info({**DEFAULTS, "paths": [str(path)], "newest_go": "1.28"}, root=str(tmp_path))
    assert [one["supported"] for one in found["binaries"]] == ["no"]
    assert (found["newest_go"]["version"], found["newest_go"]["certain"]) == ("1.28", True)
    assert found["host"]["machine"] == os.uname().machine
    assert (found["host"]["kernel"], found["host"]["glibc"], found["host"]["goamd64"]) == (None, None, None)
    assert set(found) == {"binaries", "passed_over", "counts", "newest_go", "host", "caller"}
    assert "skipped" not in found  # by that word Ansible would take the task for skipped


def program(path: pathlib.Path, version: str = "go1.26.6") -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(elf_file(Part(".go.buildinfo", inline_info(version))))
    path.chmod(0o755)
    return path


def process(root: pathlib.Path, pid: int, exe: pathlib.Path, *, own_root: pathlib.Path | None = None) -> None:
    place = root / "proc" / str(pid)
    place.mkdir(parents=True)
    (place / "exe").symlink_to(exe)
    (place / "root").symlink_to(own_root or root)
    (place / "stat").write_text(STAT)
    (place / "status").write_text(STATUS)
    (place / "limits").write_text(LIMITS)


def look(
    root: pathlib.Path, *paths: pathlib.Path, processes: bool = True, max_files: int = 1000
) -> dict[str, t.Any]:
    search = Search([str(path) for path in paths], processes, max_files, True)
    return read_go_binaries(search, root=str(root), reading=reading())


def test_one_file_with_many_names_is_one_program(tmp_path: pathlib.Path) -> None:
    release = program(tmp_path / "opt/1.0/app")
    os.link(release, tmp_path / "opt/1.0/same")
    (tmp_path / "opt/current").symlink_to("1.0")
    process(tmp_path, 7, release)
    process(tmp_path, 8, tmp_path / "opt/1.0/same")
    found = look(tmp_path, tmp_path / "opt", tmp_path / "opt/current/app")
    (one,) = found["binaries"]
    assert one["path"] == str(release)
    assert one["paths"] == [str(release), str(tmp_path / "opt/1.0/same"), str(tmp_path / "opt/current/app")]
    assert [running["pid"] for running in one["processes"]] == [7, 8]
    assert one["on_disk"] is True
    assert one["starts_here"] == {"answer": "yes", "decided_by": "process", "reason": "a process runs it now"}
    assert found["counts"] == {"entries": 5, "elf": 1, "go": 1, "processes": 2, "go_processes": 2}
    assert found["passed_over"] == []


def test_a_program_that_only_runs_is_found_too(tmp_path: pathlib.Path) -> None:
    old = program(tmp_path / "lost+found", "go1.24.1")
    process(tmp_path, 7, old)
    other = tmp_path / "container"
    other.mkdir()
    process(tmp_path, 9, program(other / "app"), own_root=other)
    process(tmp_path, 10, pathlib.Path("/bin/sh"))
    found = look(tmp_path)
    assert [(one["go_version"], one["supported"]) for one in found["binaries"]] == [
        ("go1.26.6", "yes"),
        ("go1.24.1", "no"),
    ]
    contained = found["binaries"][0]
    assert contained["processes"][0]["other_root"] is True
    assert "a container" in contained["starts_here"]["reason"]
    assert look(tmp_path, tmp_path / "none", processes=False)["binaries"] == []


def test_a_replaced_build_that_still_runs_is_another_program(tmp_path: pathlib.Path) -> None:
    """The kernel's link to a file without a name leads to it all the same, which no other link does."""
    path = program(tmp_path / "app", "go1.26.6")
    kept = program(tmp_path / "kept", "go1.25.1")
    process(tmp_path, 7, kept)
    link = tmp_path / "proc/7/exe"

    readlink_of_the_kernel = os.readlink

    def readlink(name: str) -> str:
        return f"{path} (deleted)" if name == str(link) else readlink_of_the_kernel(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.processes.os.readlink",
            readlink,
        )
        found = look(tmp_path, path)
    rows = [
        (one["path"], one["go_version"], one["on_disk"], len(one["processes"])) for one in found["binaries"]
    ]
    assert rows == [(str(path), "go1.26.6", True, 0), (str(path), "go1.25.1", False, 1)]
    assert found["binaries"][1]["processes"][0]["deleted"] is True


def test_passed_over_has_the_reason(tmp_path: pathlib.Path) -> None:
    text = tmp_path / "bin/text"
    text.parent.mkdir()
    text.write_text("#!/bin/sh\n" * 10)
    text.chmod(0o755)
    other = tmp_path / "bin/other"
    other.write_bytes(elf_file(Part("data", b"x")))
    other.chmod(0o755)
    broken = program(tmp_path / "bin/broken")
    broken.write_bytes(broken.read_bytes()[:100])
    found = look(tmp_path, tmp_path / "bin", processes=False)
    reason = "it ends within its table of segments"
    assert found["passed_over"] == [{"path": str(broken), "reason": reason}]
    assert (found["binaries"], found["counts"]["elf"]) == ([], 2)
    reasons = [one["reason"] for one in look(tmp_path, text, other, processes=False)["passed_over"]]
    assert reasons == ["it is not an ELF file", "not built by Go, or by Go before 1.13"]


def test_an_unreadable_file_is_reported(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path / "app")
    process(tmp_path, 7, program(tmp_path / "running"))
    process(tmp_path, 8, program(tmp_path / "ended"))

    def refuse(name: str, **dummy: t.Any) -> t.NoReturn:
        if name.endswith("8/exe"):
            raise FileNotFoundError(2, "No such file or directory", name)
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(info, "read_go_binary", refuse)
    assert look(tmp_path, path)["passed_over"] == [
        {"path": str(path), "reason": "Permission denied"},
        {"path": str(tmp_path / "running"), "reason": "Permission denied"},
    ]


def test_processes_that_are_hidden_are_counted(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(info, "list_running", lambda root: Running([], 17))
    (one,) = look(tmp_path)["passed_over"]
    assert one["path"] == str(tmp_path / "proc")
    assert one["reason"].endswith(": 17")
