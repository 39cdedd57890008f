from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml
from lab.inventory import write_inventory
from lab.state import Host, Lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("LAB_STATE", str(tmp_path / "a state"))
    host = Host(
        name="deb12",
        image="debian-12",
        kind="vm",
        address="10.77.0.11",
        ssh_address="127.0.0.1",
        ssh_port=2201,
    )
    made = Lab(
        name="demo", kind="vm", run_dir="/run/gofleet-lab-x", boot_id="b", mirror="http://10.0.2.2:8000/dl"
    )
    made.hosts.append(host)
    made.folder.mkdir(parents=True)
    return made


def test_inventory_has_what_plays_rely_on(lab: Lab) -> None:
    data = yaml.safe_load(write_inventory(lab).read_text())["all"]
    host = data["children"]["lab"]["hosts"]["deb12"]
    args = shlex.split(host.pop("ansible_ssh_common_args"))
    assert data["vars"] == {"lab_go_mirror": "http://10.0.2.2:8000/dl"}
    assert host == {
        "ansible_host": "127.0.0.1",
        "ansible_port": 2201,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(lab.folder / "id_ed25519"),
        "ansible_python_interpreter": "/usr/bin/python3",
        "lab_address": "10.77.0.11",
        "lab_image": "debian-12",
        "lab_kind": "vm",
    }
    assert "ControlPath=/run/gofleet-lab-x/c-%C" in args
    assert "StrictHostKeyChecking=no" in args
