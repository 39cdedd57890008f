# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.btf import Btf
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.btf_prototype import Prototype
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel_symbol.sources import parse_release
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import Probe

from .._kernel.btf_writer import BtfWriter, kernel
from .._kernel.kernel_tree import lists, tree

RELEASES = {
    "6.1.0-56-cloud-amd64": (6, 1),
    "6.12.117+deb13-cloud-amd64": (6, 12),
    "5.15-custom": (5, 15),
    "6.18.44-fc-v657\n": (6, 18),
    "": (99, 0),
    "next": (99, 0),
    "6": (6,),
}


@pytest.mark.parametrize(("text", "release"), RELEASES.items())
def test_the_release_is_parsed(text: str, release: tuple[int, ...]) -> None:
    assert parse_release(text) == release


@pytest.mark.parametrize(("kernel", "multi"), [("6.1", "no"), ("6.12", "yes")])
def test_recorded_kernels_are_probed(tmp_path: pathlib.Path, kernel: str, multi: str) -> None:
    """Debian 13 has CONFIG_FPROBE, Debian 12 does not."""
    found, symbols = lists(tree(tmp_path, kernel))
    assert found.counts_symbols
    assert found.checks_notrace
    assert {method: answer.answer for method, answer in found.sources.items()} == {
        "kprobe_perf": "yes",
        "kprobe_tracefs": "yes",
        "kprobe_multi": multi,
    }
    assert found.is_init(symbols.named("debug_kernel")[0].address)
    assert not found.is_init(symbols.named("vfs_read")[0].address)
    assert not found.is_init(0)
    assert found.has_module("scsi_mod")


def test_missing_sources_are_reported(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12", kprobe_events=None, available_filter_functions=None, type=None)
    found = lists(root)[0].sources
    assert found["kprobe_perf"].answer == "no"
    assert "CONFIG_KPROBE_EVENTS" in found["kprobe_perf"].reason
    assert found["kprobe_tracefs"].answer == "unknown"
    assert "sys-kernel-tracing.mount" in found["kprobe_tracefs"].reason


def test_a_tracefs_without_kprobe_events_is_no(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12", kprobe_events=None)
    assert lists(root)[0].sources["kprobe_tracefs"].answer == "no"


def test_prototypes_are_read(tmp_path: pathlib.Path) -> None:
    found = lists(tree(tmp_path, "6.12"))[0]
    known = found.prototype("vfs_read")
    assert isinstance(known, Prototype)
    assert len(known.arguments) == 4
    none = found.prototype("match_id.isra.0")
    assert isinstance(none, Probe)
    assert (none.answer, none.decided_by) == ("no", "kernel")


def test_types_of_a_module_are_read_from_its_file(tmp_path: pathlib.Path) -> None:
    found = lists(tree(tmp_path, "6.12"))[0]
    assert isinstance(found.btf("vmlinux"), Btf)
    missing = found.prototype("show_vpd_pg83", module="scsi_mod")
    assert isinstance(missing, Probe)
    assert "/sys/kernel/btf/scsi_mod" in missing.reason
    assert missing.answer == "no"


def test_types_of_a_module_need_those_of_the_kernel(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12")
    base, types = kernel()
    split = BtfWriter(base=base)
    split.function("show_vpd_pg83", types["int"], dev=types["void *"])
    (tmp_path / "sys/kernel/btf/vmlinux").write_bytes(base.bytes())
    (tmp_path / "sys/kernel/btf/scsi_mod").write_bytes(split.bytes())
    known = lists(root)[0].prototype("show_vpd_pg83", module="scsi_mod")
    assert isinstance(known, Prototype)
    assert known.arguments == (("dev", "void *"),)


def test_damaged_types_are_unknown_and_missing_ones_are_no(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12")
    (tmp_path / "sys/kernel/btf/vmlinux").write_bytes(b"\x9f\xeb")
    damaged = lists(root)[0].prototype("vfs_read")
    assert isinstance(damaged, Probe)
    assert damaged.answer == "unknown"
    (tmp_path / "sys/kernel/btf/vmlinux").unlink()
    missing = lists(root)[0].prototype("vfs_read")
    assert isinstance(missing, Probe)
    assert missing.answer == "no"


def test_a_damaged_prototype_is_unknown(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12")
    writer, types = kernel()
    writer.function("vfs_read", types["int"], file=12345)
    (tmp_path / "sys/kernel/btf/vmlinux").write_bytes(writer.bytes())
    damaged = lists(root)[0].prototype("vfs_read")
    assert isinstance(damaged, Probe)
    assert "type 12345" in damaged.reason
