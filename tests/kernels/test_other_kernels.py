# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""site.yml and probe.yml on the oldest and the newest kernel that the lab has: Debian 11, and trixie-backports.

What is the same on all kernels is shown by Molecule's scenarios; here is what a kernel, systemd or Python decides.
"""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest
import yaml
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.attach_methods import METHODS
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.maps import MAPS
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.programs import PROGRAMS
from ansible_collections.gofleet.hosts.plugins.module_utils._io_uring.setup import SETUPS

from ..containers.container_lab import PROJECT, ContainerLab, vm_lab

HOSTS = {"deb11": "debian-11", "newest": "debian-13-backports"}
PROMETHEUS = "newest"
VARIABLES = PROJECT / "molecule" / "inventory" / "group_vars" / "all" / "site.yml"
EXPOSURE_AT_MOST = 1.5
# What the distribution did not build, whatever the version promises.
NOT_BUILT = {"programs": {"lirc_mode2"}}
# One round trip a host: what the tests below look at after site.yml.
LOOK = r"""
import json, os, subprocess, sys, urllib.request

def said(script):
    done = subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.decode("utf-8", "replace").strip()

def page(url):
    return urllib.request.urlopen(url, timeout=60).read().decode().strip()

pid = said("systemctl show -p MainPID --value hello.service")
group = said("systemctl show -p ControlGroup --value hello.service")
settings = {}
with open("/etc/sysctl.d/60-gofleet.conf") as file:
    for line in file:
        name, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith(("#", ";")):
            path = "/proc/sys/" + name.strip().lstrip("-").replace(".", "/")
            live = said("cat " + path)
            settings[name.strip()] = [value.split(), live.split()]
