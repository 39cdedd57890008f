# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib
import re
import shutil
import subprocess

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.syscalls import (
    TABLE,
    have_syscall,
    probe_syscalls,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.host import this_host
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import (
    NUMBERS,
    Outcome,
    number_of,
)

from .._probe.stand_in import NOBODY, ROOT, host

# GOARCH for each column of NUMBERS.
ARCHITECTURES = {
    "amd64": "x86_64",
    "arm64": "aarch64",
    "riscv64": "riscv64",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
}
# This architecture reserves the number, and its kernel returns ENOSYS for it.
RESERVED = {("ppc64le", "memfd_secret")}


def go_numbers(goarch: str) -> dict[str, int]:
    """Return the system call numbers of an architecture from the Go distribution on this machine."""
    done = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True)
    sources = pathlib.Path(done.stdout.strip()) / "src"
    numbers: dict[str, int] = {}
    for place in ("syscall", "cmd/vendor/golang.org/x/sys/unix"):
        text = (sources / place / f"zsysnum_linux_{goarch}.go").read_text(encoding="utf-8")
        found = re.findall(r"^\s+SYS_(\w+)\s+= (\d+)", text, re.MULTILINE)
        numbers.update((name.lower(), int(number)) for name, number in found)
    return numbers


@pytest.mark.skipif(shutil.which("go") is None, reason="no go on PATH, whose lists are the oracle")
@pytest.mark.parametrize(("goarch", "machine"), ARCHITECTURES.items())
def test_numbers_are_those_of_go(goarch: str, machine: str) -> None:
    theirs = go_numbers(goarch)
    assert len(theirs) > 300
    ours = {name: number_of(name, machine=machine) for name in NUMBERS if (goarch, name) not in RESERVED}
    assert ours == {name: theirs.get(name) for name in ours}


def test_every_attempt_has_a_number() -> None:
    assert {attempt.call or name for name, attempt in TABLE.items()} <= set(NUMBERS)


def test_a_descriptor_that_a_call_opened_is_closed() -> None:
    machine = this_host()
    before = len(list(pathlib.Path("/proc/self/fd").iterdir()))
    probe_syscalls(machine=machine.machine, syscalls=machine.syscalls, root="/", caller=machine.caller)
    assert len(list(pathlib.Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("bpf", "kernel/unprivileged_bpf_disabled", 2),
        ("perf_event_open", "kernel/perf_event_paranoid", 3),
        ("userfaultfd", "vm/unprivileged_userfaultfd", 0),
    ],
)
def test_a_setting_that_refuses_is_named(tmp_path: pathlib.Path, name: str, key: str, value: int) -> None:
    path = tmp_path / "proc" / "sys" / key
    path.parent.mkdir(parents=True)
    path.write_text(f"{value}\n")
    for caller, layer in ((NOBODY, "sysctl"), (NOBODY._replace(seccomp=2), "sysctl"), (ROOT, "capability")):
        target = host({name: Outcome(-1, errno.EPERM)}, root=tmp_path, caller=caller)
        probe = have_syscall(
            name, machine="x86_64", syscalls=target.syscalls, root=target.root, caller=caller
        )
        assert (probe.answer, probe.decided_by) == ("no", layer), probe.reason


def test_an_unknown_architecture_is_unknown() -> None:
    target = host({}, caller=ROOT)
    probe = have_syscall("bpf", machine="m68k", syscalls=target.syscalls, root="/", caller=ROOT)
    assert probe.answer == "unknown"


def answer_of(name: str, outcome: Outcome, root: pathlib.Path | str = "/nowhere") -> tuple[str, str]:
    target = host({TABLE[name].call or name: outcome}, root=root, caller=ROOT)
    probe = have_syscall(name, machine="x86_64", syscalls=target.syscalls, root=target.root, caller=ROOT)
    return probe.answer, probe.decided_by


@pytest.mark.parametrize("name", sorted(TABLE))
def test_each_attempt_can_give_all_three_answers(name: str) -> None:
    attempt = TABLE[name]
    assert answer_of(name, Outcome(-1, errno.ENOSYS)) == ("no", "kernel")
    assert answer_of(name, Outcome(-1, errno.ENXIO)) == ("unknown", "kernel")
    assert answer_of(name, Outcome(-1, 0, killed=True)) == ("no", "seccomp")
    if not attempt.returns_fd:
        assert answer_of(name, Outcome(0, 0)) == ("yes", "kernel")
    for number in attempt.proves:
        assert answer_of(name, Outcome(-1, number)) == ("yes", "kernel")
    for number in attempt.lacks:
        assert answer_of(name, Outcome(-1, number)) == ("no", "kernel")
    assert not set(attempt.proves) & set(attempt.lacks)


def test_a_setting_that_disables_a_protocol_is_named(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "proc" / "sys" / "net" / "mptcp" / "enabled"
    path.parent.mkdir(parents=True)
    path.write_text("0\n")
    assert answer_of("mptcp", Outcome(-1, errno.ENOPROTOOPT), tmp_path) == ("no", "sysctl")
    path.write_text("1\n")
    assert answer_of("mptcp", Outcome(-1, errno.EPROTONOSUPPORT), tmp_path) == ("no", "kernel")


def test_a_filter_of_a_call_that_go_needs_is_reported() -> None:
    caller = ROOT._replace(seccomp=2)
    for name in (name for name, attempt in TABLE.items() if attempt.go):
        target = host({}, caller=caller)
        probe = have_syscall(name, machine="x86_64", syscalls=target.syscalls, root="/nowhere", caller=caller)
        assert (probe.answer, probe.decided_by) == ("no", "seccomp"), name
