# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kernel_info tells against other witnesses of the same host, and against limits and settings made on purpose."""

from __future__ import annotations

import collections
import fnmatch
import re
import typing as t

import pytest

testinfra_hosts = ["ansible://go_hosts"]

# These count, so two readings of them differ.
COUNTERS = {"fs.file-nr", "net.netfilter.nf_conntrack_count"}

BACKLOG = "net.core.netdev_max_backlog"
FIRST = "/etc/sysctl.d/10-gofleet-probe.conf"
LAST = "/run/sysctl.d/95-gofleet-probe.conf"
MASK = "/etc/sysctl.d/99-gofleet-probe.conf"
MASKED = "/run/sysctl.d/99-gofleet-probe.conf"

NAME = "gofleet-probe-limits"
UNIT = f"{NAME}.service"
SLICE = "gofleet-probe.slice"
GROUP = "/gofleet.slice/gofleet-probe.slice"

ASKED: dict[str, dict[str, t.Any]] = {}


@pytest.fixture
def facts(host: t.Any, run_module: t.Any) -> dict[str, t.Any]:
    """Everything that the module tells of a host, asked once."""
    name = host.backend.host
    if name not in ASKED:
        ASKED[name] = run_module("kernel_info", subsets=[])
    assert "values" in ASKED[name], ASKED[name]
    return ASKED[name]


def show(host: t.Any, unit: str, *names: str) -> list[str]:
    return [host.check_output(f"systemctl show -P {name} {unit}") for name in names]


def limits_of(host: t.Any, pid: int) -> dict[str, dict[str, int | None]]:
    """What prlimit says of a process."""
    rows = host.check_output(
        f"prlimit --pid {pid} --nofile --nproc --memlock --raw --noheadings --output RESOURCE,SOFT,HARD"
    )

    def number(word: str) -> int | None:
        return None if word == "unlimited" else int(word)

    return {
        name.lower(): {"soft": number(soft), "hard": number(hard)}
        for name, soft, hard in (row.split() for row in rows.splitlines())
    }


def test_settings_are_those_of_sysctl(host: t.Any, facts: dict[str, t.Any]) -> None:
    # sysctl writes what it cannot read to stderr and ends with 255 for that.
    lines = host.run("sysctl -a 2>/dev/null").stdout.splitlines()
    theirs = {key.strip(): value.split() for key, equals, value in (line.partition("=") for line in lines)}
    differences = {}
    for key, value in facts["values"]["sysctl"].items():
        words = str(value).split() if not isinstance(value, list) else [str(number) for number in value]
        if value is None and key in theirs:
            differences[key] = (None, theirs[key])
        elif value is not None and key not in COUNTERS and words != theirs.get(key):
            differences[key] = (words, theirs.get(key))
    assert differences == {}
    assert len(theirs["fs.file-nr"]) == len(facts["values"]["sysctl"]["fs.file-nr"])


def test_what_wins_at_boot_is_what_systemd_would_read(host: t.Any, facts: dict[str, t.Any]) -> None:
    """A reading of its own: last line of a key in the order in which systemd prints the files."""
    origins = facts["values"]["sysctl_origin"]
    file, line = "", 0
    winners: dict[str, tuple[str, int, str]] = {}
    for text in host.check_output("systemd-analyze cat-config sysctl.d").splitlines():
        header = re.fullmatch(r"# (/\S+\.conf)(?: -> \S+)?", text)
        if header is not None:
            file, line = header.group(1), 0
            continue
        line += 1
        setting = re.fullmatch(r"-?([^#;=\s]+)\s*=\s*(.*?)\s*", text)
        if setting is not None:
            key = setting.group(1)
            name = key.replace("/", ".") if "/" in key.split(".", maxsplit=1)[0] else key
            assert not [known for known in origins if "*" in name and fnmatch.fnmatch(known, name)], text
            winners[name] = (file, line, " ".join(setting.group(2).split()))
    theirs = {key: winners[key][:2] for key in origins if key in winners}
    ours = {
        key: (origin["wins"], origin["wins_line"])
        for key, origin in origins.items()
        if origin["wins"] is not None
    }
    assert ours == theirs
    assert "kernel.pid_max" in ours
    for key in ours:
        boot = origins[key]["boot_value"]
        text = " ".join(map(str, boot)) if isinstance(boot, list) else str(boot)
        assert text == winners[key][2]


@pytest.fixture
def backlog(host: t.Any) -> t.Iterator[str]:
    """A setting that files of the test decide."""
    before = host.check_output(f"sysctl -n {BACKLOG}")
    host.run_test(f"mkdir -p /run/sysctl.d; ln -s /dev/null {MASK}")
    for path, value in ((FIRST, 2001), (LAST, 2002), (MASKED, 2003)):
        host.run_test(f"printf '# made by a test\\n{BACKLOG} = {value}\\n' > {path}")
    yield BACKLOG
    host.run(f"rm -f {FIRST} {LAST} {MASK} {MASKED}; rmdir /run/sysctl.d; sysctl -q -w {BACKLOG}={before}")


