# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary import processes
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.processes import (
    Executed,
    describe,
    go_environment,
    list_running,
    parse_stat,
)

STAT = "812 (a) b) S 1 812 812 0 -1 4194560 1 0 0 0 3 2 0 0 20 0 7 0 12345 1 1 1\n"
STATUS = "Name:\thello\nUid:\t0\t64213\t0\t0\nCapEff:\t0000000000000400\nNoNewPrivs:\t1\nSeccomp:\t2\n"
LIMITS = "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  524288  files\n"


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """A host with one process of a unit, whose control group is limited by the slice above it."""
    place = tmp_path / "proc/812"
    (place / "attr/apparmor").mkdir(parents=True)
    program = tmp_path / "srv/hello"
    program.parent.mkdir()
    program.write_bytes(b"x")
    (place / "exe").symlink_to(program)
    (place / "root").symlink_to(tmp_path)
    for name, text in {
        "stat": STAT,
        "status": STATUS,
        "limits": LIMITS,
        "cgroup": "0::/app.slice/hello.service\n",
        "attr/apparmor/current": "gofleet.hello (enforce)\n",
        "environ": "PATH=/bin\0GOMEMLIMIT=230MiB\0SECRET=x\0",
        "cmdline": "hello\0",
    }.items():
        (place / name).write_text(text)
    (tmp_path / "proc/stat").write_text("cpu 1 2\nbtime 1795388400\n")
    for group, limits in {
        "app.slice": {"memory.max": "max", "cpu.max": "100000 100000"},
        "app.slice/hello.service": {"memory.max": "268435456", "cpu.max": "150000 100000"},
    }.items():
        directory = tmp_path / "sys/fs/cgroup" / group
        directory.mkdir(parents=True)
        (directory / "cgroup.controllers").write_text("cpu memory\n")
        for name, text in limits.items():
            (directory / name).write_text(text + "\n")
    return tmp_path


def only(root: pathlib.Path) -> Executed:
    (found,) = list_running(str(root)).executed
    return found


def test_the_file_that_a_process_executes(root: pathlib.Path) -> None:
    status = (root / "srv/hello").stat()
    assert only(root) == Executed(
        pid=812,
        device=status.st_dev,
        inode=status.st_ino,
        link=str(root / "proc/812/exe"),
        path=str(root / "srv/hello"),
        deleted=False,
        other_root=False,
    )


def test_the_values_of_a_process(root: pathlib.Path) -> None:
    found = describe(str(root), only(root))
    assert found is not None
    group = found.pop("cgroup")
    assert found == {
        "pid": 812,
        "unit": "hello.service",
        "comm": "hello",
        "uid": 64213,
        "deleted": False,
        "other_root": False,
        "started": "2026-11-22T23:02:03Z",
        "seccomp": 2,
        "no_new_privs": True,
        "capabilities": "0x0000000000000400",
        "apparmor": "gofleet.hello (enforce)",
        "limits": {"nofile": {"soft": 1024, "hard": 524288}},
        "environment_go": {"GOMEMLIMIT": "230MiB"},
    }
    assert (group["memory_max"], group["cpu_max"]["cpus"], group["effective"]["cpus"]) == (
        268435456,
        1.5,
        1.0,
    )


@pytest.mark.parametrize(
    ("files", "key", "value"),
    [
        ({"cgroup": "0::/user.slice\n"}, "unit", None),
        ({"cgroup": "0::/\n"}, "unit", None),
        ({"cgroup": "0::/libpod_parent/libpod-a4/system.slice/a.service\n"}, "unit", "a.service"),
        ({"cgroup": "0::/system.slice/docker-12ab.scope\n"}, "unit", "docker-12ab.scope"),
        ({"cgroup": "1:name=systemd:/system.slice/a.service\n0::/x\n"}, "unit", "a.service"),
        ({"cgroup": "0::/../../x\n"}, "cgroup", {"path": "/../../x", "memory_max": None, "cpu_max": None}),
        ({"cgroup": "4:memory:/x\n"}, "cgroup", {"path": None, "memory_max": None, "cpu_max": None}),
        ({"status": ""}, "capabilities", None),
        ({"status": "NoNewPrivs:\t0\n"}, "no_new_privs", False),
        ({"status": ""}, "no_new_privs", None),
        ({"limits": ""}, "limits", {"nofile": None}),
        ({"environ": ""}, "environment_go", {}),
        ({"attr/apparmor/current": "", "attr/current": "unconfined\n"}, "apparmor", "unconfined"),
        ({"attr/apparmor/current": ""}, "apparmor", None),
    ],
)
def test_a_missing_value_is_null(root: pathlib.Path, files: dict[str, str], key: str, value: t.Any) -> None:
    for name, text in files.items():
        (root / "proc/812" / name).write_text(text)
    found = describe(str(root), only(root))
    assert found is not None
    assert found[key] == value


def test_a_process_that_ended_is_none(root: pathlib.Path) -> None:
    executed = only(root)
    shutil.rmtree(root / "proc/812")
    assert describe(str(root), executed) is None
    assert list_running(str(root)) == ([], 0)
    shutil.rmtree(root / "proc")
    assert list_running(str(root)) == ([], 0)


def test_a_pid_that_was_reused_is_none(root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executed = only(root)

    def replaced(dummy: str) -> dict[str, t.Any]:
        (root / "proc/812/stat").write_text(STAT.replace("12345", "12399"))
        return {}

    monkeypatch.setattr(processes, "parse_limits", replaced)
    assert describe(str(root), executed) is None


def test_unreadable_processes_are_counted(root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A thread of the kernel, which has no command line, is not among them.
    (root / "proc/2").mkdir()
    (root / "proc/2/cmdline").write_text("")

    def refuse(path: str) -> t.NoReturn:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(processes.os, "readlink", refuse)
    assert list_running(str(root)) == ([], 1)


def test_only_the_variables_of_go_are_read() -> None:
    data = b"GOGC=50\0GOPRIVATE=secret\0TOKEN=x\0GODEBUG=a=1,b=2\0GOMAXPROCS\0XGOGC=1\0\0GOTRACEBACK=\xff"
    assert go_environment(data) == {"GOGC": "50", "GODEBUG": "a=1,b=2", "GOTRACEBACK": "\ufffd"}


@pytest.mark.parametrize(
    ("text", "ticks"), [(STAT, 12345), ("", None), ("1 (x) S 1", None), ("garbage", None)]
)
def test_the_start_of_a_process(text: str, ticks: int | None) -> None:
    assert parse_stat(text) == ticks


def test_a_real_process_and_its_file_deleted(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "a (deleted)"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    environment = {"GOMAXPROCS": "3", "SECRET": "x"}
    with subprocess.Popen([str(program), "60"], env=environment) as process:
        try:
            os.kill(process.pid, signal.SIGSTOP)

            def find() -> Executed:
                return next(one for one in list_running("/").executed if one.pid == process.pid)

            assert (find().path, find().deleted, find().other_root) == (str(program), False, False)
            found = describe("/", find())
            assert found is not None
            assert found["environment_go"] == {"GOMAXPROCS": "3"}
            assert found["uid"] == os.geteuid()
            assert str(found["started"]).startswith("2")
            program.unlink()
            assert (find().path, find().deleted) == (str(program), True)
            program.touch()  # another file of the name
            assert find().deleted
        finally:
            process.kill()
