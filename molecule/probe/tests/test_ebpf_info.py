# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""eBPF as bpftool sees it, every layer that can refuse it made to refuse it, and nothing that stays."""

from __future__ import annotations

import contextlib
import json
import re
import time
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.attach_methods import METHODS
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.maps import MAPS
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.programs import PROGRAMS

testinfra_hosts = ["ansible://go_hosts"]

AGENT = {"name": "agent", "capabilities": ["CAP_BPF", "CAP_PERFMON"]}
BY_LINK = ["fentry", "raw_tracepoint", "kprobe_multi", "uprobe_multi"]
BY_EVENT = ["kprobe_perf", "uprobe_perf"]

# What bpftool does not ask, by the version that prints it. Nothing else may differ.
UNASKED = {
    # Younger than it: the kernel of the same release does not have them either.
    "7.1": {"programs": {"netfilter"}, "maps": {"cgrp_storage", "arena"}},
    "7.5": {"programs": set(), "maps": set()},
}
# Types that must name what they attach to: bpftool prints empty lists for them, without asking.
HELPERS_UNASKED = {"tracing", "lsm", "ext", "struct_ops"}
# What the distribution did not build, whatever the version promises.
NOT_BUILT = {
    "programs": {"lirc_mode2"},  # a driver for remote controls
    "attach 6.1": {"kprobe_multi"},  # CONFIG_FPROBE, which Debian 12 leaves off
}


def release(host: t.Any) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", host.check_output("uname -r"))
    assert found
    return int(found.group(1)), int(found.group(2))


def layer(answer: dict[str, t.Any]) -> tuple[str, str]:
    return answer["answer"], answer["decided_by"]


@contextlib.contextmanager
def setting(host: t.Any, name: str, value: int) -> t.Iterator[None]:
    """A setting under kernel., put back at the end."""
    before = host.check_output("sysctl -n kernel.%s", name)
    try:
        host.run_test("sysctl -q -w kernel.%s=%s", name, str(value))
        yield
    finally:
        host.run("sysctl -q -w kernel.%s=%s", name, before)


@contextlib.contextmanager
def units(host: t.Any, **lines: list[str]) -> t.Iterator[None]:
    """Services that are never started, gofleet-ebpf-<name>."""
    directory = "/run/systemd/system"
    try:
        for name, own in lines.items():
            text = "\n".join(["[Service]", "ExecStart=/bin/true", *own])
            host.run_test("printf '%%s\\n' %s > %s/gofleet-ebpf-%s.service", text, directory, name)
        host.run_test("systemctl daemon-reload")
        yield
    finally:
        host.run("rm -f %s/gofleet-ebpf-*.service; systemctl daemon-reload", directory)


def asked_of_bpftool(host: t.Any) -> dict[str, t.Any]:
    """The answers of bpftool under our names: types yes or no, helpers by type."""
    told = json.loads(host.check_output("bpftool feature probe kernel -j"))
    version = re.search(r"v(\d+\.\d+)", host.check_output("bpftool version"))
    assert version
    return {
        "version": version.group(1),
        "programs": {key[5:-10]: known for key, known in told["program_types"].items()},
        "maps": {key[5:-9]: known for key, known in told["map_types"].items()},
        "helpers": {key[: -len("_available_helpers")]: set(names) for key, names in told["helpers"].items()},
    }


def test_the_same_answers_as_bpftool(host: t.Any, run_module: t.Any) -> None:
    theirs = asked_of_bpftool(host)
    told = run_module("ebpf_info", subsets=["programs", "maps", "helpers"], helper_types=list(PROGRAMS))
    for subset in ("programs", "maps"):
        ours = {name: answer["answer"] == "yes" for name, answer in told[subset].items()}
        unasked = set(ours) - set(theirs[subset])
        assert unasked == UNASKED[theirs["version"]][subset]
        assert {name: ours[name] for name in theirs[subset]} == theirs[subset]
        assert not [name for name in unasked if ours[name]]
    for kind, names in theirs["helpers"].items():
        ours = {name for name, answer in told["helpers"][kind].items() if answer["answer"] == "yes"}
        if kind in HELPERS_UNASKED:
            assert names == set(), "bpftool began to ask: compare this type too"
        else:
            assert ours == names, kind
    for kind in ("tracing", "lsm"):
        assert told["helpers"][kind]["bpf_get_current_comm"]["answer"] == "yes"
        assert told["helpers"][kind]["bpf_skb_load_bytes"]["answer"] == "no"