@pytest.mark.on("deb13")
def test_what_the_next_boot_changes(host: t.Any, run_module: t.Any, backlog: str) -> None:
    def origin() -> dict[str, t.Any]:
        return run_module("kernel_info", subsets=["sysctl"])["values"]["sysctl_origin"][backlog]

    host.run_test(f"sysctl -q -w {backlog}=2001")
    found = origin()
    assert (found["live"], found["file"], found["line"], found["value"]) == (2001, FIRST, 2, 2001)
    assert (found["wins"], found["wins_line"], found["boot_value"], found["overridden"]) == (
        LAST,
        2,
        2002,
        True,
    )
    host.run_test(f"sysctl -q -w {backlog}=2005")
    found = origin()
    assert (found["file"], found["overridden"]) == (None, True)
    assert "set by hand" in found["reason"]
    # What boot does, done now.
    host.run_test(f"/usr/lib/systemd/systemd-sysctl --prefix=/{backlog.replace('.', '/')}")
    found = origin()
    assert (found["live"], found["file"], found["wins"], found["overridden"]) == (2002, LAST, LAST, False)


@pytest.fixture
def limited(host: t.Any) -> t.Iterator[int]:
    """The process of a unit with limits of its own, in a slice with less processor time."""
    host.run_test(f"systemctl set-property --runtime {SLICE} CPUQuota=50% MemoryMax=256M")
    properties = (
        "LimitNOFILE=4321:8765",
        "LimitMEMLOCK=1M",
        "CPUQuota=200%",
        "MemoryMax=64M",
        "MemoryHigh=48M",
    )
    options = " ".join(f"--property={item}" for item in properties)
    host.run_test(f"systemd-run --quiet --unit={UNIT} --slice={SLICE} {options} sleep 600")
    yield int(show(host, UNIT, "MainPID")[0])
    host.run(
        f"systemctl stop {UNIT} {SLICE} gofleet.slice; systemctl revert {SLICE}; systemctl reset-failed {UNIT}"
    )


def test_limits_of_a_unit_that_runs(host: t.Any, run_module: t.Any, limited: int) -> None:
    values = run_module("kernel_info", subsets=["cgroup"], units=[NAME, "gofleet-no-such", "x*"])["values"]
    unit = values["units"][NAME]
    assert (unit["pid"], unit["source"], unit["reason"]) == (limited, "process", None)
    assert unit["limits"] == limits_of(host, limited)
    assert unit["limits"]["nofile"] == {"soft": 4321, "hard": 8765}
    group = unit["cgroup"]
    assert group["path"] == host.check_output(f"cut -d: -f3- /proc/{limited}/cgroup") == f"{GROUP}/{UNIT}"
    assert (group["memory_max"], group["memory_high"]) == (64 << 20, 48 << 20)
    quota, period = host.check_output(f"cat /sys/fs/cgroup{GROUP}/{UNIT}/cpu.max").split()
    assert group["cpu_max"] == {"quota_us": int(quota), "period_us": int(period), "cpus": 2.0}
    assert host.check_output(f"cat /sys/fs/cgroup{GROUP}/cpu.max").split() == ["50000", "100000"]
    assert (group["effective"]["cpus"], group["decided_by"]["cpus"]) == (0.5, GROUP)
    assert group["effective"]["memory_max"] == 64 << 20
    assert f"cpu.max of {GROUP} allows 0.5 processors and the unit's own 2" in group["gomaxprocs_reason"]
    assert "no such unit" in values["units"]["gofleet-no-such"]["reason"]
    assert "not the name of one unit" in values["units"]["x*"]["reason"]


def test_what_systemd_promises_is_what_the_process_gets(host: t.Any, run_module: t.Any) -> None:
    names = ("gofleet-probe-plain.service", "gofleet-probe-stopped.service")
    extra = {names[1]: "LimitNOFILE=1234\\nLimitNPROC=500\\nCPUQuota=150%%\\nMemoryMax=100M\\nTasksMax=77\\n"}
    try:
        for name in names:
            text = f"[Service]\\nExecStart=/bin/sleep 600\\n{extra.get(name, '')}"
            host.run_test(f"printf '{text}' > /run/systemd/system/{name}")
        host.run_test("systemctl daemon-reload")
        before = run_module("kernel_info", subsets=["cgroup"], units=list(names))["values"]
        host.run_test(f"systemctl start {' '.join(names)}")
        after = run_module("kernel_info", subsets=["cgroup"], units=list(names))["values"]
        pids = {name: int(show(host, name, "MainPID")[0]) for name in names}
        for name in names:
            promised, real = before["units"][name], after["units"][name]
            assert (promised["source"], real["source"], real["pid"]) == ("systemd", "process", pids[name])
            assert promised["limits"] == real["limits"] == limits_of(host, pids[name])
            for key in ("path", "memory_max", "memory_high", "pids_max", "effective", "decided_by"):
                assert promised["cgroup"][key] == real["cgroup"][key], key
        # A unit that says nothing has the defaults.
        assert before["unit_defaults"]["limits"] == after["units"][names[0]]["limits"]
        assert before["unit_defaults"]["pids_max"] == after["units"][names[0]]["cgroup"]["pids_max"]
        stopped = before["units"][names[1]]
        assert stopped["cgroup"]["cpu_max"] == after["units"][names[1]]["cgroup"]["cpu_max"]
        assert stopped["cgroup"]["cpu_max"]["cpus"] == 1.5
    finally:
        host.run(
            f"systemctl stop {' '.join(names)}; rm -f /run/systemd/system/gofleet-probe-*; systemctl daemon-reload"
        )


