# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed
from ansible_collections.gofleet.hosts.plugins.module_utils._units.spec import Unit, parse_units
from ansible_collections.gofleet.hosts.plugins.module_utils._units.verify import (
    parse_exposure,
    split_messages,
    staged,
    verify_exposure,
    verify_text,
)

# As systemd 252 prints it.
VERIFY = """\
/tmp/s/hello.service:5: Unknown key 'Frobnicate' in section [Service], ignoring.
/tmp/s/hello.service.d/10-a.conf:2: Unknown section 'Instal'. Ignoring.
/usr/lib/systemd/system/other.service:3: Unknown key 'New' in section [Service], ignoring.
other.service: Command /usr/bin/other is not executable: No such file or directory
Unit other.service has a bad unit file setting.
hello.service: Command /opt/hello/current/hello is not executable: No such file or directory
hello.service: Command /opt/elsewhere/hello is not executable: No such file or directory
Unit hello.service has a bad unit file setting.
work@i.service: Command /x is not executable: Permission denied
"""

SECURITY = """\
  NAME                       DESCRIPTION                                    EXPOSURE
+ SystemCallFilter=~@swap    System call deny list defined for service
- UMask=                     Files created are world-readable by default         0.1
- User=/DynamicUser=         Service runs as root user                           0.4
  RemoveIPC=                 Service runs as root, option does not apply

-> Overall exposure level for a.service: 9.6 UNSAFE :-{
\u2717 PrivateNetwork=          Service has access to the host's network             0.5

\u2192 Overall exposure level for b.service: 1.2 OK
"""


class Scripted:
    """A Runner that expects its commands in order; ``{stage}`` in an answer is the directory staged."""

    def __init__(self, *answers: tuple[str, Completed]) -> None:
        self.answers = list(answers)
        self.env: t.Mapping[str, str] = {}

    def __call__(
        self, argv: list[str], *, stdin: str | None = None, env: t.Mapping[str, str] | None = None
    ) -> Completed:
        assert env is not None
        stage = env["SYSTEMD_UNIT_PATH"].split(":")[0]
        expected, answer = self.answers.pop(0)
        assert " ".join(argv).replace(stage, "{stage}") == expected
        return answer._replace(err=answer.err.replace("{stage}", stage))


def _warn(text: str) -> None:
    raise AssertionError(text)


def _units(*names: str, **more: t.Any) -> list[Unit]:
    return parse_units([{"name": name, "content": "[Service]\nExecStart=/x\n", **more} for name in names])


def _verify(units: list[Unit], run: t.Any, warn: t.Callable[[str], None] = _warn) -> None:
    with staged(units, path="/etc/systemd/system") as stage:
        verify_text(stage, units, differing=[unit.name for unit in units], run=run, warn=warn)


def test_only_messages_about_our_units_count() -> None:
    found, exempt = split_messages(
        VERIFY, directory="/tmp/s", names=["hello.service", "work@.service"], stores=["/opt/hello"]
    )
    assert found == [
        "hello.service:5: Unknown key 'Frobnicate' in section [Service], ignoring.",
        "hello.service.d/10-a.conf:2: Unknown section 'Instal'. Ignoring.",
        "hello.service: Command /opt/elsewhere/hello is not executable: No such file or directory",
        "Unit hello.service has a bad unit file setting.",
        "work@i.service: Command /x is not executable: Permission denied",
    ]
    assert exempt == [
        "hello.service: Command /opt/hello/current/hello is not executable: No such file or directory"
    ]


def test_staged_files_take_precedence_and_are_removed() -> None:
    units = [*_units("x.service"), *parse_units([{"name": "x.service.d/old.conf", "state": "absent"}])]
    with staged(units, path="/etc/systemd/system") as stage:
        assert stage.env == {"SYSTEMD_UNIT_PATH": f"{stage.directory}:/etc/systemd/system:"}
        with open(os.path.join(stage.directory, "x.service"), encoding="utf-8") as file:
            assert file.read() == "[Service]\nExecStart=/x\n"
        assert os.readlink(os.path.join(stage.directory, "x.service.d/old.conf")) == "/dev/null"
    assert not os.path.exists(stage.directory)


COMMAND = "systemd-analyze verify --man=no --recursive-errors=no {stage}/x.service"


def test_a_unit_without_fault_passes() -> None:
    _verify(_units("x.service"), Scripted((COMMAND, Completed(0, "", ""))))


def test_a_drop_in_is_verified_through_its_unit() -> None:
    units = parse_units([{"name": "ssh.service.d/a.conf", "content": "[Service]\nNice=1\n"}])
    _verify(
        units,
        Scripted(("systemd-analyze verify --man=no --recursive-errors=no ssh.service", Completed(0, "", ""))),
    )


@pytest.mark.parametrize("rc", [0, 1])
def test_a_warning_about_a_unit_is_an_error(rc: int) -> None:
    run = Scripted(
        (COMMAND, Completed(rc, "", "{stage}/x.service:2: Unknown key 'A' in section [Service]\n"))
    )
    with pytest.raises(HostError, match="found x.service:2: Unknown key 'A'"):
        _verify(_units("x.service"), run)


