# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import pathlib
import struct
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.attachments import (
    CgroupTree,
    attachment_of,
    initial_namespace,
    read_attachments,
    walk_cgroups,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.events import event_use
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.objects import read_objects
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.owners import Held, Owners
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.tracefs import Event
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._ebpf.stand_in_bpf import StandInBpf, link_info, map_info, namespaces, program_info

TYPES = {
    "kprobe": 2,
    "sched_cls": 3,
    "perf_event": 7,
    "cgroup_skb": 8,
    "raw_tracepoint": 17,
    "tracing": 26,
    "lsm": 29,
}
PERF = Held("perf_event", None, 70, 5, {})
NOBODY = Owners([], {}, [])
KPROBE_LINK = struct.pack("=IIQIIQ", 3, 0, 0, 9, 0, 0)


def answer(
    bpf: StandInBpf,
    *,
    number: int = 3,
    owners: Owners = NOBODY,
    hidden: str | None = None,
    root: str = "/nowhere",
) -> tuple[str, str]:
    paths = {1: "/"} if root != "/nowhere" else {}
    objects = read_objects(bpf, "/nowhere", cgroups=paths)
    tree = CgroupTree(root, paths, hidden)
    probe = attachment_of(objects.programs[number], read_attachments(bpf, objects, owners, tree), owners)
    return probe.answer, probe.reason


def one(kind: str, link: bytes | None = None) -> StandInBpf:
    return StandInBpf(
        {"PROG": {3: program_info(3, kind=TYPES[kind])}, "LINK": {} if link is None else {8: link}}
    )


@pytest.mark.parametrize("kind", ["raw_tracepoint", "tracing", "kprobe", "lsm", "cgroup_skb", "perf_event"])
def test_a_program_without_attachments_is_no(kind: str) -> None:
    assert answer(one(kind))[0] == "no"


@pytest.mark.parametrize("kind", TYPES)
def test_a_link_is_an_attachment(kind: str) -> None:
    assert answer(one(kind, link=link_info(8, kind=1, program=3))) == ("yes", "link 8: raw_tracepoint")


def test_a_link_without_its_target_is_not_an_attachment() -> None:
    assert answer(one("cgroup_skb", link=link_info(8, kind=3, program=3)))[0] == "no"


def test_places_that_cannot_be_read_are_unknown() -> None:
    assert answer(one("sched_cls")) == (
        "unknown",
        "no link has it, but a sched_cls program does not need a link: "
        "this module does not read traffic control filters",
    )
    assert answer(one("cgroup_skb"), hidden="it is dark") == (
        "unknown",
        "no attachment found, but it is dark",
    )
    bpf = one("tracing")
    bpf.refused = {"LINK": Outcome(-1, errno.EINVAL)}
    assert answer(bpf) == ("unknown", "no attachment found, but links cannot be listed")
    assert answer(one("kprobe"), owners=Owners([], {}, [1]))[0] == "unknown"
    future = StandInBpf({"PROG": {3: program_info(3, kind=99)}})
    assert answer(future)[0] == "unknown"


PERF_EVENTS: dict[str, tuple[str, t.Any, str]] = {
    "it runs it": ("kprobe", (3, 2, 0, b"vfs_read"), "yes"),
    "it runs another": ("kprobe", (4, 2, 0, b"vfs_read"), "no"),
    "it has none": ("kprobe", Outcome(-1, errno.ENOENT), "no"),
    "it was closed": ("kprobe", Outcome(-1, errno.EBADF), "no"),
    "it has one of another type": ("kprobe", Outcome(-1, errno.EOPNOTSUPP), "no"),
    "it may be this": ("perf_event", Outcome(-1, errno.EOPNOTSUPP), "unknown"),
    "it was refused": ("kprobe", Outcome(-1, errno.EPERM), "unknown"),
}


@pytest.mark.parametrize(("kind", "reported", "expected"), PERF_EVENTS.values(), ids=PERF_EVENTS.keys())
def test_perf_events_are_attachments(kind: str, reported: t.Any, expected: str) -> None:
    bpf = one(kind)
    bpf.perf = {(70, 5): reported}
    assert answer(bpf, owners=Owners([PERF], {}, []))[0] == expected


def test_control_groups_are_attachments(tmp_path: pathlib.Path) -> None:
    bpf = one("cgroup_skb")
    bpf.attached = {1: (3,), 0: Outcome(-1, errno.EINVAL)}
    assert answer(bpf, root=str(tmp_path)) == ("yes", "cgroup / (cgroup_inet_egress)")
    bpf.attached = {0: Outcome(-1, errno.EPERM)}
    found, reason = answer(bpf, root=str(tmp_path))
    assert (found, "Operation not permitted" in reason) == ("unknown", True)
    gone = str(tmp_path / "gone")
    assert answer(one("cgroup_skb"), root=gone)[0] == "no"


def test_tail_calls_are_attachments() -> None:
    bpf = one("kprobe")
    bpf.objects = {**bpf.objects, "MAP": {5: map_info(5, kind=3)}}
    bpf.contents = {5: {0: 3}}
    assert answer(bpf) == ("yes", "tail call in map 5")
    bpf.contents = {5: {0: -errno.EPERM}}
    assert answer(bpf) == ("unknown", "no attachment found, but map 5 of tail calls could not be read")


def test_control_groups_are_found(tmp_path: pathlib.Path) -> None:
    namespaces(tmp_path)
    (tmp_path / "proc/self/mountinfo").write_text("1 2 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    (tmp_path / "sys/fs/cgroup/system.slice/a.service").mkdir(parents=True)
    tree = walk_cgroups(str(tmp_path))
    assert list(tree.paths.values()) == ["/", "/system.slice", "/system.slice/a.service"]
    assert os.stat(tmp_path / "sys/fs/cgroup").st_ino in tree.paths
    assert tree.hidden is None
    (tmp_path / "proc/self/ns/cgroup").unlink()
    assert walk_cgroups(str(tmp_path)).hidden == "control groups outside this namespace cannot be seen"


def test_a_missing_and_a_partial_hierarchy_are_reported(tmp_path: pathlib.Path) -> None:
    assert walk_cgroups(str(tmp_path)).hidden is not None
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text("1 2 0:26 /part /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    assert walk_cgroups(str(tmp_path)).mount is None


def test_the_number_of_control_groups_is_bounded(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespaces(tmp_path)
    (tmp_path / "proc/self/mountinfo").write_text("1 2 0:26 / /cg rw - cgroup2 cgroup2 rw\n")
    (tmp_path / "cg/a").mkdir(parents=True)
    monkeypatch.setattr(
        "ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.attachments._MAX_CGROUPS", 1
    )
    assert walk_cgroups(str(tmp_path)).hidden == "there are more than 1 control groups"


def test_the_initial_namespace_is_recognized(tmp_path: pathlib.Path) -> None:
    assert not initial_namespace(str(tmp_path), "pid")
    namespaces(tmp_path)
    assert initial_namespace(str(tmp_path), "pid")


EVENT = Event(
    "kprobe", "kprobes", "opens", "do_sys_openat2+0x10", "p:kprobes/opens do_sys_openat2+0x10", False
)
USES: dict[str, tuple[Event, t.Any, bytes, str]] = {
    "no user": (EVENT, None, b"", "no"),
    "the trace": (EVENT._replace(enabled=True), None, b"", "yes"),
    "unread": (EVENT._replace(enabled=None), None, b"", "unknown"),
    "a perf event there": (EVENT, (3, 2, 16, b"do_sys_openat2"), b"", "yes"),
    "a return probe there": (EVENT, (3, 3, 16, b"do_sys_openat2"), b"", "yes"),
    "a perf event elsewhere": (EVENT, (3, 2, 0, b"do_sys_openat2"), b"", "no"),
    "a perf event without place": (EVENT, (3, 2, 16, b""), b"", "unknown"),
    "a counter of perf": (EVENT, Outcome(-1, errno.ENOENT), b"", "unknown"),
    "a closed perf event": (EVENT, Outcome(-1, errno.ESRCH), b"", "no"),
    "a link elsewhere": (EVENT, None, KPROBE_LINK, "no"),
    "a link of an old kernel": (EVENT, None, b"\0" * 8, "unknown"),
}


@pytest.mark.parametrize(("event", "reported", "union", "expected"), USES.values(), ids=USES.keys())
def test_the_use_of_an_event_is_judged(event: Event, reported: t.Any, union: bytes, expected: str) -> None:
    bpf = one("kprobe", link_info(8, kind=7, program=3, union=union) if union else None)
    bpf.names = {8: b"vfs_read"}
    bpf.perf = {(70, 5): reported}
    owners = Owners([PERF], {}, []) if reported else NOBODY
    objects = read_objects(bpf, "/nowhere", cgroups={})
    perf = read_attachments(bpf, objects, owners, CgroupTree(None, {}, None)).perf
    assert event_use(event, objects, owners, perf).answer == expected


def test_refused_processes_or_links_make_the_use_unknown() -> None:
    bpf = one("kprobe")
    objects = read_objects(bpf, "/nowhere", cgroups={})
    assert event_use(EVENT, objects, Owners([], {}, [1]), []).answer == "unknown"
    refused = objects._replace(refused={"LINK": Outcome(-1, errno.EINVAL)})
    assert event_use(EVENT, refused, NOBODY, []).answer == "unknown"


def test_a_link_uses_its_event() -> None:
    bpf = one("kprobe", link=link_info(8, kind=7, program=3, union=struct.pack("=IIQII", 3, 0, 0, 9, 16)))
    bpf.names = {8: b"do_sys_openat2"}
    objects = read_objects(bpf, "/nowhere", cgroups={})
    assert event_use(EVENT, objects, NOBODY, []).reason == "link 8 is attached to it"
