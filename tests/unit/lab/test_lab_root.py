from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import root
from lab.errors import LabError

PASSWORD_WANTED = 1


class Sudo:
    """Stands in for sudo: the statuses it ends with, and the commands it was given."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = iter(statuses)
        self.commands: list[list[str]] = []

    def run(self, argv: list[str], **_options: object) -> subprocess.CompletedProcess[bytes]:
        self.commands.append(list(argv))
        return subprocess.CompletedProcess(argv, next(self.statuses), b"", b"")


@pytest.fixture(autouse=True)
def user(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An ordinary user, who has sudo and whom nobody has asked yet."""
    monkeypatch.setattr(root.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(root.shutil, "which", lambda _name: "/usr/bin/sudo")
    monkeypatch.setattr(root, "_refresh", lambda _process: None)
    for name in root.PROXIES:
        monkeypatch.delenv(name, raising=False)
    root._ready.cache_clear()
    yield
    root._ready.cache_clear()


def sudo(monkeypatch: pytest.MonkeyPatch, *statuses: int) -> Sudo:
    made = Sudo(*statuses)
    monkeypatch.setattr(root.subprocess, "run", made.run)
    return made


def test_root_needs_no_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root.os, "geteuid", lambda: 0)
    asked = sudo(monkeypatch)
    assert root.as_root(["podman", "ps"])[-2:] == ["podman", "ps"]
    assert "sudo" not in root.as_root(["podman", "ps"])
    assert asked.commands == []


def test_who_may_without_password_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = sudo(monkeypatch, 0)
    root.as_root(["true"])
    root.as_root(["true"])
    (probe,) = asked.commands
    assert probe[:2] == ["sudo", "-n"]


def test_the_password_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = sudo(monkeypatch, PASSWORD_WANTED, 0, 0)
    root.as_root(["true"])
    root.as_root(["true"])
    assert ["-n" in command for command in asked.commands] == [True, False, True]


@pytest.mark.parametrize(
    "statuses",
    [
        pytest.param([1, 1], id="not in sudoers, or no terminal to ask on"),
        pytest.param([1, 0, 1], id="sudo forgets at once"),
    ],
)
def test_without_the_right_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, statuses: list[int]
) -> None:
    sudo(monkeypatch, *statuses)
    with pytest.raises(LabError, match="usermod -aG sudo"):
        root.as_root(["true"])


def test_without_sudo_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root.shutil, "which", lambda _name: None)
    with pytest.raises(LabError, match="found neither root nor sudo; .*apt-get install sudo"):
        root.as_root(["true"])


def test_command_gets_its_environment_and_usual_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    argv = root.wrapped(["sh", "-c", 'umask; echo "$WORDS"'], env={"WORDS": "two words"})
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "0022\ntwo words\n"
    sudo(monkeypatch, 0)
    assert "http_proxy=http://proxy:3128" in root.as_root(["true"])


def test_another_users_file_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "made" / "within").mkdir(parents=True)
    folders = [str(tmp_path / "made"), str(tmp_path / "absent")]
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(root.os, "geteuid", lambda: owner)
    assert root.left_by_root(folders) == ""
    monkeypatch.setattr(root.os, "geteuid", lambda: owner + 1)
    assert root.left_by_root(folders) == folders[0]
