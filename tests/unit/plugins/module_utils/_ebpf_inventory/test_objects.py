# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.objects import (
    objects_of_descriptors,
    read_objects,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.owners import Held, parse_fdinfo
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.query import (
    Contents,
    PerfUse,
    attached_programs,
    map_ids,
    perf_use,
    read_contents,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._ebpf.stand_in_bpf import StandInBpf, link_info, map_info, program_info
from .._probe.stand_in import FIXTURES

KPROBE, RAW_TRACEPOINT = 2, 17
REFUSED = Outcome(-1, errno.EPERM)


def bpf() -> StandInBpf:
    stand_in = StandInBpf(
        {
            "PROG": {
                3: program_info(3, kind=KPROBE, name="count", loaded=7, maps=2),
                4: program_info(4, kind=99, name=""),
            },
            "MAP": {5: map_info(5, kind=3), 6: map_info(6, kind=2), 7: map_info(7, kind=13)},
            "LINK": {8: link_info(8, kind=1, program=3), 9: link_info(9, kind=6, program=4)},
        }
    )
    stand_in.maps_of = {3: (5, 6)}
    stand_in.contents = {5: {0: 3, 1: 0}, 7: {1: 6}}
    stand_in.names = {8: b"sys_enter"}
    return stand_in


def test_all_objects_are_read_and_nothing_stays_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    objects = read_objects(bpf(), "/nowhere", cgroups={})
    assert len(os.listdir("/proc/self/fd")) == before
    assert [(one.id, one.type, one.name, one.map_ids) for one in objects.programs.values()] == [
        (3, "kprobe", "count", (5, 6)),
        (4, "type_99", "", ()),
    ]
    assert [(one.id, one.type, one.bytes, one.contents) for one in objects.maps.values()] == [
        (5, "prog_array", None, Contents((3,), True)),
        (6, "array", None, None),
        (7, "hash_of_maps", None, Contents((6,), True)),
    ]
    assert [(one.id, one.program, one.target.text) for one in objects.links.values()] == [
        (8, 3, "raw_tracepoint sys_enter"),
        (9, 4, "interface gone"),
    ]
    assert objects.refused == {}


def test_recorded_objects_are_parsed() -> None:
    tree = FIXTURES / "6.12" / "bpf"
    stand_in = StandInBpf(
        {
            "PROG": {21: (tree / "program_29").read_bytes()},
            "MAP": {14: (tree / "map_27").read_bytes()},
            "LINK": {2: (tree / "link_2").read_bytes()},
        }
    )
    stand_in.maps_of = {21: (11,)}
    objects = read_objects(stand_in, "/nowhere", cgroups={})
    # As bpftool printed them.
    program, map_ = objects.programs[21], objects.maps[14]
    assert (program.id, program.type, program.name, program.tag, program.uid, program.map_ids) == (
        21,
        "lsm",
        "restrict_filesy",
        "e8932b6bae2b9745",
        0,
        (11,),
    )
    assert (map_.type, map_.name, map_.max_entries) == ("ringbuf", "written_sysctls", 262144)
    assert (objects.links[2].type, objects.links[2].program) == ("tracing", 21)


def test_freed_objects_are_skipped() -> None:
    stand_in = bpf()
    stand_in.vanished = {("PROG", 3), ("MAP", 6), ("LINK", 8)}
    objects = read_objects(stand_in, "/nowhere", cgroups={})
    assert (list(objects.programs), list(objects.maps), list(objects.links)) == ([4], [5, 7], [9])


def test_refused_kinds_are_returned() -> None:
    stand_in = bpf()
    stand_in.refused = {"LINK": REFUSED}
    objects = read_objects(stand_in, "/nowhere", cgroups={})
    assert (objects.refused, objects.links, len(objects.programs)) == ({"LINK": REFUSED}, {}, 2)


def test_contents_are_whole_only_if_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = bpf()
    descriptor = stand_in.open_id("MAP", 5).value
    try:
        stand_in.contents[5] = {0: 3, 1: -errno.EPERM}
        assert read_contents(stand_in, descriptor, key_size=4) == Contents((3,), False)
        stand_in.contents[5] = dict.fromkeys(range(5), 3)
        monkeypatch.setattr(
            "ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.query._MAX_CONTENTS", 5
        )
        assert read_contents(stand_in, descriptor, key_size=4).whole is False
    finally:
        os.close(descriptor)


def test_attached_programs_are_queried() -> None:
    stand_in = bpf()
    stand_in.attached = {0: (3, 4), 1: REFUSED}
    assert attached_programs(stand_in, 9, 0) == (3, 4)
    assert attached_programs(stand_in, 9, 1) == REFUSED
    assert attached_programs(stand_in, 9, 2) == ()


def test_perf_events_are_queried() -> None:
    stand_in = bpf()
    stand_in.perf = {(70, 5): (3, 2, 16, b"vfs_read"), (70, 6): Outcome(-1, errno.ENOENT)}
    assert perf_use(stand_in, 70, 5) == PerfUse(70, 5, 0, 3, "kprobe", "vfs_read", 16)
    assert perf_use(stand_in, 70, 6) == PerfUse(70, 6, errno=errno.ENOENT)


def test_a_freed_program_has_no_maps() -> None:
    stand_in = bpf()
    descriptor = stand_in.open_id("PROG", 3).value
    try:
        stand_in.vanished = {("PROG", 3)}
        assert map_ids(stand_in, descriptor, count=2) == ()
    finally:
        os.close(descriptor)


def test_objects_are_read_from_descriptors() -> None:
    """Reads the descriptors that an unprivileged user sees of its own processes."""
    held = []
    for number, path in enumerate(sorted((FIXTURES / "6.12" / "proc").glob("*/fdinfo/*"))):
        fields = parse_fdinfo(path.read_text())
        for kind, name in (("link", "link_id"), ("map", "map_id"), ("program", "prog_id")):
            if name in fields:
                held.append(Held(kind, int(fields[name]), 7, number, fields))
                break
    objects = objects_of_descriptors([*held, Held("map", None, 7, 99, {}), Held("map", 4000, 7, 98, {})])
    assert {one.type for one in objects.programs.values()} >= {"lsm", "cgroup_sysctl", "raw_tracepoint"}
    assert {one.type for one in objects.maps.values()} >= {"hash_of_maps", "unknown"}
    assert {one.type for one in objects.links.values()} == {"tracing", "cgroup", "raw_tracepoint"}
    assert objects.maps[11].bytes == 164840
