# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.identity_unit import (
    QUERIED_PROPERTIES,
    unit_properties,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._systemd.text import parse_show

from .stand_in import FIXTURES

# A service with a sandbox, as `systemctl show` of each version printed it.
SYSTEMDS = ["252", "257"]


def shown(version: str) -> dict[str, str]:
    text = (FIXTURES / "systemd" / version / "hello.service").read_text(encoding="utf-8")
    return parse_show(text, names=["hello.service"])["hello.service"]


@pytest.mark.parametrize("version", SYSTEMDS)
def test_a_recorded_service_is_copied(version: str) -> None:
    unit = unit_properties(shown(version), unit="hello.service")
    properties = unit.properties
    assert (properties["User"], properties["DynamicUser"], properties["SupplementaryGroups"]) == (
        "hello",
        "yes",
        "adm",
    )
    assert properties["CapabilityBoundingSet"] == "cap_net_bind_service cap_bpf"
    assert properties["AmbientCapabilities"] == "cap_net_bind_service"
    assert properties["LimitMEMLOCK"] == "65536:131072"
    assert properties["RestrictNamespaces"] == "cgroup ipc mnt pid uts"
    assert "read" in properties["SystemCallFilter"].split()
    assert "io_uring_setup" not in properties["SystemCallFilter"].split()
    # The action "kill" has no error number that could be copied.
    assert "SystemCallErrorNumber" not in properties
    assert not {"PrivateUsers", "PrivateUsersEx", "SecureBits"} & set(properties)
    assert "AppArmorProfile=-gofleet.x" in unit.not_carried
    assert "ProtectHome=yes" in unit.not_carried
    # DynamicUser=yes is copied and implies it.
    assert "ProtectSystem=strict" not in unit.not_carried
    assert not [line for line in unit.not_carried if line.endswith("=no")]


@pytest.mark.parametrize("version", SYSTEMDS)
def test_every_property_is_one_that_systemd_shows(version: str) -> None:
    # systemd 257 prints all of them. systemd 252 omits PrivateUsersEx.
    assert set(QUERIED_PROPERTIES) - set(shown(version)) <= {"PrivateUsersEx"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"SystemCallFilter": "~"}, {}),
        ({"SystemCallFilter": "~a b:ENOSYS"}, {"SystemCallFilter": "~a b:ENOSYS"}),
        ({"SystemCallErrorNumber": "1"}, {"SystemCallErrorNumber": "1"}),
        ({"SystemCallErrorNumber": "0"}, {}),
        ({"SystemCallErrorNumber": "zero"}, {}),
        ({"SecureBits": "17"}, {"SecureBits": "noroot keep-caps"}),
        ({"SecureBits": "0"}, {}),
        ({"CapabilityBoundingSet": ""}, {"CapabilityBoundingSet": ""}),
        ({"AmbientCapabilities": ""}, {}),
        ({"PrivateUsers": "yes"}, {"PrivateUsers": "yes"}),
        ({"PrivateUsers": "yes", "PrivateUsersEx": "identity"}, {"PrivateUsersEx": "identity"}),
        ({"PrivateUsers": "no", "PrivateUsersEx": "no"}, {}),
        ({"LimitMEMLOCK": "infinity", "LimitMEMLOCKSoft": "8192"}, {"LimitMEMLOCK": "8192:infinity"}),
        ({"LimitMEMLOCK": "infinity"}, {}),
        ({"Nonsense": "yes"}, {}),
    ],
)
def test_properties_are_converted(changes: dict[str, str], expected: dict[str, str]) -> None:
    assert unit_properties({"LoadState": "loaded", **changes}, unit="x.service").properties == expected


def test_an_empty_list_of_address_families_is_not_copied() -> None:
    unit = unit_properties({"LoadState": "loaded", "RestrictAddressFamilies": ""}, unit="x.service")
    assert (unit.properties, unit.not_carried) == ({}, ["RestrictAddressFamilies=none"])


@pytest.mark.parametrize(
    "text", ["", "garbage", "LoadState=not-found\n", "LoadState=masked\n", "LoadState\n\n=\n"]
)
def test_a_service_that_is_not_loaded_is_refused(text: str) -> None:
    properties = parse_show(text, names=["x.service"]).get("x.service", {})
    with pytest.raises(HostError, match="x.service: wanted a service that systemd has loaded"):
        unit_properties(properties, unit="x.service")


def test_two_versions_of_systemd_are_recorded() -> None:
    assert sorted(path.name for path in pathlib.Path(FIXTURES / "systemd").iterdir()) == SYSTEMDS
