# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lists say of functions against what the kernel does, and prototypes against bpftool."""

from __future__ import annotations

import base64
import json
import pathlib
import typing as t

import pytest

testinfra_hosts = ["ansible://go_hosts"]

PICK = pathlib.Path(__file__).with_name("pick_symbols.py")
ORACLE = PICK.with_name("bpftool_prototypes.py")
# How a function is attached to, with the kinds of functions of pick_symbols.py: research says, and the kernel is asked
# again here. y: always, n: never, ?: this kernel may have none of the method, or of the types.
KINDS = {
    "normal": "yy??",
    "missing": "nnnn",
    "base of a copy": "nnnn",
    "ambiguous": "nn??",
    "ambiguous with data": "nn??",
    "blacklisted": "nnnn",
    "blacklisted, traceable": "nn??",
    "copy": "yy?n",
    "constprop": "yy?n",
    "part": "yy?n",
    "part of a blacklisted": "nn?n",
    "cold": "yynn",
    "cold of a copy": "nnnn",
    "notrace": "nnnn",
    "init": "nnnn",
    "alias": "yy??",
    "module": "yy??",
    "data": "nnnn",
    "variadic": "yy?n",
    "denied": "yy?n",
    "seven arguments": "yy??",
}
METHODS = ("kprobe_perf", "kprobe_tracefs", "kprobe_multi", "fentry")
_FUNCTIONS = """
vfs_read vfs_write vfs_fsync vfs_statx tcp_sendmsg tcp_recvmsg tcp_connect tcp_close udp_sendmsg do_sys_openat2
wake_up_process kernel_clone __alloc_skb kfree_skb_reason bpf_prog_put security_file_open ip_queue_xmit dev_queue_xmit
__dev_queue_xmit blk_mq_start_request filp_close do_exit __kmalloc alloc_file_pseudo
"""
PROTOTYPES = _FUNCTIONS.split()


def run_script(host: t.Any, script: pathlib.Path, *arguments: str) -> t.Any:
    """What a script of this directory prints on the host."""
    text = base64.b64encode(script.read_bytes()).decode()
    return json.loads(host.check_output(f"echo %s | base64 -d | python3 - {' '.join(arguments)}", text))


def traces(host: t.Any) -> tuple[str, ...]:
    """What would show a probe that was left behind."""
    return (
        host.check_output("cat /sys/kernel/tracing/kprobe_events"),
        host.check_output("cat /sys/kernel/debug/kprobes/list | cut -c20-"),
        host.check_output("grep -v bpf_lsm /sys/kernel/tracing/enabled_functions || true"),
        host.check_output("bpftool prog show | grep -c gofleet_probe || true"),
        host.check_output("bpftool link show | grep -c -e kprobe -e perf_event -e tracing || true"),
    )


def look(run_module: t.Any, wishes: list[dict[str, t.Any]], **options: t.Any) -> list[dict[str, t.Any]]:
    result = run_module("kernel_symbol_info", symbols=wishes, **options)
    assert "symbols" in result, result
    assert result["changed"] is False
    return t.cast("list[dict[str, t.Any]]", result["symbols"])


