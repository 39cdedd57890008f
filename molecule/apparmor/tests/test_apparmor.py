# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From complain to enforce on a real kernel. The tests tell one story, in this order."""

from __future__ import annotations

import copy
import json
import os
import pathlib
import subprocess
import typing as t

import pytest
import yaml

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
INVENTORY = PROJECT / "molecule" / "inventory"
SCENARIO = PROJECT / "molecule" / "apparmor"
PORTS = {"noisy": 8091, "quiet": 8092, "late": 8093}
DEEDS = ["read", "write", "exec", "raw", "signal"]

testinfra_hosts = ["ansible://deb13"]


def play(name: str, *arguments: str, **variables: t.Any) -> subprocess.CompletedProcess[str]:
    argv = ["ansible-playbook", f"--inventory={INVENTORY}", "--limit=deb13", *arguments, str(SCENARIO / name)]
    if variables:
        argv.append(f"--extra-vars={json.dumps(variables)}")
    environment = {**os.environ, "ANSIBLE_PIPELINING": "true", "ANSIBLE_FORCE_COLOR": "0"}
    # Molecule's configuration sends failures to stderr: one stream has all.
    done = subprocess.run(
        argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(done.stdout)
    return done


def services(**rules: list[str]) -> dict[str, t.Any]:
    """The variables of the scenario, with rules added to the profiles of some services."""
    variables: dict[str, t.Any] = yaml.safe_load(
        (SCENARIO / "vars" / "services.yml").read_text(encoding="utf-8")
    )
    found = copy.deepcopy(variables)
    for service in found["go_service_services"]:
        service["apparmor"]["rules"] = rules.get(service["name"], [])
    return found


class Host:
    def __init__(self, host: t.Any, run_module: t.Any) -> None:
        self.host = host
        self.run_module = run_module

    def ask(self, service: str, path: str) -> str:
        script = (
            "import sys, urllib.request as r, urllib.error as e\n"
            "try: print(r.urlopen(sys.argv[1], timeout=60).read().decode().strip())\n"
            "except e.HTTPError as error: print(error.code, error.read().decode().strip())"
        )
        return str(
            self.host.check_output("python3 -c %s %s", script, f"http://127.0.0.1:{PORTS[service]}{path}")
        )

    def deeds(self, service: str) -> dict[str, str]:
        """All that the profile does not allow, and how each ended."""
        sleeper = self.host.check_output("systemctl show -P MainPID systemd-networkd.service")
        return {deed: self.ask(service, f"/do?what={deed}&argument={sleeper}") for deed in DEEDS}

    def modes(self) -> dict[str, str]:
        lines = self.host.check_output("grep ^gofleet /sys/kernel/security/apparmor/profiles").splitlines()
        return {line.split()[0]: line.split()[1].strip("()") for line in lines}

    def label(self, service: str) -> str:
        pid = self.host.check_output("systemctl show -P MainPID %s", f"{service}.service")
        return str(self.host.check_output("cat /proc/%s/attr/apparmor/current", pid))

    def started(self, service: str) -> str:
        return str(
            self.host.check_output(
                "systemctl show -P ExecMainStartTimestampMonotonic %s", f"{service}.service"
            )
        )

    def denials(self, service: str) -> dict[str, t.Any]:
        result = self.run_module("apparmor_denials_info", profiles=[f"gofleet.{service}"])
        return t.cast("dict[str, t.Any]", result["profiles"][f"gofleet.{service}"])


@pytest.fixture
def lab(host: t.Any, run_module: t.Any) -> Host:
    return Host(host, run_module)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("promotion") / "promotion.yml"


def test_new_profiles_complain_and_deny_nothing(lab: Host) -> None:
    assert lab.modes() == {f"gofleet.{name}": "complain" for name in PORTS}
    assert lab.label("noisy") == "gofleet.noisy (complain)"
    assert lab.deeds("noisy") == dict.fromkeys(DEEDS, "ok")


def test_what_was_logged_becomes_rules(lab: Host) -> None:
    told = lab.denials("noisy")
    assert (told["mode"], told["processes"], told["complete"]) == ("complain", 1, "yes"), told["reason"]
    rules = {rule["rule"]: rule for rule in told["rules"]}
    assert {
        "/etc/debian_version r,",
        'owner "/dev/shm/trouble out" w,',
        "/usr/bin/uname rmix,",
        "network inet raw,",
        "capability net_raw,",
        "capability kill,",
        "signal (send) set=(cont) peer=unconfined,",
    } <= set(rules)
    assert {rule["checked"] for rule in told["rules"]} == {"yes"}
    assert rules["network inet raw,"]["dangerous"] and rules["/usr/bin/uname rmix,"]["dangerous"]
    assert not rules["/etc/debian_version r,"]["dangerous"]
    assert lab.denials("quiet")["count"] == 0


def test_promotion_is_predicted(lab: Host, report: pathlib.Path) -> None:
    done = play("promote.yml", "--check", promote_report=str(report))
    assert done.returncode == 0
    assert "quiet would be promoted" in done.stdout
    assert "noisy kept" in done.stdout
    assert set(lab.modes().values()) == {"complain"}
    assert not report.exists()


def test_the_clean_one_is_promoted_and_the_one_that_breaks_comes_back(
    lab: Host, report: pathlib.Path
) -> None:
    started = {name: lab.started(name) for name in PORTS}
    # Nobody has asked for its health since, so nothing of this is in the log.
    lab.host.run_test(
        "cd /var/lib/private/late && echo /etc/debian_version > need && chown --reference=. need && chmod 600 need"
    )
    done = play("promote.yml", promote_report=str(report))
    assert done.returncode != 0
    assert {name: mode for name, mode in lab.modes().items() if "//" not in name} == {
        "gofleet.noisy": "complain",
        "gofleet.quiet": "enforce",
        "gofleet.late": "complain",
    }
    assert lab.label("quiet") == "gofleet.quiet (enforce)"
    assert lab.host.file("/etc/apparmor.d/force-complain/gofleet.late").is_symlink
    assert not lab.host.file("/etc/apparmor.d/force-complain/gofleet.quiet").exists
    assert lab.ask("late", "/healthz") == "ok"
    # A mode counts at once for the processes in the profile.
    assert {name: lab.started(name) for name in PORTS} == started
    told = yaml.safe_load(report.read_text())["services"]
    assert told["quiet"]["hosts"]["deb13"].startswith("promoted: ")
    assert told["noisy"]["hosts"]["deb13"].startswith("kept: ")
    assert "network inet raw," in told["noisy"]["rules"]
    assert told["late"]["hosts"]["deb13"].startswith("reverted: ")
    assert "/etc/debian_version r," in told["late"]["rules"]


def test_what_is_enforced_is_denied(lab: Host) -> None:
    assert "permission denied" in lab.ask("quiet", "/do?what=read")
    told = lab.denials("quiet")
    assert [(one["subject"], one["denied"]) for one in told["denials"]] == [("/etc/debian_version", 1)]


def test_the_proposals_let_it_run_enforced(lab: Host, report: pathlib.Path) -> None:
    rules = yaml.safe_load(report.read_text())["services"]["noisy"]["rules"]
    variables = services(noisy=rules)
    done = play("converge.yml", **variables)
    assert done.returncode == 0
    # New rules keep the modes: one promoted already, one watched again.
    assert (lab.modes()["gofleet.quiet"], lab.modes()["gofleet.noisy"]) == ("enforce", "complain")
    assert lab.deeds("noisy") == dict.fromkeys(DEEDS, "ok")
    assert lab.denials("noisy")["rules"] == []
    done = play("promote.yml", promote_report=str(report), promote_services=["noisy"], **variables)
    assert done.returncode == 0
    assert lab.label("noisy") == "gofleet.noisy (enforce)"
    assert lab.deeds("noisy") == dict.fromkeys(DEEDS, "ok")
    assert lab.denials("noisy")["count"] == 0


def test_what_is_not_ours_is_as_it_was(lab: Host) -> None:
    lab.host.run_test("cd /etc/apparmor.d && sha256sum --check --quiet /root/foreign.files")
    files = "cd /etc/apparmor.d && find . -type f ! -name 'gofleet.*' | wc -l"
    assert lab.host.check_output(files) == lab.host.check_output("wc -l < /root/foreign.files")
    modes = "grep -v ^gofleet /sys/kernel/security/apparmor/profiles | sort | diff - /root/foreign.modes"
    assert lab.host.run(modes).stdout == ""
    assert "(unconfined)" in lab.host.file("/root/foreign.modes").content_string
    for name, said in {"foreign": "without its marker line", "busybox": "without its marker line"}.items():
        refused = lab.run_module("apparmor_profiles", profiles=[{"name": name, "mode": "complain"}])
        assert said in refused["msg"]


def test_lost_lines_are_told(lab: Host) -> None:
    """Without a listener, as Debian 13 is by itself, the kernel drops what exceeds ten lines in five seconds."""
    lab.host.run_test(
        "systemctl disable --now systemd-journald-audit.socket && systemctl restart systemd-journald.service"
    )
    since = lab.host.check_output("date +%s.%N")
    lab.host.run_test("for i in $(seq 30); do aa-exec -p gofleet.late -- cat /etc/hostname >/dev/null; done")
    result = lab.run_module("apparmor_denials_info", profiles=["gofleet.late"], since=since)
    told = result["profiles"]["gofleet.late"]
    assert told["complete"] in ("no", "unknown")
    assert "10 lines in 5 s" in told["reason"] or "lacks" in told["reason"]