def test_level_of_the_processor_is_that_of_the_loader(host: t.Any, facts: dict[str, t.Any]) -> None:
    told = host.check_output("/lib64/ld-linux-x86-64.so.2 --help")
    supported = re.findall(r"x86-64-(v\d) \(supported", told)
    cpu = facts["values"]["cpu"]
    assert (cpu["goarch"], cpu["level"]) == ("amd64", max(supported, default="v1"))
    flags = host.check_output("grep -m1 ^flags /proc/cpuinfo").split()
    assert not set(cpu["missing_for_next"]) & set(flags)
    for level in ("v2", "v3", "v4"):
        assert facts["capabilities"][f"goamd64_{level}"]["answer"] == ("yes" if level in supported else "no")


def test_clock_and_namespaces(host: t.Any, facts: dict[str, t.Any]) -> None:
    clock = facts["values"]["clock"]
    place = "/sys/devices/system/clocksource/clocksource0"
    assert clock["clocksource"] == host.check_output(f"cat {place}/current_clocksource")
    assert f"time:[{clock['time_namespace']}]" == host.check_output("readlink /proc/1/ns/time")
    assert clock["initial_time_namespace"] is True
    made = host.run("unshare --time --fork true")
    assert facts["capabilities"]["time_namespaces"]["answer"] == ("yes" if made.rc == 0 else "no")


def test_nodes_are_those_of_lscpu(host: t.Any, facts: dict[str, t.Any]) -> None:
    told = dict(
        re.findall(r"^NUMA node(\d+) CPU\(s\): +(\S+)$", host.check_output("LC_ALL=C lscpu"), re.MULTILINE)
    )
    assert {str(node["node"]): node["cpus"] for node in facts["values"]["numa"]["nodes"]} == told
    total = int(host.check_output("awk '/^MemTotal/ {print $2}' /proc/meminfo")) * 1024
    assert sum(node["memory_bytes"] for node in facts["values"]["numa"]["nodes"]) == total


def test_security_modules(host: t.Any, facts: dict[str, t.Any]) -> None:
    lsm = facts["values"]["lsm"]
    assert ",".join(lsm["active"]) == host.check_output("cat /sys/kernel/security/lsm")
    assert f"[{lsm['lockdown']}]" in host.check_output("cat /sys/kernel/security/lockdown")
    lines = host.check_output("cat /sys/kernel/security/apparmor/profiles").splitlines()
    assert lsm["apparmor"]["profiles"] == dict(
        collections.Counter(line.rsplit("(")[-1][:-1] for line in lines)
    )


def test_what_the_kernel_was_built_with(host: t.Any, facts: dict[str, t.Any]) -> None:
    config = host.check_output("cat /boot/config-$(uname -r)").splitlines()
    built = {
        "prctl_set_vma": "CONFIG_ANON_VMA_NAME",
        "time_namespaces": "CONFIG_TIME_NS",
        "mptcp": "CONFIG_MPTCP",
        "seccomp_filter": "CONFIG_SECCOMP_FILTER",
        "madvise_hugepage": "CONFIG_TRANSPARENT_HUGEPAGE",
        "psi": "CONFIG_PSI",
        "userfaultfd": "CONFIG_USERFAULTFD",
    }
    theirs = {name: "yes" if f"{option}=y" in config else "no" for name, option in built.items()}
    assert {name: facts["capabilities"][name]["answer"] for name in built} == theirs


def test_every_call_that_go_makes_works_for_root(facts: dict[str, t.Any]) -> None:
    go = facts["values"]["syscalls"]["go"]
    refused = {
        name: facts["capabilities"][name] for name in go if facts["capabilities"][name]["answer"] != "yes"
    }
    # Debian builds its kernels without names for mappings; fchmodat2 is of Linux 6.6.
    allowed = {"prctl_set_vma"} if "fchmodat2" not in refused else {"prctl_set_vma", "fchmodat2"}
    assert set(refused) == allowed
    assert {probe["decided_by"] for probe in refused.values()} == {"kernel"}


@pytest.mark.on("deb13")
def test_a_protocol_switched_off_names_the_setting(host: t.Any, run_module: t.Any) -> None:
    try:
        host.run_test("sysctl -q -w net.mptcp.enabled=0")
        probe = run_module("kernel_info", subsets=["syscalls"])["capabilities"]["mptcp"]
    finally:
        host.run("sysctl -q -w net.mptcp.enabled=1")
    assert (probe["answer"], probe["decided_by"]) == ("no", "sysctl")
    assert "net.mptcp.enabled is 0" in probe["reason"]
