# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.tracefs import (
    parse_events,
    parse_target_offset,
    read_events,
)

LINES = {
    "a kprobe": ("p:kprobes/opens do_sys_openat2 a=%di", [("kprobes", "opens", "do_sys_openat2")]),
    "a return probe with a limit": ("r8:grp/ret vfs_read $retval", [("grp", "ret", "vfs_read")]),
    "a module's symbol": ("p:k/x nf_tables:nft_do_chain+0", [("k", "x", "nf_tables:nft_do_chain+0")]),
    "no group": ("p:opens do_sys_openat2", [("kprobes", "opens", "do_sys_openat2")]),
    "another kind": ("e:syn/x sched.sched_switch", []),
    "no name": ("p do_sys_openat2", []),
    "truncated": ("p:kprobes/op", []),
    "empty": ("", []),
    "garbage": ("\x00\xff:\n/:/ /\n", []),
}


@pytest.mark.parametrize(("text", "events"), LINES.values(), ids=LINES.keys())
def test_lines_are_parsed(text: str, events: list[tuple[str, str, str]]) -> None:
    found = parse_events(text, kinds="pr", kind="kprobe")
    assert [(event.group, event.name, event.target) for event in found] == events


PLACES = {
    "do_sys_openat2": ("do_sys_openat2", 0),
    "do_sys_openat2+0x10": ("do_sys_openat2", 16),
    "nf_tables:nft_do_chain+4": ("nft_do_chain", 4),
    "/bin/sh:0x0000000000004000": ("/bin/sh", 0x4000),
    "/bin/sh:0x4000(0x5000)": ("/bin/sh", 0x4000),
    "/bin/sh:what": ("/bin/sh:what", 0),
    "+": ("+", 0),
}


@pytest.mark.parametrize(("target", "place"), PLACES.items())
def test_targets_are_split(target: str, place: tuple[str, int]) -> None:
    assert parse_target_offset(target) == place


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "proc/self").mkdir(parents=True)
    mount = "39 23 0:13 / /sys/kernel/tracing rw shared:17 - tracefs tracefs rw\n"
    (tmp_path / "proc/self/mountinfo").write_text(mount)
    tracing = tmp_path / "sys/kernel/tracing"
    event = tracing / "events/kprobes/opens"
    event.mkdir(parents=True)
    (event / "enable").write_text("0\n")
    (event / "trigger").write_text("# Available triggers:\n# traceon\n")
    (tracing / "kprobe_events").write_text("p:kprobes/opens do_sys_openat2\n")
    (tracing / "uprobe_events").write_text("p:uprobes/gone /bin/sh:0x0000000000004000\n")
    (tracing / "dynamic_events").write_text("f:fprobes/f vfs_read\np:kprobes/opens do_sys_openat2\n")
    return tmp_path


def enabled(root: pathlib.Path) -> dict[str, bool | None]:
    return {f"{event.kind} {event.name}": event.enabled for event in read_events(str(root)).events}


def test_events_of_all_files_are_listed_once(root: pathlib.Path) -> None:
    assert enabled(root) == {"kprobe opens": False, "uprobe gone": None, "fprobe f": None}
    assert read_events(str(root)).tracefs == "/sys/kernel/tracing"


ENABLED = {
    "on": ("events/kprobes/opens/enable", "1\n", True),
    "softly on": ("events/kprobes/opens/enable", "0*\n", True),
    "a trigger": ("events/kprobes/opens/trigger", "hist:keys=pid:size=2048 [active]\n", True),
    "an instance": ("instances/mine/events/kprobes/opens/enable", "1\n", True),
    "an instance where it is off": ("instances/mine/events/kprobes/opens/enable", "0\n", False),
}


@pytest.mark.parametrize(("path", "text", "answer"), ENABLED.values(), ids=ENABLED.keys())
def test_an_event_enabled_in_any_instance_is_enabled(
    root: pathlib.Path, path: str, text: str, answer: bool
) -> None:
    file = root / "sys/kernel/tracing" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    assert enabled(root)["kprobe opens"] is answer


def test_an_unmounted_tracefs_is_an_error(tmp_path: pathlib.Path) -> None:
    assert read_events(str(tmp_path)) == ([], None, "no tracefs is mounted")


def test_an_unreadable_file_is_an_error(root: pathlib.Path) -> None:
    file = root / "sys/kernel/tracing/kprobe_events"
    file.unlink()
    file.mkdir()
    assert read_events(str(root)).error == "/sys/kernel/tracing/kprobe_events: Is a directory"