def test_the_lists_say_what_the_kernel_does(host: t.Any, run_module: t.Any) -> None:
    kinds: dict[str, list[str]] = run_script(host, PICK)
    names = {name: kind for kind, picked in kinds.items() for name in picked}
    print(f"picked on {host.backend.host}: {kinds}")
    assert {"normal", "missing", "ambiguous", "blacklisted", "copy", "cold", "notrace"} <= set(names.values())
    before = traces(host)
    found = look(run_module, [{"name": name} for name in names], verify="attach")
    assert traces(host) == before
    differences: list[tuple[str, ...]] = []
    told: dict[str, int] = {}
    for one in found:
        name, kind = one["name"], names[one["name"]]
        for method, expected in zip(METHODS, KINDS[kind]):
            said, did = one["methods"][method], one["attached"][method]
            told[said["answer"]] = told.get(said["answer"], 0) + 1
            if said["answer"] == "unknown":
                print(
                    f"not told by the lists: {kind} {name} {method}: {said['reason']}; the kernel: {did['reason']}"
                )
            elif said["answer"] != did["answer"]:
                differences.append((kind, name, method, said["reason"], did["reason"]))
            if expected != "?" and did["answer"] != {"y": "yes", "n": "no"}[expected]:
                differences.append((kind, name, method, "expected " + expected, did["reason"]))
    print(f"{len(found)} functions, answers of the lists: {told}; {len(differences)} differ")
    assert differences == []
    # Of several symbols of one name, or of many arguments, the lists do not tell everything; of others they must.
    assert told.get("unknown", 0) <= 0.05 * sum(told.values())


def test_prototypes_agree_with_bpftool(host: t.Any, run_module: t.Any) -> None:
    others = run_script(host, ORACLE, *PROTOTYPES)
    found = {
        one["name"]: one["prototype"] for one in look(run_module, [{"name": name} for name in PROTOTYPES])
    }
    for name in PROTOTYPES:
        if name not in others:
            assert found[name] is None, name
            continue
        returns = found[name]["returns"].replace(" *", "*")
        ours = [[one["name"], one["type"].replace(" *", "*")] for one in found[name]["arguments"]]
        assert [returns, ours] == others[name], name
    print(f"{len(others)} prototypes compared on {host.backend.host}")
    assert len(others) >= 18


@pytest.mark.on("deb12")
def test_the_first_that_is_there_with_its_arguments(run_module: t.Any) -> None:
    opening = ["int", "const char *", "struct open_how *"]
    names = {
        "name": "do_sys_open_nonesuch",
        "alternatives": ["do_sys_openat2"],
        "methods": ["kprobe_perf", "fentry"],
    }
    right, moved, few = look(
        run_module, [{**names, "args": opening}, {**names, "args": opening[::-1]}, {**names, "args": 2}]
    )
    assert (right["chosen"], right["verdict"]["answer"]) == ("do_sys_openat2", "yes")
    for one in (moved, few):
        assert one["chosen"] is None
        assert "arguments moved" in one["rejected"][0]["verdict"]["reason"]


@pytest.fixture
def without_debugfs(host: t.Any) -> t.Iterator[None]:
    host.run_test("mount -t tmpfs none /sys/kernel/debug")
    yield
    host.run_test("umount /sys/kernel/debug")


@pytest.mark.on("deb12")
def test_a_list_that_is_not_mounted(without_debugfs: None, run_module: t.Any) -> None:
    (found,) = look(run_module, [{"name": "vfs_read", "methods": ["kprobe_perf"]}])
    assert found["verdict"]["answer"] == "unknown"
    assert found["blacklisted"] is None
    assert "sys-kernel-debug.mount" in found["verdict"]["reason"]


@pytest.fixture
def hidden(host: t.Any) -> t.Iterator[None]:
    before = host.check_output("sysctl -n kernel.kptr_restrict")
    host.run_test("sysctl -q -w kernel.kptr_restrict=2")
    yield
    host.run_test("sysctl -q -w kernel.kptr_restrict=%s", before)


@pytest.mark.on("deb12")
def test_hidden_addresses(hidden: None, run_module: t.Any) -> None:
    wishes = [{"name": name} for name in ("vfs_read", "__ia32_sys_fork", "do_trap", "schedule_nonesuch")]
    found = look(run_module, wishes, verify="attach")
    assert found[0]["kallsyms"]["address_hidden"] is True
    for one in found:
        for method in METHODS:
            said, did = one["methods"][method], one["attached"][method]
            assert said["answer"] in ("unknown", did["answer"]), (one["name"], method, said, did)
    assert found[0]["methods"]["kprobe_perf"]["answer"] == "yes"
    assert found[2]["blacklisted"] is True