def test_the_kernel_knows_what_its_version_promises(host: t.Any, run_module: t.Any) -> None:
    told = run_module("ebpf_info", subsets=["programs", "maps", "attach", "profiles"])
    kernel = release(host)
    for subset, table in (("programs", PROGRAMS), ("maps", MAPS), ("attach", METHODS)):
        not_built = NOT_BUILT.get(subset, set()) | NOT_BUILT.get(f"{subset} {kernel[0]}.{kernel[1]}", set())
        for name, kind in table.items():
            since = tuple(int(part) for part in kind.since.split("."))
            expected = "no" if name in not_built or kernel < since else "yes"
            assert (name, told[subset][name]["answer"]) == (name, expected), told[subset][name]["reason"]
    lacks = {"kprobe_multi_metrics"} if kernel < (6, 2) else set()
    assert {name for name, answer in told["profiles"].items() if answer["answer"] != "yes"} == lacks


def objects(host: t.Any) -> dict[str, t.Any]:
    """Everything of BPF that exists on the host."""
    found = {
        what: sorted(one["id"] for one in json.loads(host.check_output(f"bpftool {what} list -j")))
        for what in ("prog", "map", "link")
    }
    events = host.check_output("cat /sys/kernel/tracing/kprobe_events /sys/kernel/tracing/uprobe_events")
    groups = host.check_output("ls /sys/kernel/tracing/events | grep -c gofleet || true")
    return {**found, "events": events, "groups": groups, "pins": host.check_output("ls -R /sys/fs/bpf")}


@pytest.mark.on("deb12")
def test_nothing_stays(host: t.Any, run_module: t.Any) -> None:
    before = objects(host)
    printk = host.check_output("cat /sys/kernel/tracing/events/bpf_trace/bpf_trace_printk/enable")
    lines = host.check_output("dmesg | wc -l")
    refused = {"name": "refused", "capabilities": ["CAP_BPF", "CAP_PERFMON", "CAP_DAC_OVERRIDE"]}
    told = run_module("ebpf_info", subsets=[], helper_types=["kprobe"], identity=[refused])
    # Its event in tracefs was made, and then the program refused.
    assert layer(told["identities"]["refused"]["attach"]["kprobe_tracefs"]) == ("no", "sysctl")
    deadline = time.monotonic() + 30
    # The kernel frees programs a moment after their last user is gone.
    while objects(host) != before and time.monotonic() < deadline:
        time.sleep(1)
    assert objects(host) == before
    assert host.check_output("cat /sys/kernel/tracing/events/bpf_trace/bpf_trace_printk/enable") == printk
    new = host.check_output("dmesg | tail -n +%s", str(int(lines) + 1))
    assert "bpf" not in new


def test_capabilities_and_what_a_distribution_adds(host: t.Any, run_module: t.Any) -> None:
    identity = [
        {"name": "nobody"},
        {"name": "loader", "capabilities": ["CAP_BPF"]},
        AGENT,
        {"name": "admin", "capabilities": ["CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN"]},
    ]
    assert host.check_output("sysctl -n kernel.perf_event_paranoid") == "3", "the default of Debian"
    told = run_module("ebpf_info", subsets=["programs", "maps", "attach", "profiles"], identity=identity)
    by_link = [name for name in BY_LINK if told["attach"][name]["answer"] == "yes"]
    assert {"fentry", "raw_tracepoint"} <= set(by_link)
    nobody, loader, agent, admin = (told["identities"][one["name"]] for one in identity)

    for subset, name in (("programs", "socket_filter"), ("maps", "array")):
        assert layer(nobody[subset][name]) == ("no", "sysctl")
        assert "kernel.unprivileged_bpf_disabled is 2" in nobody[subset][name]["reason"]
        assert layer(loader[subset][name]) == ("yes", "kernel")
    for name in (*by_link, *BY_EVENT):
        assert layer(nobody["attach"][name]) == ("no", "capability")
        assert layer(loader["attach"][name]) == ("no", "capability")
        assert "lacks CAP_PERFMON" in loader["attach"][name]["reason"]
        assert layer(admin["attach"][name]) == ("yes", "kernel")

    assert [layer(agent["attach"][name]) for name in by_link] == [("yes", "kernel")] * len(by_link)
    for name in BY_EVENT:
        assert layer(agent["attach"][name]) == ("no", "sysctl")
        assert "kernel.perf_event_paranoid is 3" in agent["attach"][name]["reason"]
        assert "kernel.perf_event_paranoid to 2" in agent["attach"][name]["fix"]
    assert layer(agent["attach"]["kprobe_tracefs"]) == ("no", "capability")
    assert layer(agent["profiles"]["kprobe_metrics"]) == ("no", "sysctl")
    assert layer(agent["profiles"]["fentry_metrics"]) == ("yes", "kernel")
    assert layer(agent["profiles"]["obi_traces"])[0] == "no"


