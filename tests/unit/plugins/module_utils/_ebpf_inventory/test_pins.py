# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.pins import read_pins

from .._ebpf.stand_in_bpf import StandInBpf, link_info, map_info, namespaces

LINE = "33 23 0:28 / {point} rw,relatime shared:10 - bpf bpf rw,mode=700\n"


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    namespaces(tmp_path)
    (tmp_path / "proc/self/mountinfo").write_text(LINE.format(point="/sys/fs/bpf"))
    (tmp_path / "proc/self/fd").mkdir()
    (tmp_path / "sys/fs/bpf/deep").mkdir(parents=True)
    return tmp_path


class Opened:
    """Write the target of every descriptor to /proc/self/fd as a real kernel does."""

    def __init__(self, root: pathlib.Path, bpf: StandInBpf) -> None:
        self.root, self.bpf, self._info = root, bpf, bpf.info
        bpf.info = self.info  # type: ignore[method-assign]
        for number in range(3, 60):
            (root / f"proc/self/fd/{number}").symlink_to("anon_inode:bpf-map")

    def info(self, descriptor: int, **arguments: object) -> object:
        return self._info(descriptor)


def test_pins_of_all_directories_are_found(root: pathlib.Path) -> None:
    bpf = StandInBpf({"MAP": {5: map_info(5, kind=2)}, "LINK": {6: link_info(6, kind=1, program=1)}})
    for name in ("deep/map", "not-ours", "again", "maps.debug"):
        (root / "sys/fs/bpf" / name).write_text("")
    (root / "sys/fs/bpf/loop").symlink_to(".")
    bpf.pins = {str(root / "sys/fs/bpf" / name): ("MAP", 5) for name in ("deep/map", "again")}
    Opened(root, bpf)
    pins = read_pins(bpf, str(root), pids=[])
    assert [(pin.path, pin.kind, pin.id) for pin in pins.pins] == [
        ("/sys/fs/bpf/again", "map", 5),
        ("/sys/fs/bpf/deep/map", "map", 5),
    ]
    assert pins.unread == ["/sys/fs/bpf/not-ours: Permission denied"]


def test_a_bpffs_of_another_mount_namespace_is_walked(root: pathlib.Path) -> None:
    process = root / "proc/9"
    (process / "ns").mkdir(parents=True)
    (process / "ns/mnt").symlink_to("mnt:[77]")
    other = LINE.format(point="/sys/fs/bpf").replace("0:28", "0:99")
    (process / "mountinfo").write_text(LINE.format(point="/elsewhere") + other)
    (process / "root/sys/fs/bpf").mkdir(parents=True)
    (process / "root/sys/fs/bpf/map").write_text("")
    bpf = StandInBpf({"MAP": {5: map_info(5, kind=2)}})
    bpf.pins = {str(process / "root/sys/fs/bpf/map"): ("MAP", 5)}
    Opened(root, bpf)
    pins = read_pins(bpf, str(root), pids=[9, 10])
    # This process sees the first device itself, and it is not walked twice.
    assert [pin.path for pin in pins.pins] == ["/proc/9/root/sys/fs/bpf/map"]


def test_without_a_bpffs_there_are_no_pins(tmp_path: pathlib.Path) -> None:
    assert read_pins(StandInBpf({}), str(tmp_path), pids=[]) == ([], [])


def test_the_number_of_pins_is_bounded(root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_inventory.pins._MAX_ENTRIES", 1
    )
    for name in ("a", "b"):
        (root / "sys/fs/bpf" / name).mkdir()
    assert read_pins(StandInBpf({}), str(root), pids=[]).unread == ["/sys/fs/bpf: more than 1 names"]