def test_a_fault_in_another_unit_is_ignored() -> None:
    _verify(_units("x.service"), Scripted((COMMAND, Completed(0, "", "/lib/y.service:2: Unknown key 'A'\n"))))


def test_an_unexplained_exit_status_is_an_error() -> None:
    with pytest.raises(HostError, match="Failed to initialize manager"):
        _verify(_units("x.service"), Scripted((COMMAND, Completed(1, "", "Failed to initialize manager\n"))))


def test_a_program_of_a_later_release_is_not_a_fault() -> None:
    units = _units("x.service", release={"path": "/opt/x", "version": "1"})
    err = "x.service: Command /opt/x/current/x is not executable: No such file or directory\n"
    _verify(units, Scripted((COMMAND, Completed(1, "", err))))


def test_an_old_systemd_gets_a_warning() -> None:
    warned: list[str] = []
    run = Scripted(
        (COMMAND, Completed(1, "", "systemd-analyze: unrecognized option '--recursive-errors=no'\n")),
        ("systemd-analyze verify --man=no {stage}/x.service", Completed(1, "", "/lib/y.service:1: bad\n")),
    )
    _verify(_units("x.service"), run, warned.append)
    assert len(warned) == 1


def test_absent_files_need_no_verification() -> None:
    _verify(parse_units([{"name": "x.service", "state": "absent"}]), Scripted())


def test_the_exposure_and_its_worst_rows_are_read() -> None:
    assert parse_exposure(SECURITY) == {
        "a.service": (
            9.6,
            [
                "User=/DynamicUser= Service runs as root user (0.4)",
                "UMask= Files created are world-readable by default (0.1)",
            ],
        ),
        "b.service": (1.2, ["PrivateNetwork= Service has access to the host's network (0.5)"]),
    }


def _exposure(units: list[Unit], run: t.Any, limit: float, warn: t.Callable[[str], None] = _warn) -> t.Any:
    names = [unit.name for unit in units]
    limited = [
        unit._replace(exposure_max=limit) if unit.name.endswith(".service") else unit for unit in units
    ]
    with staged(units, path="/etc/systemd/system") as stage:
        return verify_exposure(stage, limited, differing=names, run=run, warn=warn)


def test_too_much_exposure_is_an_error_with_its_reasons() -> None:
    command = "systemd-analyze security --offline=true --no-pager {stage}/a.service {stage}/b.service"
    units = [*_units("a.service", "b.service"), *parse_units([{"name": "a.socket", "content": "[Socket]\n"}])]
    assert _exposure(units, Scripted((command, Completed(0, SECURITY, ""))), 9.6) == {
        "a.service": 9.6,
        "b.service": 1.2,
    }
    with pytest.raises(HostError, match=r"found 9\.6; largest contributions: User=/DynamicUser="):
        _exposure(units, Scripted((command, Completed(0, SECURITY, ""))), 9.5)


def test_a_service_without_a_limit_is_not_checked() -> None:
    with staged(_units("a.service"), path="/etc/systemd/system") as stage:
        assert (
            verify_exposure(stage, _units("a.service"), differing=["a.service"], run=Scripted(), warn=_warn)
            == {}
        )


def test_a_service_without_a_score_is_an_error() -> None:
    command = "systemd-analyze security --offline=true --no-pager {stage}/c.service"
    with pytest.raises(HostError, match="no score: Failed"):
        _exposure(_units("c.service"), Scripted((command, Completed(1, "", "Failed"))), 5)


def test_an_old_systemd_gets_no_exposure_check() -> None:
    warned: list[str] = []
    command = "systemd-analyze security --offline=true --no-pager {stage}/c.service"
    answer = Completed(1, "", "systemd-analyze: unrecognized option '--offline=true'")
    assert _exposure(_units("c.service"), Scripted((command, answer)), 5, warned.append) == {}
    assert len(warned) == 1


@pytest.mark.parametrize(
    "line",
    [
        "Unknown key 'FileDescriptorStorePreserve' in section [Service], ignoring.",
        "Unknown key name 'FileDescriptorStorePreserve' in section 'Service', ignoring.",
    ],
)
def test_an_optional_setting_may_be_unknown(line: str) -> None:
    answer = Completed(1, "", f"{{stage}}/x.service:2: {line}\n")
    _verify(_units("x.service", optional=["FileDescriptorStorePreserve"]), Scripted((COMMAND, answer)))
    with pytest.raises(HostError, match="FileDescriptorStorePreserve"):
        _verify(_units("x.service", optional=["Other"]), Scripted((COMMAND, answer)))


def test_an_optional_setting_excuses_no_other_fault() -> None:
    err = "{stage}/x.service:2: Unknown key 'A' in section [Service], ignoring.\n{stage}/x.service:3: Bad value\n"
    with pytest.raises(HostError, match="found x.service:3: Bad value"):
        _verify(_units("x.service", optional=["A"]), Scripted((COMMAND, Completed(1, "", err))))
