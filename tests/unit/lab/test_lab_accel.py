from __future__ import annotations

from pathlib import Path

import pytest
from lab.accel import accelerator


@pytest.mark.parametrize(
    ("flags", "device", "expected"),
    [
        ("fpu vmx sse", True, "kvm"),
        ("fpu svm sse", True, "kvm"),
        ("fpu sse", True, "tcg,thread=multi"),
        ("fpu vmx sse", False, "tcg,thread=multi"),
        ("fpu vmxish sse", True, "tcg,thread=multi"),
    ],
)
def test_kvm_needs_device_and_flag(tmp_path: Path, flags: str, device: bool, expected: str) -> None:
    kvm = tmp_path / "kvm"
    if device:
        kvm.touch()
    chosen = accelerator(cpuinfo=f"processor : 0\nflags\t\t: {flags}\n\n", kvm=kvm)
    assert chosen.accel == expected
    assert chosen.cpu == ("host" if expected == "kvm" else "Nehalem")
