from __future__ import annotations

from pathlib import Path

import pytest
from lab.accel import accelerator, closed_to_us


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


@pytest.mark.parametrize(
    ("flags", "mode", "expected"),
    [("vmx", 0o000, True), ("vmx", 0o600, False), ("sse", 0o000, False)],
)
def test_kvm_of_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, mode: int, expected: bool
) -> None:
    kvm = tmp_path / "kvm"
    kvm.touch()
    monkeypatch.setattr("os.access", lambda _path, wanted: bool(mode & wanted << 6))
    assert closed_to_us(cpuinfo=f"flags : {flags}\n", kvm=kvm) is expected
    if expected:
        assert accelerator(cpuinfo=f"flags : {flags}\n", kvm=kvm).accel == "tcg,thread=multi"
