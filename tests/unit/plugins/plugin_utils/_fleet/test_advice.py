# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.advice import advice
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.advice_form import SEVERITIES
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.advice_go import (
    GO_SERVICE_ROOT,
    GO_VERSIONS,
)
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.advice_host import KERNEL_TUNING_PATH
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.drift import drift
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.host import host_facts, no_facts

ROLES = pathlib.Path(__file__).resolve().parents[5] / "roles"
YES = {"answer": "yes", "decided_by": "kernel", "reason": "tried"}


def host(
    *,
    sysctl: dict[str, t.Any] | None = None,
    boot: dict[str, t.Any] | None = None,
    build: dict[str, t.Any] | None = None,
    process: dict[str, t.Any] | None = None,
    findings: list[dict[str, t.Any]] | None = None,
    profiles: dict[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """Return the facts of a host without problems, changed by the arguments."""
    fine = {
        "unit": "hello.service",
        "uid": 999,
        "seccomp": 2,
        "no_new_privs": 1,
        "apparmor": "gofleet.hello (enforce)",
        "limits": {"nofile": {"soft": 1024, "hard": 524288}},
        **(process or {}),
    }
    binary = {
        "path": "/usr/bin/hello",
        "go_version": "go1.27.3",
        "supported": "yes",
        "main": {"path": "example.net/hello", "version": "v1"},
        "starts_here": YES,
        "processes": [fine],
        **(build or {}),
    }
    origin = {key: {"overridden": True, **values} for key, values in (boot or {}).items()}
    return host_facts(
        {
            "kernel_info": {
                "capabilities": {"apparmor": YES},
                "values": {"release": {"release": "6.1"}, "sysctl": sysctl or {}, "sysctl_origin": origin},
            },
            "ebpf_info": {"programs": {}, "profiles": profiles or {}},
            "ebpf_inventory_info": {"findings": findings or []},
            "go_binary_info": {"binaries": [binary]},
        }
    )


def the_only_advice(facts: dict[str, t.Any]) -> dict[str, t.Any]:
    (item,) = advice({"web1": facts}, [])
    assert item["hosts"] == ["web1"]
    assert item["severity"] in SEVERITIES
    assert item["why"].endswith(".")
    assert item["action"].endswith(".")
    assert "{" not in item["set"].replace("{name:", "").replace("{build:", "").replace("{mode:", "").replace(
        "{directory:", ""
    ).replace("{memory_max:", "").replace("{nofile:", "")
    return item


def test_a_host_without_problems_gets_no_advice() -> None:
    assert advice({"web1": host()}, []) == []


@pytest.mark.parametrize(
    ("given", "severity", "title", "to_set"),
    [
        ({"sysctl": {"net.core.somaxconn": 128}}, "soon", "queue fewer", "kernel_tuning_profiles: [network_server]"),
        ({"build": {"supported": "no"}}, "now", "Running programs", "go_service_services:"),
        ({"build": {"supported": "no", "processes": []}}, "later", "are not running", ""),
        ({"build": {"supported": "no", "path": "/usr/local/go/bin/go"}}, "soon", "toolchains", "go_toolchain_"),
        ({"build": {"starts_here": {**YES, "answer": "no", "decided_by": "glibc"}}}, "now", "cannot start", "static"),
        ({"build": {"starts_here": {**YES, "answer": "no", "decided_by": "cpu"}}}, "now", "cannot start", "GOAMD64=v1"),
        ({"process": {"deleted": True}}, "now", "replaced", "systemctl restart hello.service"),
        ({"process": {"deleted": True, "unit": "session-1.scope"}}, "now", "replaced", "systemctl restart"),
        ({"process": {"cgroup": {"memory_max": 1073741824}}}, "soon", "GOMEMLIMIT", "Environment=GOMEMLIMIT=921MiB"),
        ({"process": {"limits": {"nofile": {"hard": 1024}}}}, "soon", "fewer than 4096 files", "LimitNOFILE=524288"),
        ({"process": {"apparmor": "gofleet.hello (complain)"}}, "soon", "only logs", "apparmor: {mode: enforce}"),
        ({"process": {"apparmor": "unconfined"}}, "later", "no AppArmor profile", "apparmor: {mode: enforce}"),
        ({"process": {"uid": 0, "no_new_privs": 0, "seccomp": 0}}, "later", "as root", "NoNewPrivileges=yes"),
        ({"findings": [{"kind": "orphan_pin", "name": "/p", "remedy": "rm /p"}]}, "soon", "pins", ""),
        ({"findings": [{"kind": "of_tomorrow", "name": "x", "remedy": "y"}]}, "soon", "of_tomorrow", ""),
        ({"profiles": {"obi": {"answer": "no", "reason": "no BTF", "fix": "Boot."}}}, "later", "eBPF profiles", ""),
    ],
)  # fmt: skip
def test_a_host_with_one_problem(given: dict[str, t.Any], severity: str, title: str, to_set: str) -> None:
    item = the_only_advice(host(**given))
    assert (item["severity"], title in item["title"], to_set in item["set"]) == (severity, True, True)
    assert item["caution"] == ""


def test_services_of_our_role_get_its_variables() -> None:
    ours = {"path": "/opt/gofleet/hello/current/hello"}
    few = {
        **ours,
        "processes": [
            {"unit": "hello.service", "limits": {"nofile": {"hard": 9}}, "apparmor": "x (enforce)"}
        ],
    }
    assert "limits: {nofile: 524288}" in the_only_advice(host(build=few))["set"]
    memory = {
        **ours,
        "processes": [{"unit": "hello.service", "cgroup": {"memory_max": 9}, "apparmor": "x (enforce)"}],
    }
    assert "limits: {memory_max: ...}" in the_only_advice(host(build=memory))["set"]


@pytest.mark.parametrize(
    ("key", "values", "severity", "value", "path", "warned"),
    [
        # The file of the role comes last.
        ("vm.swappiness", ("10", "60", "/usr/lib/sysctl.d/50-a.conf"), "soon", "10", False, False),
        ("vm.swappiness", ("10", None, None), "soon", "10", False, False),
        # Another file comes after the file of the role.
        ("vm.swappiness", ("10", "60", "/etc/sysctl.d/99-a.conf"), "soon", "10", True, False),
        # The host loses a protection at boot: urgent.
        ("kernel.kptr_restrict", ("2", "0", "/etc/sysctl.d/10-a.conf"), "now", "2", False, False),
        ("kernel.unprivileged_userns_clone", ("0", "1", "/etc/sysctl.d/10-a.conf"), "now", "0", False, False),
        # The live value protects less: the advice offers the stricter value, with a caution.
        ("kernel.perf_event_paranoid", ("1", "3", "/etc/sysctl.d/10-a.conf"), "soon", "3", False, True),
        ("kernel.kptr_restrict", ("2", None, None), "soon", "2", False, True),
    ],
)  # fmt: skip
def test_a_value_that_a_boot_changes(  # noqa: PLR0917 a table
    key: str, values: tuple[str, str | None, str | None], severity: str, value: str, path: bool, warned: bool
) -> None:
    item = the_only_advice(host(boot={key: dict(zip(("live", "boot_value", "wins"), values))}))
    assert item["severity"] == severity
    assert f'{{name: {key}, value: "{value}", rule: exactly}}' in item["set"]
    assert ("kernel_tuning_path: " in item["set"]) == path
    assert bool(item["caution"]) == warned
    assert (values[2] or "No file") in item["why"]
    assert next(iter(yaml.safe_load(item["set"]))) == "kernel_tuning_settings"


def test_a_file_that_sorts_after_every_other() -> None:
    item = the_only_advice(
        host(boot={"vm.swappiness": {"live": 1, "boot_value": 2, "wins": "/etc/sysctl.d/99-zzz.conf"}})
    )
    assert yaml.safe_load(item["set"])["kernel_tuning_path"] > "/etc/sysctl.d/99-zzz.conf"


@pytest.mark.parametrize(
    "fix", ["Set kernel.perf_event_paranoid to 1.", "Boot without lockdown.", "Add CAP_SYS_ADMIN."]
)
def test_a_fix_that_loosens_a_protection_has_a_caution(fix: str) -> None:
    assert the_only_advice(host(profiles={"x": {"answer": "no", "reason": "r", "fix": fix}}))[
        "caution"
    ].startswith("This loosens")


def test_hosts_without_an_answer() -> None:
    hosts = {
        "a": no_facts("unreachable", problems=[{"module": "kernel_info", "message": "timed out"}]),
        "b": no_facts("failed", problems=[{"module": "kernel_info", "message": "boom"}]),
    }
    items = {item["title"]: item["hosts"] for item in advice(hosts, [])}
    assert items == {"Hosts that could not be reached": ["a"], "kernel_info failed": ["b"]}


def test_equal_advice_is_one_item_and_urgent_items_come_first() -> None:
    hosts = {f"web{number}": host(sysctl={"net.core.somaxconn": 128}) for number in range(9)}
    hosts["db1"] = host(process={"deleted": True})
    items = advice(hosts, [])
    assert [(item["severity"], len(item["hosts"])) for item in items] == [("now", 1), ("soon", 9)]


def test_drift_becomes_advice_with_the_values_of_most_hosts() -> None:
    hosts = {
        name: host(sysctl={"vm.swappiness": value, "vm.x": value})
        for name, value in [("a", 1), ("b", 1), ("c", 60)]
    }
    (item,) = advice(hosts, drift(hosts, {"web": list(hosts)}))
    assert item["hosts"] == ["c"]
    assert item["set"].startswith("# group_vars/web.yml\n")
    assert yaml.safe_load(item["set"]) == {
        "kernel_tuning_settings": [
            {"name": "vm.swappiness", "value": "1", "rule": "exactly"},
            {"name": "vm.x", "value": "1", "rule": "exactly"},
        ]
    }


def test_the_defaults_of_the_roles_are_equal_to_ours() -> None:
    def default(role: str, name: str) -> t.Any:
        return yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text(encoding="utf-8"))[name]

    assert default("go_toolchain", "go_toolchain_versions") == GO_VERSIONS
    assert default("go_service", "go_service_root") == GO_SERVICE_ROOT
    assert default("kernel_tuning", "kernel_tuning_path") == KERNEL_TUNING_PATH


def test_the_advice_names_variables_of_roles() -> None:
    known = {
        name
        for path in ROLES.glob("*/meta/argument_specs.yml")
        for entry_point in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values()
        for name in entry_point["options"]
    }
    sources = (ROLES.parent / "plugins" / "plugin_utils" / "_fleet").glob("advice*.py")
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    named = {word for word in known if f"{word}:" in text}
    assert {
        "kernel_tuning_settings",
        "kernel_tuning_profiles",
        "go_toolchain_versions",
        "go_service_services",
    } <= named


def test_a_slow_clock() -> None:
    facts = host()
    facts["capabilities"]["kernel/fast_clock"] = {
        "answer": "no",
        "decided_by": "kernel",
        "reason": "it is hpet",
    }
    item = the_only_advice(facts)
    assert (item["severity"], item["summary"]) == ("soon", "it is hpet")
    facts["capabilities"]["kernel/fast_clock"]["answer"] = "unknown"
    assert advice({"web1": facts}, []) == []
