# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.kallsyms import (
    Kallsyms,
    Symbol,
    read_kallsyms,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import Probe

from .._probe.stand_in import FIXTURES

TEXT = b"""\
ffffffff81000000 T _stext
ffffffff81000010 t show
ffffffff81000020 t show
ffffffff81000030 T vfs_read
ffffffff81000030 W alias_of_vfs_read
ffffffff81000040 t vfs_read.cold
ffffffff81000050 t vfs_read.part.0
ffffffff81000060 t __vfs_read
ffffffff81000070 d show
ffffffff81000080 d vfs_read.data
ffffffffc0000000 t show\t[ext4]
ffffffffc0000010 t vfs_read.part.0\t[ext4]
ffffffffc0000100 t bpf_prog_0123456789abcdef_show\t[bpf]
ffffffffc0000200 t ftrace_trampoline\t[__builtin__ftrace]
"""


def test_a_symbol_is_found_by_its_exact_name() -> None:
    symbols = Kallsyms(TEXT)
    assert symbols.named("vfs_read") == [Symbol(0xFFFFFFFF81000030, "T", "vfs_read", "")]
    assert symbols.named("fs_read") == []
    assert symbols.named("vfs_rea") == []
    assert symbols.named("T") == []
    assert symbols.named("") == []
    assert symbols.named("_stext")[0].address == 0xFFFFFFFF81000000


def test_symbols_of_the_kernel_come_first() -> None:
    found = Kallsyms(TEXT).named("show")
    assert [(symbol.kind, symbol.module, symbol.is_code) for symbol in found] == [
        ("t", "", True),
        ("t", "", True),
        ("d", "", False),
        ("t", "ext4", True),
    ]


def test_symbols_created_at_run_time_are_ignored() -> None:
    symbols = Kallsyms(TEXT)
    assert symbols.named("bpf_prog_0123456789abcdef_show") == []
    assert symbols.named("ftrace_trampoline") == []


def test_variants_are_functions_listed_once() -> None:
    assert Kallsyms(TEXT).variants("vfs_read") == ["vfs_read.cold", "vfs_read.part.0"]
    assert Kallsyms(TEXT).variants("show") == []


def test_all_names_of_an_address_are_found() -> None:
    assert Kallsyms(TEXT).at(0xFFFFFFFF81000030) == ["vfs_read", "alias_of_vfs_read"]
    assert Kallsyms(TEXT).at(0xFFFFFFFF81000000) == ["_stext"]
    assert Kallsyms(TEXT).at(0) == []


def test_loaded_modules_are_found() -> None:
    assert Kallsyms(TEXT).has_module("ext4")
    assert not Kallsyms(TEXT).has_module("xfs")


def test_hidden_addresses_have_no_names() -> None:
    (symbol,) = Kallsyms(b"0000000000000000 T vfs_read\n").named("vfs_read")
    assert symbol.address == 0


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_recorded_symbols_are_found(kernel: str) -> None:
    symbols = read_kallsyms(str(FIXTURES / kernel))
    assert isinstance(symbols, Kallsyms)
    assert len(symbols.named("pc_show")) == 2
    assert [symbol.kind for symbol in symbols.named("watchdog")] == ["t", "b"]
    assert symbols.variants("match_id") == ["match_id.isra.0"]
    assert symbols.named("show_vpd_pg83")[0].module == "scsi_mod"
    aliases = symbols.at(symbols.named("__do_sys_fork")[0].address)
    assert {"__do_sys_fork", "__ia32_sys_fork", "__x64_sys_fork"} <= set(aliases)


DAMAGED = [
    b"",
    b"\n\n\n",
    b"vfs_read",
    b" T vfs_read\n",
    b"zzzz T vfs_read\n",
    b"ffffffff81000030  vfs_read\n",
    b"ffffffff81000030 T vfs_read more\n",
    b"\0\xff\xfe T vfs_read\0\n",
]


@pytest.mark.parametrize("data", DAMAGED)
def test_damaged_data_has_no_symbols(data: bytes, tmp_path: pathlib.Path) -> None:
    assert Kallsyms(data).named("vfs_read") == []
    assert Kallsyms(data).variants("vfs_read") == []
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/kallsyms").write_bytes(data)
    found = read_kallsyms(str(tmp_path))
    assert isinstance(found, Probe)
    assert found.answer == "unknown"


def test_truncated_data_can_be_searched() -> None:
    """Finds no symbol that the complete file does not have."""
    for length in range(len(TEXT)):
        for symbol in Kallsyms(TEXT[:length]).named("vfs_read"):
            assert symbol.name == "vfs_read"


def test_a_missing_file_is_unknown(tmp_path: pathlib.Path) -> None:
    found = read_kallsyms(str(tmp_path))
    assert isinstance(found, Probe)
    assert "CONFIG_KALLSYMS" in found.reason
