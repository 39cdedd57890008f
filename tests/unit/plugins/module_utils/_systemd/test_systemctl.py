# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed
from ansible_collections.gofleet.hosts.plugins.module_utils._systemd.systemctl import (
    Systemctl,
    UnitError,
    remove_file,
    write_file,
)


class Scripted:
    """A Runner that expects its commands in order."""

    def __init__(self, *answers: tuple[str, Completed]) -> None:
        self.answers = list(answers)

    def __call__(self, argv: list[str], *, stdin: str | None = None, env: object = None) -> Completed:
        expected, answer = self.answers.pop(0)
        assert " ".join(argv) == expected
        return answer


def _systemctl(*answers: tuple[str, Completed]) -> Systemctl:
    return Systemctl(Scripted(*answers), timeout=2.5, since=1000.7)


def test_units_acted_on_are_recorded() -> None:
    systemctl = _systemctl(
        ("timeout 2.5 systemctl restart -- x.service", Completed(0, "", "")),
        ("systemctl enable --no-reload -- x.service", Completed(0, "", "Created symlink\n")),
        ("systemctl daemon-reload", Completed(0, "", "")),
    )
    systemctl.act("restart", "x.service")
    systemctl.set_enabled("enable", "x.service")
    systemctl.reload()
    assert systemctl.acted == ["x.service"]
    assert systemctl.enabled == [("enable", "x.service")]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Completed(124, "", ""), "the job still running"),
        (Completed(1, "", "Job for x.service failed.\nSee more.\n"), "Job for x.service failed"),
        (Completed(5, "", ""), "exit status 5"),
    ],
)
def test_a_failed_start_is_explained_and_recorded(answer: Completed, text: str) -> None:
    systemctl = _systemctl(("timeout 2.5 systemctl start -- x.service", answer))
    with pytest.raises(UnitError) as caught:
        systemctl.act("start", "x.service")
    assert text in caught.value.found
    assert systemctl.acted == ["x.service"]


def test_a_failed_enable_or_reload_is_explained() -> None:
    with pytest.raises(UnitError, match="no such unit"):
        _systemctl(
            ("systemctl disable --no-reload -- x.timer", Completed(1, "", "no such unit\n"))
        ).set_enabled("disable", "x.timer")
    with pytest.raises(UnitError, match="exit status 1"):
        _systemctl(("systemctl daemon-reload", Completed(1, "", ""))).reload()


def test_the_journal_starts_with_the_transaction() -> None:
    systemctl = _systemctl(
        ("journalctl --sync", Completed(0, "", "")),
        (
            "journalctl -u x.service -n 20 -o cat --no-pager --quiet --since=@1000",
            Completed(0, "a\nb\n\n", ""),
        ),
    )
    assert systemctl.journal("x.service") == "a\nb"


def test_the_process_that_listens_on_a_port_is_named() -> None:
    rows = (
        'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=243,fd=3))\n'
        'LISTEN 0 128 [::]:8022 [::]:* users:(("other",pid=9,fd=3))\n'
        "LISTEN 0 128 127.0.0.1:22 0.0.0.0:*\n"
    )
    systemctl = _systemctl(("ss -Hltnp", Completed(0, rows, "")))
    assert systemctl.port_holders(["127.0.0.1:22", "/run/x"]) == (
        '0.0.0.0:22 is held by users:(("sshd",pid=243,fd=3))'
    )
    assert _systemctl(("ss -Hltnp", Completed(127, "", ""))).port_holders(["80"]) == ""


def test_the_error_ends_with_the_journal() -> None:
    failure = UnitError("x.service", wanted="it active", found="it failed")
    error = failure.as_host_error(journal="a\nb", outcome="All is back.")
    assert str(error).endswith("All is back. The last journal lines of x.service:\na\nb")
    assert failure.as_host_error(journal="", outcome="All is back.").remedy == "All is back."


def test_removing_the_last_drop_in_removes_its_directory(tmp_path: pathlib.Path) -> None:
    for name in ("x.service.d/a.conf", "x.service.d/b.conf"):
        write_file(str(tmp_path), name, "a\n")
    remove_file(str(tmp_path), "x.service.d/a.conf")
    assert (tmp_path / "x.service.d/b.conf").exists()
    remove_file(str(tmp_path), "x.service.d/b.conf")
    remove_file(str(tmp_path), "x.service.d/never.conf")
    assert list(tmp_path.iterdir()) == []