@pytest.mark.on("deb12")
def test_the_setting_lifted(host: t.Any, run_module: t.Any) -> None:
    with setting(host, "perf_event_paranoid", 2):
        told = run_module("ebpf_info", subsets=["attach", "profiles"], identity=[AGENT])["identities"][
            "agent"
        ]
    assert layer(told["attach"]["kprobe_perf"]) == ("yes", "kernel")
    assert layer(told["profiles"]["kprobe_metrics"]) == ("yes", "kernel")
    # CVE-2025-38466: perf gives no uprobe to CAP_PERFMON alone any more.
    assert layer(told["attach"]["uprobe_perf"]) == ("no", "capability")
    assert "lacks CAP_SYS_ADMIN" in told["attach"]["uprobe_perf"]["reason"]


@pytest.mark.on("deb12")
def test_unprivileged_bpf_lifted(host: t.Any, run_module: t.Any) -> None:
    with setting(host, "unprivileged_bpf_disabled", 0):
        told = run_module("ebpf_info", subsets=["programs", "maps"], identity=[{"name": "nobody"}])
    nobody = told["identities"]["nobody"]
    unprivileged = {name for name, kind in PROGRAMS.items() if kind.unprivileged}
    assert {name for name, answer in nobody["programs"].items() if answer["answer"] == "yes"} == unprivileged
    free = {name for name, kind in MAPS.items() if kind.open and told["maps"][name]["answer"] == "yes"}
    assert {name for name, answer in nobody["maps"].items() if answer["answer"] == "yes"} == free


@pytest.mark.on("deb12")
def test_filters_and_user_namespaces_of_units(host: t.Any, run_module: t.Any) -> None:
    kinds = {
        "killed": ["SystemCallFilter=@system-service"],
        "refused": ["SystemCallFilter=@system-service", "SystemCallErrorNumber=EPERM"],
        "allowed": ["SystemCallFilter=@system-service bpf perf_event_open"],
        "noevents": ["SystemCallFilter=@system-service bpf"],
        "inside": ["PrivateUsers=yes"],
    }
    identity = [{"name": name, "unit": f"gofleet-ebpf-{name}.service"} for name in kinds]
    with units(host, **kinds):
        told = run_module("ebpf_info", subsets=["programs", "attach", "profiles"], identity=identity)[
            "identities"
        ]
    for name in ("killed", "refused"):
        assert {layer(answer) for answer in told[name]["programs"].values()} == {("no", "seccomp")}
        assert {layer(answer) for answer in told[name]["attach"].values()} == {("no", "seccomp")}
        assert "Add bpf to SystemCallFilter=" in told[name]["profiles"]["fentry_metrics"]["fix"]
    assert layer(told["allowed"]["attach"]["kprobe_perf"]) == ("yes", "kernel")
    assert layer(told["noevents"]["attach"]["fentry"]) == ("yes", "kernel")
    assert layer(told["noevents"]["attach"]["kprobe_perf"]) == ("no", "seccomp")
    assert "perf_event_open" in told["noevents"]["attach"]["kprobe_perf"]["fix"]
    assert layer(told["inside"]["programs"]["kprobe"]) == ("no", "capability")
    assert "user namespace" in told["inside"]["programs"]["kprobe"]["reason"]


@pytest.mark.on("deb12")
@pytest.mark.parametrize(
    ("profile", "said"),
    [("kprobe_metrics", "kernel.perf_event_paranoid is 3"), ("obi_traces", "CAP_SYS_PTRACE")],
)
def test_require_refuses_with_reason_and_remedy(
    host: t.Any, run_module: t.Any, profile: str, said: str
) -> None:
    told = run_module(
        "ebpf_info", subsets=["profiles"], identity=[AGENT], require=[profile, "fentry_metrics"]
    )
    assert told["error"]["subject"] == profile
    assert f"{profile} for agent: no (sysctl)" in told["error"]["found"]
    assert said in told["error"]["found"]
    assert "kernel.perf_event_paranoid to 2" in told["error"]["remedy"]
