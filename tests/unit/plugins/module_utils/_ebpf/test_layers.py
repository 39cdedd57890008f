# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.layers import (
    Verdict,
    read_layers,
    refused_bpf,
    refused_event,
    remedy,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import no
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import (
    CAP_BPF,
    CAP_NET_ADMIN,
    CAP_PERFMON,
    CAP_SYS_ADMIN,
    Caller,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._ebpf_features.stand_in_ebpf import (
    EACCES,
    EINVAL,
    EPERM,
    KILLED,
    Answer,
    Kernel,
    with_capabilities,
    write,
)
from .._probe.stand_in import NOBODY, ROOT

ENOSYS = Outcome(-1, errno.ENOSYS)
AGENT = with_capabilities(CAP_BPF, CAP_PERFMON)
FILTERED = ROOT._replace(seccomp=2)
PARANOID = "proc/sys/kernel/perf_event_paranoid"
DISABLED = "proc/sys/kernel/unprivileged_bpf_disabled"


@pytest.mark.parametrize(
    ("outcome", "caller", "answer", "decided_by"),
    [
        (EINVAL, ROOT, "yes", "kernel"),
        (EINVAL, FILTERED, "yes", "kernel"),
        (KILLED, FILTERED, "no", "seccomp"),
        (EPERM, FILTERED, "no", "seccomp"),
        (ENOSYS, FILTERED, "no", "seccomp"),
        (ENOSYS, ROOT, "no", "kernel"),
        # Before Linux 5.19 the kernel checked the setting before the command.
        (EPERM, NOBODY, "yes", "kernel"),
        (EPERM, NOBODY._replace(seccomp=2), "unknown", "seccomp"),
        (EPERM, ROOT, "no", "kernel"),
        (EPERM, ROOT._replace(apparmor="agent (enforce)"), "no", "apparmor"),
        (Outcome(-1, errno.EMFILE), ROOT, "unknown", "kernel"),
    ],
)
def test_a_filter_of_bpf_is_found(
    *, tmp_path: pathlib.Path, outcome: Outcome, caller: Caller, answer: str, decided_by: str
) -> None:
    write(tmp_path, DISABLED, "2\n")
    verdict = Kernel(unknown=outcome).layers(root=tmp_path, caller=caller).bpf
    assert (verdict.probe.answer, verdict.probe.decided_by) == (answer, decided_by), verdict.probe.reason
    assert (verdict.fix is not None) == (decided_by == "seccomp")


@pytest.mark.parametrize(
    ("paranoid", "caller", "outcome", "answer", "decided_by", "words"),
    [
        ("3", AGENT, EACCES, "no", "sysctl", "CAP_PERFMON is not enough"),
        ("4", NOBODY, EACCES, "no", "sysctl", "CAP_PERFMON would not be enough"),
        ("2", AGENT, EACCES, "no", "kernel", "security module"),
        ("3", ROOT, EACCES, "no", "kernel", "security module"),
        ("3", AGENT, Outcome(-1, errno.EMFILE), "unknown", "kernel", "EMFILE"),
        # The upstream kernel refuses nothing more above 2. The attempt decides, not the number.
        ("3", AGENT, None, "yes", "kernel", "tried"),
    ],
)
def test_a_refusal_of_all_perf_events_is_found(
    *,
    tmp_path: pathlib.Path,
    paranoid: str,
    caller: Caller,
    outcome: Outcome | None,
    answer: str,
    decided_by: str,
    words: str,
) -> None:
    write(tmp_path, PARANOID, f"{paranoid}\n")
    answers: dict[str, Answer] = {} if outcome is None else {"events": outcome}
    kernel = Kernel(**answers)
    verdict = kernel.layers(root=tmp_path, caller=caller).events
    assert (verdict.probe.answer, verdict.probe.decided_by) == (answer, decided_by)
    assert words in verdict.probe.reason
    assert kernel.left_open() == []


def test_a_filter_of_perf_events_is_found_before_one_is_opened() -> None:
    kernel = Kernel(flags=KILLED)
    layers = kernel.layers(caller=FILTERED)
    assert layers.events == layers.perf
    assert (layers.perf.probe.decided_by, layers.bpf.probe.answer) == ("seccomp", "yes")
    assert "events" not in kernel.made


@pytest.mark.parametrize(
    ("caller", "disabled", "unprivileged", "decided_by", "lacking"),
    [
        (NOBODY, "2", True, "sysctl", ("CAP_BPF",)),
        (NOBODY, "2", False, "capability", ("CAP_BPF",)),
        (NOBODY, "0", True, "capability", ("CAP_BPF",)),
        (NOBODY, None, False, "capability", ("CAP_BPF",)),
        (ROOT, "2", False, "kernel", ()),
        (ROOT._replace(apparmor="x (enforce)"), "2", False, "apparmor", ()),
        (ROOT._replace(seccomp=2), "2", False, "seccomp", ()),
    ],
)
def test_the_layer_that_refused_bpf_is_found(
    *,
    tmp_path: pathlib.Path,
    caller: Caller,
    disabled: str | None,
    unprivileged: bool,
    decided_by: str,
    lacking: tuple[str, ...],
) -> None:
    if disabled is not None:
        write(tmp_path, DISABLED, disabled)
    layers = Kernel().layers(root=tmp_path, caller=caller)
    verdict = refused_bpf(layers, "EPERM", needs=(CAP_BPF,), unprivileged=unprivileged)
    assert (verdict.probe.decided_by, verdict.lacking) == (decided_by, lacking)
    assert verdict.probe.answer == "no"
    closed = disabled == "2" and bool(lacking)
    assert ("unprivileged_bpf_disabled is 2" in verdict.probe.reason) == closed


def test_sys_admin_is_enough_except_in_a_user_namespace() -> None:
    layers = Kernel().layers(caller=with_capabilities(CAP_SYS_ADMIN))
    assert layers.lacking((CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN)) == []
    inside = Kernel().layers(caller=ROOT._replace(namespaced=True))
    verdict = refused_bpf(inside, "EPERM", needs=(CAP_BPF, CAP_PERFMON))
    assert verdict.probe.decided_by == "capability"
    assert "user namespace" in verdict.probe.reason
    assert (verdict.report()["fix"] or "").startswith("Run it outside a user namespace")


@pytest.mark.parametrize(
    ("lockdown", "caller", "kprobe", "decided_by"),
    [
        ("none integrity [confidentiality]", ROOT, True, "lockdown"),
        ("none integrity [confidentiality]", ROOT, False, "kernel"),
        ("none [integrity] confidentiality", ROOT, True, "kernel"),
        ("none integrity [confidentiality]", NOBODY, True, "capability"),
        ("", AGENT, True, "kernel"),
    ],
)
def test_the_layer_that_refused_an_event_is_found(
    *, tmp_path: pathlib.Path, lockdown: str, caller: Caller, kprobe: bool, decided_by: str
) -> None:
    write(tmp_path, "sys/kernel/security/lockdown", f"{lockdown}\n")
    layers = Kernel().layers(root=tmp_path, caller=caller)
    assert refused_event(layers, "EPERM", kprobe=kprobe).probe.decided_by == decided_by


def test_a_remedy_names_each_item_once() -> None:
    verdict = Verdict(no("capability", "x"), "Then more.", ("CAP_BPF", "CAP_PERFMON"))
    granted = "Add CAP_BPF CAP_PERFMON to AmbientCapabilities= and CapabilityBoundingSet= of the unit."
    assert verdict.report() == {**verdict.probe.report(), "fix": f"{granted} Then more."}
    assert remedy((), [None, "A.", "A.", "B."]) == "A. B."
    assert remedy((), [None]) is None


def test_an_unknown_architecture_is_unknown() -> None:
    layers: t.Any = read_layers(Kernel().host()._replace(machine="m68k"))
    assert [layers.bpf.probe.answer, layers.perf.probe.answer, layers.events.probe.answer] == ["unknown"] * 3