print(json.dumps({
    "kernel": said("uname -r"),
    "go": said("su - nobody -s /bin/sh -c 'cd / && go version'"),
    "page": page("http://127.0.0.1:8080/"),
    "metrics": page("http://127.0.0.1:8080/metrics"),
    "listener": said("ss -Hltnp sport = :8080"),
    "uid": os.stat("/proc/" + pid).st_uid,
    "label": said("cat /proc/%s/attr/apparmor/current || cat /proc/%s/attr/current" % (pid, pid)),
    "denied": said("journalctl -k -o cat | grep 'apparmor=.DENIED.*gofleet.hello'"),
    "exposure": said("systemd-analyze security --no-pager hello.service | grep Overall"),
    "limits": said("cat /proc/%s/limits" % pid),
    "environment": said("tr '\\0' '\\n' < /proc/%s/environ" % pid).splitlines(),
    "memory": said("cat /sys/fs/cgroup%s/memory.max" % group),
    "settings": settings,
    "journal": said("journalctl -n 30 -o cat -u hello.service"),
}))
"""


class Fleet(t.NamedTuple):
    """The hosts after site.yml, what they say of themselves, and what the probes say."""

    lab: ContainerLab
    looks: dict[str, dict[str, t.Any]]
    report: dict[str, t.Any]


def site(lab: ContainerLab, groups: pathlib.Path, *options: str) -> str:
    return lab.play(
        "gofleet.hosts.site",
        f"--inventory={groups}",
        f"--extra-vars=@{VARIABLES}",
        *options,
        hello_sources=str(PROJECT / "examples" / "hello"),
    )


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("kernels") / "groups.yml"
    members = {"go_hosts": {"hosts": dict.fromkeys(HOSTS)}, "prometheus": {"hosts": {PROMETHEUS: None}}}
    path.write_text(yaml.safe_dump({"all": {"children": members}}))
    return path


@pytest.fixture(scope="module")
def fleet(groups: pathlib.Path) -> t.Iterator[Fleet]:
    with vm_lab("kernels", **HOSTS) as lab:
        site(lab, groups)
        looks = {name: json.loads(lab.shell(name, "python3 -", stdin=LOOK.encode())) for name in HOSTS}
        lab.play("gofleet.hosts.probe", probe_output=str(groups.parent), probe_units=["hello.service"])
        report = json.loads((groups.parent / "fleet.json").read_text(encoding="utf-8"))
        yield Fleet(lab, looks, report)


@pytest.fixture(params=HOSTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def look(fleet: Fleet, name: str) -> dict[str, t.Any]:
    return fleet.looks[name]


def version(kernel: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", kernel)
    assert found
    return int(found[1]), int(found[2])


def test_the_kernels_are_outside_of_what_molecule_has(fleet: Fleet) -> None:
    kernels = {name: look["kernel"] for name, look in fleet.looks.items()}
    print(kernels)
    assert version(kernels["deb11"]) == (5, 10)
    assert version(kernels["newest"]) > (6, 18)


def test_a_second_run_changes_nothing(fleet: Fleet, groups: pathlib.Path) -> None:
    recap = site(fleet.lab, groups).partition("PLAY RECAP")[2]
    assert recap.count("changed=0 ") == len(HOSTS), recap


def test_go_and_the_service(look: dict[str, t.Any]) -> None:
    assert "go1.26.6 linux/" in look["go"]
    assert "hello" in look["page"], look["journal"]
    assert "http_requests_total" in look["metrics"]
    assert '("systemd",pid=1,' in look["listener"]
    assert look["uid"] in range(61184, 65520)  # systemd.exec(5), DynamicUser=


def test_the_profile_is_enforced_and_denies_nothing_that_the_service_does(look: dict[str, t.Any]) -> None:
    assert look["label"] == "gofleet.hello (enforce)"
    assert look["denied"] == ""


def test_exposure_and_limits(look: dict[str, t.Any]) -> None:
    assert float(look["exposure"].split(":")[1].split()[0]) <= EXPOSURE_AT_MOST
    (files,) = [line.split() for line in look["limits"].splitlines() if line.startswith("Max open files")]
    assert files[3:5] == ["524288", "524288"]
    assert int(look["memory"]) == 256 << 20
    assert "GOMEMLIMIT=230MiB" in look["environment"]


def test_kernel_settings_are_live(look: dict[str, t.Any]) -> None:
    assert look["settings"]
    assert {name: live for name, (written, live) in look["settings"].items()} == {
        name: written for name, (written, live) in look["settings"].items()
    }


def test_every_probe_answered(fleet: Fleet, name: str) -> None:
    (told,) = [one for one in fleet.report["hosts"] if one["name"] == name]
    assert (told["state"], told["problems"]) == ("answered", [])
    assert told["kernel"]["release"] == fleet.looks[name]["kernel"]


def test_ebpf_is_what_the_version_promises(fleet: Fleet, name: str) -> None:
    told = fleet.lab.module(name, "ebpf_info", subsets=["programs", "maps", "attach"])
    kernel = version(fleet.looks[name]["kernel"])
    differences = {}
    for subset, table in (("programs", PROGRAMS), ("maps", MAPS), ("attach", METHODS)):
        for item, kind in table.items():
            expected = "yes" if kernel >= version(kind.since) else "no"
            if item not in NOT_BUILT.get(subset, ()) and told[subset][item]["answer"] != expected:
                differences[item] = expected, told[subset][item]
    assert differences == {}


def test_io_uring_is_what_the_version_promises(fleet: Fleet, name: str) -> None:
    told = fleet.lab.module(name, "io_uring_info")
    assert told.get("usable") == "yes", told
    kernel = version(fleet.looks[name]["kernel"])
    assert {way: told["setup"][way]["answer"] for way in SETUPS} == {
        way: "yes" if kernel >= version(found.since) else "no" for way, found in SETUPS.items()
    }
    assert not [op for op in told["opcodes"] if op.startswith("OP_")], "the table lacks an operation"


def test_every_call_that_go_makes_is_tried(fleet: Fleet, name: str) -> None:
    told = fleet.lab.module(name, "kernel_info")
    assert "values" in told, told
    answers = {call: told["capabilities"][call] for call in told["values"]["syscalls"]["go"]}
    refused = {call: answer for call, answer in answers.items() if answer["answer"] != "yes"}
    assert {answer["decided_by"] for answer in refused.values()} <= {"kernel"}, refused
    assert told["changed"] is False


def test_prometheus_sees_both(fleet: Fleet) -> None:
    url = "http://127.0.0.1:9090/api/v1/query?query=up"
    script = f"import urllib.request as r; print(r.urlopen('{url}').read().decode())"
    answer = json.loads(fleet.lab.shell(PROMETHEUS, "python3 -", stdin=script.encode()))
    up = {
        (one["metric"]["job"], one["metric"].get("host")): one["value"][1] for one in answer["data"]["result"]
    }
    wanted = {(job, host): "1" for job in ("node", "hello") for host in HOSTS}
    assert {key: up.get(key) for key in wanted} == wanted
