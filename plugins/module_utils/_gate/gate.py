# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A gate: conditions looked at over time, and whether all of them hold."""

from __future__ import annotations

import math
import time
import typing as t

from .._errors import HostError
from .condition import Condition, condition_spec, conditions_of
from .evidence import Baseline, Evidence, without_baseline
from .judge import Sample, judge, settled
from .sample import Reading, read_sample

if t.TYPE_CHECKING:
    from .._run import Runner
    from .sample import Ask

__all__ = ["gate_spec", "refusal", "run_gate"]

History = t.Dict[str, t.List[Sample]]


def gate_spec() -> dict[str, t.Any]:
    """The options of the module."""
    return {
        "conditions": {"type": "list", "elements": "dict", "required": True, "options": condition_spec()},
        "url": {"type": "str"},
        "unix_socket": {"type": "path"},
        "prometheus": {"type": "str"},
        "samples": {"type": "int", "default": 3},
        "interval": {"type": "float", "default": 5},
        "since": {"type": "dict"},
        "baseline": {"type": "dict"},
        "headers": {"type": "dict", "default": {}, "no_log": True},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "timeout": {"type": "float", "default": 10},
    }


def run_gate(
    params: t.Mapping[str, t.Any],
    *,
    ask: Ask,
    run: Runner,
    clock: t.Callable[[], float] = time.time,
    pause: t.Callable[[float], None] = time.sleep,
) -> dict[str, t.Any]:
    """Sample, until the last sample or until a condition can no longer hold; what the module returns."""
    conditions = conditions_of(
        params["conditions"],
        url=params["url"],
        unix_socket=params["unix_socket"],
        prometheus=params["prometheus"],
    )
    if params["samples"] < 1 or params["interval"] < 0:
        raise HostError(
            "samples and interval",
            wanted="at least one sample, and an interval that is not below 0 s",
            found=f"{params['samples']} and {params['interval']:g}",
            remedy="Correct them.",
        )
    history = _begun(conditions, params["since"], alone=params["samples"] == 1)
    baselines = None if params["baseline"] is None else _baselines(params["baseline"])
    began: dict[str, t.Any] | None = params["since"]
    told: dict[str, Evidence] = {}
    for number in range(params["samples"]):
        if number:
            pause(params["interval"])
        at = clock()
        sample = read_sample(conditions, ask=ask, run=run, prometheus=params["prometheus"] or "")
        began = began or _beginning(at, sample)
        for condition in conditions:
            history[condition.name].append(Sample(at, sample[condition.name]))
            told[condition.name] = _told(condition, history[condition.name], baselines=baselines)
        if any(settled(one, told[one.name]) and one.required for one in conditions):
            break
    return _report(conditions, told, history, began=began)


def refusal(report: t.Mapping[str, t.Any]) -> HostError:
    """What a gate that did not pass is told by."""
    failed = [one for one in report["conditions"] if one["name"] in report["failed_conditions"]]
    return HostError(
        "gate",
        wanted=f"all of {len(report['conditions'])} conditions to hold",
        found="; ".join(f"{one['name']}: {one['answer']} ({one['reason']})" for one in failed),
        remedy="Look at the service and at its log; where a condition asks too much, change its limit.",
    )


def _told(condition: Condition, samples: list[Sample], *, baselines: dict[str, Baseline] | None) -> Evidence:
    if baselines is None:
        # Nothing to compare with was given, so this run is the one that measures it.
        return judge(without_baseline(condition), samples, baseline=None)
    return judge(condition, samples, baseline=baselines.get(condition.name))


def _begun(conditions: list[Condition], since: t.Mapping[str, t.Any] | None, *, alone: bool) -> History:
    """Where the window of each condition begins: at an earlier run's reading, else where counters are 0."""
    history: History = {condition.name: [] for condition in conditions}
    for condition in conditions:
        if not condition.over_time:
            continue
        earlier = ((since or {}).get("readings") or {}).get(condition.name)
        if earlier is not None:
            series, of = _numbers(earlier.get("series")), _numbers(earlier.get("of"))
            at = float((since or {})["at"])
            history[condition.name].append(Sample(at, Reading(series, of, bool(series), "", "")))
        elif alone:
            history[condition.name].append(Sample(None, Reading({}, {}, False, "", "")))
    return history


def _beginning(at: float, sample: t.Mapping[str, Reading]) -> dict[str, t.Any]:
    """The first sample, as a later run takes it in ``since``. What was not read then begins at 0."""
    return {
        "at": at,
        "readings": {
            name: {"series": _finite(one.series), "of": _finite(one.of)}
            for name, one in sample.items()
            if not one.trouble
        },
    }


def _baselines(given: t.Mapping[str, t.Any]) -> dict[str, Baseline]:
    found: dict[str, Baseline] = {}
    for name, one in given.items():
        if one.get("value") is not None:
            value = float(one["value"])
            lower = value if one.get("lower") is None else float(one["lower"])
            # A quantile in the highest bucket has a lower bound only.
            upper = (
                math.inf if one.get("upper") is None and one.get("lower") is not None else one.get("upper")
            )
            found[name] = Baseline(value, lower, value if upper is None else float(upper))
    return found


def _report(
    conditions: list[Condition],
    told: t.Mapping[str, Evidence],
    history: History,
    *,
    began: t.Mapping[str, t.Any] | None,
) -> dict[str, t.Any]:
    failed = [
        one.name
        for one in conditions
        if told[one.name].answer == "no" or (one.required and told[one.name].answer == "unknown")
    ]
    return {
        "passed": not failed,
        "failed_conditions": failed,
        "conditions": [
            {
                "name": one.name,
                "kind": one.kind,
                "subject": one.subject,
                "required": one.required,
                **{key: _plain(value) for key, value in told[one.name]._asdict().items()},
                "samples": [_shown(one, sample) for sample in history[one.name] if sample.at is not None],
            }
            for one in conditions
        ],
        "values": {
            one.name: {
                key: _plain(getattr(told[one.name], key)) for key in ("value", "lower", "upper", "observed")
            }
            for one in conditions
            # Out of too few requests comes a number, but none to hold another version against.
            if told[one.name].value is not None and told[one.name].decided_by != "count"
        },
        "began": began,
    }


def _shown(condition: Condition, sample: Sample) -> dict[str, t.Any]:
    reading = sample.reading
    # Of buckets, each of which holds those below it, the last one alone.
    whole = [v for key, v in reading.series.items() if condition.kind != "quantile" or 'le="+Inf"' in key]
    text = {"text": reading.text} if reading.text else {}
    return {"at": sample.at, "value": _plain(sum(whole)) if whole else None, **text}


def _numbers(values: t.Mapping[str, t.Any] | None) -> dict[str, float]:
    return {key: float(value) for key, value in (values or {}).items()}


def _finite(values: t.Mapping[str, float]) -> dict[str, float]:
    return {key: value for key, value in values.items() if math.isfinite(value)}


def _plain(value: t.Any) -> t.Any:
    """JSON has no infinite numbers."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
