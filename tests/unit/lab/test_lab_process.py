from __future__ import annotations

from pathlib import Path

import pytest
from lab.process import owned, processes

MARKERS = ("/srv/checkout/.lab/dev/", "/tmp/gofleet-lab-x/")


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["/usr/bin/qemu-system-x86_64", "-drive", "file=/srv/checkout/.lab/dev/a/disk.qcow2,if=none"], True),
        (["vde_switch", "-s", "/tmp/gofleet-lab-x/switch", "-d"], True),
        (["python3", "-m", "lab.golang_server", "--lab", "/srv/checkout/.lab/dev/"], True),
        (["ssh: /tmp/gofleet-lab-x/c-0a1b [mux]"], True),
        (["/usr/bin/qemu-system-x86_64", "-drive", "file=/srv/checkout/.lab/dev2/a/disk.qcow2"], False),
        (["/usr/bin/qemu-system-x86_64", "-drive", "file=/home/me/disk.qcow2"], False),
        (["vi", "/srv/checkout/.lab/dev/inventory.yml"], False),
        (["ssh: /root/.ansible/cp/0a1b [mux]"], False),
        ([], False),
    ],
)
def test_owned_needs_program_and_path(argv: list[str], expected: bool) -> None:
    assert owned(argv, markers=MARKERS) is expected


def test_processes_reads_proc_and_skips_zombies(tmp_path: Path) -> None:
    for pid, cmdline in {
        "10": b"vde_switch\0-s\0/tmp/gofleet-lab-x/switch\0",
        "11": b"",
        "12": b"sh\0",
    }.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_bytes(cmdline)
    (tmp_path / "uptime").write_text("1 2")
    (tmp_path / "13").mkdir()
    assert list(processes(markers=MARKERS, proc=tmp_path)) == [10]
