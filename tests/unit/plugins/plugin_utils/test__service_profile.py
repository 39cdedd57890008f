# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import shutil
import subprocess
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service import read_services
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service_profile import apparmor_profile

ABSTRACTIONS = pathlib.Path("/etc/apparmor.d/abstractions/base")


def profile(**changes: t.Any) -> str:
    item = {"name": "hello", "artefact": {"file": "x"}, "port": 8080, **changes}
    return apparmor_profile(read_services([item])[0], store="/opt/gofleet/hello")


def test_is_named_ours_and_attached_to_every_version_of_the_program() -> None:
    assert "\nprofile gofleet.hello /opt/gofleet/hello/*/hello flags=(attach_disconnected) {\n" in profile()


@pytest.mark.parametrize("path", ["limits", "fd/", "cgroup", "hpage_pmd_size", "somaxconn", "systemd/notify"])
def test_allows_what_go_its_metrics_and_systemd_need(path: str) -> None:
    assert any(path in line and line.endswith(("r,", "w,")) for line in profile().splitlines())


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"sandbox": {"capabilities": ["CAP_NET_BIND_SERVICE"]}}, "  capability net_bind_service,"),
        ({"sandbox": {"read_write_paths": ["/srv/data/"]}}, "  /srv/data/{,**} rwk,"),
        ({"apparmor": {"rules": ["/etc/hello/** r"]}}, "  /etc/hello/** r,"),
        ({"apparmor": {"rules": ["/etc/hello/** r,"]}}, "  /etc/hello/** r,"),
    ],
)
def test_openings_of_the_description_become_rules(changes: dict[str, t.Any], rule: str) -> None:
    assert rule in profile(**changes).splitlines()
    assert rule not in profile().splitlines()


@pytest.mark.skipif(
    shutil.which("apparmor_parser") is None or not ABSTRACTIONS.exists(),
    reason="apparmor_parser is not on this controller; Molecule loads the profile on real hosts",
)
def test_compiles() -> None:
    text = profile(
        sandbox={"capabilities": ["CAP_NET_BIND_SERVICE"], "read_write_paths": ["/srv/data"]},
        apparmor={"rules": ["/etc/hello/** r"]},
    )
    done = subprocess.run(["apparmor_parser", "-QK"], input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
