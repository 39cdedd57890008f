# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf import attach
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.attach import Attempt
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.bpf import Bpf
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.attach_methods import (
    METHODS,
    Targets,
    find_targets,
    judge_attempt,
    probe_attach,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import (
    CAP_BPF,
    CAP_PERFMON,
    CAP_SYS_ADMIN,
    Caller,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._probe.stand_in import NOBODY, ROOT
from .stand_in_ebpf import EACCES, EINVAL, EPERM, KILLED, Answer, Kernel, with_capabilities, write

AGENT = with_capabilities(CAP_BPF, CAP_PERFMON)
TRACER = with_capabilities(CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN)
NONE, INTEGRITY, CONFIDENTIAL = "[none]", "none [integrity]", "none integrity [confidentiality]"
NOWHERE = Targets("ksys_sync", 79769, 55791, "/sys/kernel/tracing")


@pytest.mark.parametrize(
    ("name", "step", "outcome", "caller", "lockdown", "answer", "decided_by"),
    [
        ("kprobe_perf", "source", Outcome(-1, errno.ENOENT), ROOT, NONE, "no", "kernel"),
        ("kprobe_perf", "source", EACCES, ROOT, NONE, "unknown", "kernel"),
        ("kprobe_perf", "load", EPERM, NOBODY, NONE, "no", "capability"),
        ("kprobe_perf", "open", EACCES, AGENT, NONE, "no", "sysctl"),
        ("kprobe_perf", "open", EPERM, TRACER, CONFIDENTIAL, "no", "lockdown"),
        ("kprobe_perf", "open", EPERM, TRACER, INTEGRITY, "no", "kernel"),
        ("kprobe_perf", "open", Outcome(-1, errno.ENOENT), ROOT, NONE, "unknown", "kernel"),
        ("kprobe_perf", "open", EINVAL, ROOT, NONE, "unknown", "kernel"),
        ("kprobe_perf", "attach", EINVAL, ROOT, NONE, "no", "kernel"),
        ("kprobe_tracefs", "source", EACCES, AGENT, NONE, "no", "capability"),
        ("kprobe_tracefs", "event", EACCES, AGENT, NONE, "no", "capability"),
        ("kprobe_tracefs", "event", EPERM, ROOT, CONFIDENTIAL, "no", "lockdown"),
        ("kprobe_tracefs", "event", EINVAL, ROOT, NONE, "unknown", "kernel"),
        ("kprobe_multi", "attach", Outcome(-1, errno.EOPNOTSUPP), ROOT, NONE, "no", "kernel"),
        ("kprobe_multi", "attach", Outcome(-1, errno.ESRCH), ROOT, NONE, "unknown", "kernel"),
        ("uprobe_multi", "attach", EINVAL, ROOT, NONE, "no", "kernel"),
        ("fentry", "attach", Outcome(-1, 524), ROOT, NONE, "no", "kernel"),
        ("fentry", "attach", EPERM, ROOT, NONE, "no", "kernel"),
        ("tcx", "attach", Outcome(-1, errno.ENODEV), ROOT, NONE, "yes", "kernel"),
        ("tcx", "attach", EINVAL, ROOT, NONE, "no", "kernel"),
        ("cgroup", "source", Outcome(-1, errno.ENOENT), ROOT, NONE, "no", "kernel"),
        ("cgroup", "attach", EPERM, AGENT, NONE, "no", "capability"),
    ],
)
def test_the_layer_that_refused_is_found(
    *,
    tmp_path: pathlib.Path,
    name: str,
    step: str,
    outcome: Outcome,
    caller: Caller,
    lockdown: str,
    answer: str,
    decided_by: str,
) -> None:
    write(tmp_path, "sys/kernel/security/lockdown", lockdown)
    write(tmp_path, "proc/sys/kernel/perf_event_paranoid", "3")
    answers: dict[str, Answer] = {} if caller.can(CAP_SYS_ADMIN) else {"events": EACCES}
    layers = Kernel(**answers).layers(root=tmp_path, caller=caller)
    probe = judge_attempt(Attempt(step, outcome), layers=layers, name=name).probe
    assert (probe.answer, probe.decided_by) == (answer, decided_by), probe.reason


def test_uprobes_by_perf_need_more_than_perfmon(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "proc/sys/kernel/perf_event_paranoid", "2")
    layers = Kernel().layers(root=tmp_path, caller=AGENT)
    verdict = judge_attempt(Attempt("open", EACCES), layers=layers, name="uprobe_perf")
    assert (verdict.probe.decided_by, verdict.lacking) == ("capability", ("CAP_SYS_ADMIN",))


def test_the_fix_names_the_next_refusal(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "proc/sys/kernel/perf_event_paranoid", "3")
    layers = Kernel(events=EACCES).layers(root=tmp_path, caller=with_capabilities(CAP_BPF))
    fix = judge_attempt(Attempt("load", EPERM), layers=layers, name="kprobe_perf").report()["fix"]
    assert fix.startswith("Add CAP_PERFMON to ")
    assert "Then: Set kernel.perf_event_paranoid to 2" in fix
    fix = judge_attempt(Attempt("load", EPERM), layers=layers, name="fentry").report()["fix"]
    assert "paranoid" not in fix


def test_every_method_is_tried_and_leaves_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attach.fcntl, "ioctl", lambda *arguments: 0)
    for pmu in ("kprobe", "uprobe"):
        write(tmp_path, f"sys/bus/event_source/devices/{pmu}/type", "8\n")
    tracefs = tmp_path / "tracing"
    write(tracefs, "kprobe_events", "")
    write(tracefs, f"events/gofleet_probe_{attach.os.getpid()}/entry/id", "1\n")
    write(tracefs, "events/sched/sched_process_exit/id", "2\n")
    write(tmp_path, "proc/self/cgroup", "0::/\n")
    write(tmp_path, "proc/self/mountinfo", f"30 24 0:26 / {tmp_path} rw - cgroup2 cgroup2 rw\n")
    before = len(list(pathlib.Path("/proc/self/fd").iterdir()))
    kernel = Kernel()
    layers = kernel.layers(root=tmp_path)
    targets = NOWHERE._replace(tracefs=str(tracefs))
    answers = probe_attach(Bpf(kernel.host(root=tmp_path)), layers, targets)
    assert list(answers) == list(METHODS)
    assert {name: verdict.probe.answer for name, verdict in answers.items()} == dict.fromkeys(METHODS, "yes")
    assert len(list(pathlib.Path("/proc/self/fd").iterdir())) == before
    assert kernel.left_open() == []


@pytest.mark.parametrize(
    ("filesystems", "decided_by"),
    [("nodev\ttracefs\n", "mount"), ("nodev\tproc\n", "kernel"), (None, "mount")],
)
def test_missing_targets_are_reported(
    tmp_path: pathlib.Path, filesystems: str | None, decided_by: str
) -> None:
    if filesystems is not None:
        write(tmp_path, "proc/filesystems", filesystems)
    kernel = Kernel()
    targets = find_targets(str(tmp_path), tracefs=None)
    answers = probe_attach(Bpf(kernel.host(root=tmp_path)), kernel.layers(root=tmp_path), targets)
    assert (answers["fentry"].probe.answer, answers["fentry"].probe.decided_by) == ("no", "kernel")
    assert "no /sys/kernel/btf/vmlinux" in answers["fentry"].probe.reason
    for name in ("kprobe_tracefs", "tracepoint"):
        assert (answers[name].probe.answer, answers[name].probe.decided_by) == ("no", decided_by)


def test_a_filter_of_both_calls_has_a_fix_for_both() -> None:
    kernel = Kernel(unknown=KILLED, flags=KILLED)
    layers = kernel.layers(caller=ROOT._replace(seccomp=2))
    answers = probe_attach(Bpf(kernel.host()), layers, NOWHERE)
    assert {verdict.probe.decided_by for verdict in answers.values()} == {"seccomp"}
    assert "perf_event_open" in (answers["kprobe_perf"].fix or "")
    assert "perf_event_open" not in (answers["fentry"].fix or "")
    assert set(kernel.made) == {"unknown", "flags"}


def test_damaged_btf_is_reported(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "sys/kernel/btf/vmlinux", "no BTF at all, far from it")
    targets = find_targets(str(tmp_path), tracefs=None)
    assert (targets.fentry, targets.lsm) == (None, None)
    assert targets.btf is not None
    assert "/sys/kernel/btf/vmlinux" in targets.btf
