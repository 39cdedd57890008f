# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._gate.gate import gate_error, gate_spec, run_gate
from ansible_collections.gofleet.hosts.plugins.module_utils._gate.sample import Response
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed

ERRORS = {"name": "errors", "kind": "ratio", "metric": "r", "labels": {"code": "=~5.."}, "max": 0.1}
SLOWER = {"name": "slower", "kind": "quantile", "metric": "d", "quantile": 0.5, "max_ratio": 1.5}
QUEUE = {"name": "queue", "metric": "queue", "max": 10}


def page(good: int, bad: int = 0, *, fast: int = 0, slow: int = 0, queue: float = 0) -> str:
    lines = [f'r{{code="200"}} {good}', f'd_bucket{{le="0.1"}} {fast}', f"queue {queue}"]
    lines += [f'd_bucket{{le="{bound}"}} {fast + slow}' for bound in ("0.5", "+Inf")]
    return "\n".join([*lines, *([f'r{{code="500"}} {bad}'] if bad else [])]) + "\n"


class Gate:
    """A gate whose requests return one page after the other."""

    def __init__(self, *pages: str) -> None:
        self.pages = list(pages)
        self.now = 1000.0
        self.pauses: list[float] = []

    def fetch(self, url: str, unix_socket: str) -> Response:
        text = self.pages.pop(0)
        return Response(200, text) if text else Response(0, "refused")

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def run(self, *conditions: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
        given = {"conditions": list(conditions), "url": "http://h/metrics", "samples": 1, **options}
        result = ArgumentSpecValidator(gate_spec()).validate(given)
        assert not result.error_messages
        report = run_gate(
            result.validated_parameters,
            fetch=self.fetch,
            run=lambda argv, **more: Completed(0, "", ""),
            clock=lambda: self.now,
            pause=self.pause,
        )
        # What a module returns travels as JSON.
        travelled: dict[str, t.Any] = json.loads(json.dumps(report, allow_nan=False))
        return travelled


def test_a_window_of_three_samples() -> None:
    gate = Gate(page(100, 50), page(150, 50), page(190, 54))
    report = gate.run(ERRORS, samples=3, interval=5)
    (one,) = report["conditions"]
    assert gate.pauses == [5, 5]
    assert report["passed"] is True
    assert (one["value"], one["observed"], one["seconds"]) == (pytest.approx(4 / 94), 94, 10)
    assert [sample["value"] for sample in one["samples"]] == [50, 50, 54]
    assert report["values"]["errors"]["value"] == one["value"]


def test_one_sample_counts_from_the_start_of_the_process() -> None:
    report = Gate(page(100, 50)).run(ERRORS)
    assert report["failed_conditions"] == ["errors"]
    assert report["conditions"][0]["seconds"] is None
    assert report["conditions"][0]["observed"] == 150


def test_a_later_run_continues_the_window_of_an_earlier_one() -> None:
    began = Gate(page(100, 50)).run(ERRORS)["began"]
    gate = Gate(page(200, 51))
    gate.now += 60
    report = gate.run(ERRORS, since=began)
    assert report["passed"] is True
    assert (report["conditions"][0]["observed"], report["conditions"][0]["seconds"]) == (101, 60)
    assert report["began"] == began
    # A series that the earlier run could not read began at 0.
    began = Gate("").run(ERRORS)["began"]
    assert Gate(page(100, 5)).run(ERRORS, since=began)["conditions"][0]["observed"] == 105


def test_a_version_is_compared_with_the_baseline() -> None:
    old = Gate(page(0, fast=90, slow=10)).run(SLOWER)
    assert old["passed"] is True
    assert old["conditions"][0]["decided_by"] == "nothing"
    same = Gate(page(0, fast=80, slow=20)).run(SLOWER, baseline=old["values"])
    assert same["passed"] is True
    slow = Gate(page(0, fast=20, slow=80)).run({**SLOWER, "max_ratio": 1.0}, baseline=old["values"])
    assert slow["failed_conditions"] == ["slower"]
    assert slow["conditions"][0]["answer"] == "no"
    unmeasured = Gate(page(0, fast=80, slow=20)).run(SLOWER, baseline={})
    assert unmeasured["conditions"][0]["answer"] == "unknown"
    assert unmeasured["passed"] is False


def test_the_highest_bucket_has_no_upper_bound() -> None:
    text = 'd_bucket{le="0.5"} 1\nd_bucket{le="+Inf"} 100\n'
    old = Gate(text).run(SLOWER)
    assert old["values"]["slower"] == {"value": 0.5, "lower": 0.5, "upper": None, "observed": 100}
    assert Gate(text).run(SLOWER, baseline=old["values"])["passed"] is True


def test_an_optional_condition_fails_only_with_no() -> None:
    assert Gate(page(0)).run({**ERRORS, "required": False})["passed"] is True
    assert Gate(page(9, 9)).run({**ERRORS, "required": False})["passed"] is False
    assert Gate("").run({**QUEUE, "required": False})["passed"] is True
    assert Gate("").run(QUEUE)["passed"] is False


def test_sampling_ends_when_the_gate_cannot_pass() -> None:
    gate = Gate(page(0, queue=11), page(0), page(0))
    assert gate.run(QUEUE, samples=3)["passed"] is False
    assert gate.pauses == []
    # After a failed sample or a bad share, a later sample can still pass.
    gate = Gate("", page(0, 9), page(99, 9))
    gate.run(ERRORS, samples=3)
    assert gate.pages == []


def test_the_error_names_failed_conditions_and_reasons() -> None:
    report = Gate(page(9, 9, queue=3)).run(ERRORS, QUEUE)
    error = gate_error(report)
    assert error.wanted == "all 2 conditions to hold"
    assert error.found == "errors: no (9 of 18: 0.5 is above 0.1)"


@pytest.mark.parametrize("options", [{"samples": 0}, {"interval": -1}])
def test_invalid_times_are_refused(options: dict[str, t.Any]) -> None:
    with pytest.raises(HostError, match="samples and interval"):
        Gate().run(QUEUE, **options)
