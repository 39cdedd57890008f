# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.link_info import (
    name_request,
    parse_target,
)

from .._ebpf.stand_in_bpf import link_info
from .._probe.stand_in import FIXTURES

CGROUP = struct.pack("=QI", 77, 6)
KPROBE = struct.pack("=IIQIIQ", 3, 0, 0, 20, 16, 0)
TARGETS = {
    "raw_tracepoint": (1, "raw_tracepoint", b"", b"sys_enter", "raw_tracepoint sys_enter"),
    "raw_tracepoint without a name": (1, "raw_tracepoint", b"", b"", None),
    "tracing": (2, "tracing", struct.pack("=III", 24, 1, 5), b"", "trace_fentry BTF object 1 id 5"),
    "cgroup": (3, "cgroup", CGROUP, b"", "cgroup /system.slice/a.service (cgroup_device)"),
    "netns": (5, "netns", struct.pack("=II", 9, 36), b"", "network namespace 9 (sk_lookup)"),
    "xdp": (6, "xdp", struct.pack("=I", 2), b"", "interface 2"),
    "kprobe of a perf event": (7, "perf_event", KPROBE, b"vfs_read", "kprobe vfs_read+0x10"),
    "perf event of an old kernel": (7, "perf_event", b"", b"", None),
    "hardware event": (7, "perf_event", struct.pack("=IIQI", 6, 0, 1, 0), b"", "perf event type 0 config 1"),
    "tracepoint": (7, "perf_event", struct.pack("=I", 5), b"sys_enter_open", "tracepoint sys_enter_open"),
    "kprobe_multi": (8, "kprobe_multi", struct.pack("=QI", 0, 3), b"", "kprobes (3 places)"),
    "struct_ops": (9, "struct_ops", struct.pack("=I", 4), b"", "map 4"),
    "netfilter": (
        10,
        "netfilter",
        struct.pack("=IIiI", 2, 1, -5, 0),
        b"",
        "netfilter protocol 2 hook 1 priority -5",
    ),
    "tcx": (11, "tcx", struct.pack("=II", 3, 46), b"", "interface 3 (tcx_ingress)"),
    "uprobe_multi": (
        12,
        "uprobe_multi",
        struct.pack("=QQQQIIII", 0, 0, 0, 0, 8, 2, 0, 99),
        b"/bin/app",
        "uprobes /bin/app (2 places) of process 99",
    ),
    "a type of tomorrow": (99, "type_99", b"\xff" * 64, b"", None),
}


@pytest.mark.parametrize(("number", "kind", "union", "name", "text"), TARGETS.values(), ids=TARGETS.keys())
def test_targets_are_parsed(number: int, kind: str, union: bytes, name: bytes, text: str | None) -> None:
    data = link_info(1, kind=number, program=2, union=union)
    target = parse_target(kind, data, name=name, cgroups={77: "/system.slice/a.service"})
    assert (target.text, target.lost) == (text, False)


@pytest.mark.parametrize("kind", ["cgroup", "netns", "xdp", "tcx", "netkit", "sockmap", "struct_ops"])
def test_a_lost_target_is_recognized(kind: str) -> None:
    assert parse_target(kind, bytes(256)).lost


def test_recorded_links_are_parsed() -> None:
    tree = FIXTURES / "6.12" / "bpf"
    # bpftool showed the same links: lsm_mac on object 1 id 55791, cgroup_sysctl on control group 1.
    tracing = parse_target("tracing", (tree / "link_2").read_bytes())
    assert tracing.text == "lsm_mac BTF object 1 id 55791"
    assert (
        parse_target("cgroup", (tree / "link_3").read_bytes(), cgroups={1: "/"}).text
        == "cgroup / (cgroup_sysctl)"
    )
    assert parse_target("cgroup", (tree / "link_3").read_bytes()).cgroup_id == 1


def test_a_name_is_requested_where_the_type_has_one() -> None:
    pointer, request = name_request("raw_tracepoint", bytes(256)) or (0, b"")
    assert (pointer, struct.unpack_from("=I", request, 24)) == (16, (512,))
    pointer, request = name_request("perf_event", link_info(1, kind=7, program=1, union=KPROBE)) or (0, b"")
    assert (pointer, struct.unpack_from("=I", request, 32)) == (24, (512,))
    assert name_request("perf_event", bytes(256)) is None
    assert name_request("cgroup", bytes(256)) is None


def test_random_data_is_not_an_error() -> None:
    for kind in ("cgroup", "tracing", "perf_event", "uprobe_multi", "netfilter", "xdp", "iter"):
        target = parse_target(kind, b"\xff" * 256, name=b"\xff\xfe\0")
        assert target.text is None or isinstance(target.text, str)
