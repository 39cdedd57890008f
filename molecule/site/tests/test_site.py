# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the hosts do after site.yml, asked of the kernel, of systemd and of Prometheus."""

from __future__ import annotations

import collections
import concurrent.futures
import json
import os
import pathlib
import typing as t

import pytest
import testinfra

INVENTORY = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]) / "molecule" / "inventory"
RUNS = pathlib.Path(os.environ["MODULE_RUNS_JSON"])
HOSTS = ["deb12", "deb13"]
PROMETHEUS = "deb13"
GO_VERSION = "1.26.6"
MODULE_RUNS_AT_MOST = 8
EXPOSURE_AT_MOST = 1.5
DYNAMIC_USERS = range(61184, 65520)  # systemd.exec(5), DynamicUser=

testinfra_hosts = ["ansible://go_hosts"]


def test_go_on_everyones_path_is_ours(host: t.Any) -> None:
    assert f"go{GO_VERSION} linux/" in host.check_output("su - nobody -s /bin/sh -c 'cd / && go version'")
    assert host.check_output("su - nobody -s /bin/sh -c 'cd / && command -v gofmt'") == "/usr/local/bin/gofmt"


def test_go_formats_with_the_standard_library_it_came_with(host: t.Any) -> None:
    assert host.check_output("echo 'package  x' | gofmt") == "package x"
    assert host.check_output("go env GOROOT") == f"/usr/local/lib/go/{GO_VERSION}"


def test_the_service_answers_through_its_socket(hello: t.Any) -> None:
    assert "hello" in hello.fetch()


def test_the_listening_socket_is_systemds(host: t.Any) -> None:
    assert '("systemd",pid=1,' in host.check_output("ss -Hltnp sport = :8080")


def test_the_backlog_is_the_kernels_and_not_128(host: t.Any) -> None:
    somaxconn = int(host.check_output("cat /proc/sys/net/core/somaxconn"))
    assert int(host.check_output("ss -Hltn sport = :8080").split()[2]) == somaxconn >= 4096


def test_the_process_runs_as_a_dynamic_user(hello: t.Any) -> None:
    assert hello.uid() in DYNAMIC_USERS


def test_the_kernel_enforces_the_profile_on_the_running_process(hello: t.Any) -> None:
    assert hello.label() == "gofleet.hello (enforce)"


def test_nothing_the_service_does_is_denied(host: t.Any, hello: t.Any) -> None:
    hello.fetch("http://127.0.0.1:8080/metrics")
    denied = host.run("journalctl -k -o cat --grep 'apparmor=.DENIED.*gofleet.hello'").stdout
    assert denied.strip() in ("", "-- No entries --")


def test_the_kernel_denies_what_the_profile_does_not_allow(host: t.Any) -> None:
    # A process that takes the service's profile at its next exec may not exec anything but the service.
    script = """
import os
with open("/proc/self/attr/apparmor/exec", "w") as file:
    file.write("exec gofleet.hello")
os.execv("/bin/cat", ["cat", "/etc/hostname"])
"""
    assert "Permission denied" in host.run("python3 -c %s", script).stderr


def test_exposure_of_the_service(host: t.Any) -> None:
    told = host.check_output("systemd-analyze security --no-pager hello.service | grep Overall")
    exposure = float(told.split(":")[1].split()[0])
    print(f"exposure of hello.service: {exposure}")
    assert exposure <= EXPOSURE_AT_MOST


def test_limits_of_the_running_process(host: t.Any, hello: t.Any) -> None:
    limits = host.check_output("cat /proc/%s/limits", str(hello.pid()))
    (files,) = [line.split() for line in limits.splitlines() if line.startswith("Max open files")]
    assert files[3:5] == ["524288", "524288"]
    group = host.check_output("systemctl show -P ControlGroup hello.service")
    assert int(host.check_output("cat /sys/fs/cgroup%s/memory.max", group)) == 256 << 20
    environment = host.check_output("tr '\\0' '\\n' < /proc/%s/environ", str(hello.pid()))
    assert "GOMEMLIMIT=230MiB" in environment.splitlines()


class Restarts(t.NamedTuple):
    """What the clients of a host saw of restarts, and whether there is another process since."""

    load: t.Any
    replaced: bool


def restart(hello: t.Any) -> Restarts:
    before = hello.pid()
    restarts = "for i in 1 2 3; do systemctl restart hello.service; sleep 4; done"
    load = hello.under_load(seconds=20, meanwhile=restarts)
    return Restarts(load, hello.pid() != before)


@pytest.fixture(scope="module")
def restarted(hello_on: t.Any) -> dict[str, Restarts]:
    """Both hosts at once, and not while Prometheus is asked, which sees both."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return dict(zip(HOSTS, pool.map(restart, map(hello_on, HOSTS)), strict=True))


def test_restarts_lose_no_request(host: t.Any, restarted: dict[str, Restarts]) -> None:
    load, replaced = restarted[host.backend.host]
    print(f"{sum(load.answered.values())} answered, {len(load.failed)} failed over 3 restarts")
    assert load.failed == []
    assert sum(load.answered.values()) > 50
    assert replaced


def test_kernel_settings_are_live(host: t.Any) -> None:
    lines = host.file("/etc/sysctl.d/60-gofleet.conf").content_string.splitlines()
    settings = [line.split("=", 1) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert settings
    for name, value in settings:
        path = "/proc/sys/" + name.strip().lstrip("-").replace(".", "/")
        assert host.check_output("cat %s", path).split() == value.split()


def test_prometheus_sees_every_host_and_service_up() -> None:
    host = testinfra.get_host(f"ansible://{PROMETHEUS}", ansible_inventory=str(INVENTORY))
    script = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9090/api/v1/query?query=up').read().decode())"
    answer = json.loads(host.check_output("python3 -c %s", script))
    up = {
        (one["metric"]["job"], one["metric"].get("host")): one["value"][1] for one in answer["data"]["result"]
    }
    assert {key: up.get(key) for key in [(job, name) for job in ("node", "hello") for name in HOSTS]} == {
        (job, name): "1" for job in ("node", "hello") for name in HOSTS
    }


@pytest.mark.parametrize("name", HOSTS)
def test_an_unchanged_run_costs_few_module_runs(name: str) -> None:
    runs = [run for run in json.loads(RUNS.read_text(encoding="utf-8")) if run["host"] == name]
    counts = collections.Counter(run["module"] for run in runs)
    print(f"{name}: {sum(counts.values())} module runs: {dict(counts)}")
    assert 0 < sum(counts.values()) <= MODULE_RUNS_AT_MOST
