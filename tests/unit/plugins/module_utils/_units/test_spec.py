# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._units.spec import MARKER, parse_units, unit_spec

SERVICE = "[Service]\nExecStart=/bin/x\n"
HEALTH = {"url": "http://127.0.0.1/", "status": 200, "timeout": 1}


def test_the_text_starts_with_the_marker_and_ends_with_one_line_break() -> None:
    (unit,) = parse_units([{"name": "x.service", "content": SERVICE + "\n\n"}])
    assert unit.text == MARKER + "\n" + SERVICE
    assert unit.may_run


def test_an_absent_unit_is_disabled_and_has_no_text() -> None:
    unit, drop_in = parse_units(
        [
            {"name": "x.service", "content": SERVICE, "state": "absent", "enabled": True},
            {"name": "x.service.d/a.conf", "state": "absent"},
        ]
    )
    assert (unit.text, unit.enabled, unit.may_run, unit.has_file) == (None, False, False, True)
    assert (drop_in.enabled, drop_in.runs, drop_in.has_file) == (None, False, True)


def test_the_path_of_a_release_has_no_trailing_slash() -> None:
    (unit,) = parse_units([{"name": "x.service", "release": {"path": "/opt/x/", "version": "1"}}])
    assert unit.release == ("/opt/x", "1")


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"name": "x"}, "neither NAME.TYPE"),
        ({"name": "x.service.d/a.conf"}, "without `content`"),
        ({"name": "x@.service", "content": SERVICE, "state": "started"}, "template"),
        ({"name": "x.service.d/a.conf", "content": SERVICE, "enabled": True}, "drop-in"),
        ({"name": "x.socket", "release": {"path": "/opt/x", "version": "1"}}, "not a service"),
        ({"name": "x.timer", "health": HEALTH}, "not a service"),
        ({"name": "x.service", "health": {**HEALTH, "url": "https://x/"}}, "plain HTTP"),
        ({"name": "x.service", "content": SERVICE, "enabled": True}, "without WantedBy="),
        (
            {"name": "x.service", "content": SERVICE + "Type=oneshot\n", "state": "started"},
            "never stays active",
        ),
    ],
)
def test_entries_that_no_host_can_satisfy_are_refused(entry: dict[str, t.Any], text: str) -> None:
    with pytest.raises(HostError) as caught:
        parse_units([entry])
    assert text in str(caught.value)


def test_a_oneshot_with_remain_after_exit_can_be_started() -> None:
    content = SERVICE + "Type=oneshot\nRemainAfterExit=yes\n"
    assert parse_units([{"name": "x.service", "content": content, "state": "started"}])


def test_repeated_names_and_two_versions_of_one_store_are_refused() -> None:
    with pytest.raises(HostError, match="two entries"):
        parse_units([{"name": "x.timer"}, {"name": "x.timer"}])
    with pytest.raises(HostError, match="found 1 and 2"):
        parse_units(
            [
                {"name": "x.service", "release": {"path": "/opt/x", "version": "1"}},
                {"name": "y.service", "release": {"path": "/opt/x/", "version": "2"}},
            ]
        )


def test_the_argument_spec_has_the_fields_of_a_unit() -> None:
    assert set(unit_spec()) == {
        "name",
        "content",
        "state",
        "enabled",
        "adopt",
        "set",
        "optional",
        "release",
        "health",
        "exposure_max",
    }
