# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Sample the conditions of a gate over time and judge whether all of them hold."""

from __future__ import annotations

import math
import time
import typing as t

from .._errors import HostError
from .condition import Condition, condition_spec, parse_conditions
from .evidence import Baseline, Evidence, without_baseline
from .judge import Sample, is_final, judge
from .sample import Reading, read_sample

if t.TYPE_CHECKING:
    from .._run import Runner
    from .sample import Fetch

__all__ = ["gate_error", "gate_spec", "run_gate"]

History = t.Dict[str, t.List[Sample]]


def gate_spec() -> dict[str, t.Any]:
    """Return the argument spec of ``metrics_gate``."""
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
    fetch: Fetch,
    run: Runner,
    clock: t.Callable[[], float] = time.time,
    pause: t.Callable[[float], None] = time.sleep,
) -> dict[str, t.Any]:
    """Sample until the last sample, or until a condition can no longer hold, and return the module's result.

    :param params: the options of ``metrics_gate``
    :raises HostError: a condition that can never be judged, or an invalid option
    """
    conditions = parse_conditions(
        params["conditions"],
        url=params["url"],
        unix_socket=params["unix_socket"],
        prometheus=params["prometheus"],
    )
    if params["samples"] < 1 or params["interval"] < 0:
        raise HostError(
            "samples and interval",
            wanted="at least one sample and an interval of at least 0 s",
            found=f"{params['samples']} and {params['interval']:g}",
            remedy="Correct these options.",
        )
    history = _start_history(conditions, params["since"], from_zero=params["samples"] == 1)
    baselines = None if params["baseline"] is None else _baselines(params["baseline"])
    began: dict[str, t.Any] | None = params["since"]
    verdicts: dict[str, Evidence] = {}
    for number in range(params["samples"]):
        if number:
            pause(params["interval"])
        at = clock()
        sample = read_sample(conditions, fetch=fetch, run=run, prometheus=params["prometheus"] or "")
        began = began or _first_sample(at, sample)
        for condition in conditions:
            history[condition.name].append(Sample(at, sample[condition.name]))
            verdicts[condition.name] = _judge_condition(
                condition, history[condition.name], baselines=baselines
            )
        if any(is_final(one, verdicts[one.name]) and one.required for one in conditions):
            break
    return _report(conditions, verdicts, history, began=began)


def gate_error(report: t.Mapping[str, t.Any]) -> HostError:
    """Return the error for a gate that did not pass.

    :param report: the result of ``run_gate``
    """
    failed = [one for one in report["conditions"] if one["name"] in report["failed_conditions"]]
    return HostError(
        "gate",
        wanted=f"all {len(report['conditions'])} conditions to hold",
        found="; ".join(f"{one['name']}: {one['answer']} ({one['reason']})" for one in failed),
        remedy="Check the service and its log. Change a limit that is too strict.",
    )


def _judge_condition(
    condition: Condition, samples: list[Sample], *, baselines: dict[str, Baseline] | None
) -> Evidence:
    if baselines is None:
        # Without a baseline this run only measures what a later run compares with.
        return judge(without_baseline(condition), samples, baseline=None)
    return judge(condition, samples, baseline=baselines.get(condition.name))


def _start_history(
    conditions: list[Condition], since: t.Mapping[str, t.Any] | None, *, from_zero: bool
) -> History:
    """Return the first sample of each condition over time, from an earlier run or with counters at 0.

    :param since: the option ``since``
    :param from_zero: whether counters begin at 0 where there is no earlier sample
    """
    history: History = {condition.name: [] for condition in conditions}
    for condition in conditions:
        if not condition.over_time:
            continue
        earlier = ((since or {}).get("readings") or {}).get(condition.name)
        if earlier is not None:
            series, of = _numbers(earlier.get("series")), _numbers(earlier.get("of"))
            at = float((since or {})["at"])
            history[condition.name].append(Sample(at, Reading(series, of, bool(series), "", "")))
        elif from_zero:
            history[condition.name].append(Sample(None, Reading({}, {}, False, "", "")))
    return history


def _first_sample(at: float, sample: t.Mapping[str, Reading]) -> dict[str, t.Any]:
    """Return the first sample in the form of the option ``since``.

    A series that is missing in it begins at 0.
    """
    return {
        "at": at,
        "readings": {
            name: {"series": _finite(one.series), "of": _finite(one.of)}
            for name, one in sample.items()
            if not one.error
        },
    }


def _baselines(given: t.Mapping[str, t.Any]) -> dict[str, Baseline]:
    found: dict[str, Baseline] = {}
    for name, one in given.items():
        if one.get("value") is not None:
            value = float(one["value"])
            lower = value if one.get("lower") is None else float(one["lower"])
            # A quantile in the highest bucket has only a lower bound.
            upper = (
                math.inf if one.get("upper") is None and one.get("lower") is not None else one.get("upper")
            )
            found[name] = Baseline(value, lower, value if upper is None else float(upper))
    return found


def _report(
    conditions: list[Condition],
    verdicts: t.Mapping[str, Evidence],
    history: History,
    *,
    began: t.Mapping[str, t.Any] | None,
) -> dict[str, t.Any]:
    failed = [
        one.name
        for one in conditions
        if verdicts[one.name].answer == "no" or (one.required and verdicts[one.name].answer == "unknown")
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
                **{key: _plain(value) for key, value in verdicts[one.name]._asdict().items()},
                "samples": [_shown(one, sample) for sample in history[one.name] if sample.at is not None],
            }
            for one in conditions
        ],
        "values": {
            one.name: {
                key: _plain(getattr(verdicts[one.name], key))
                for key in ("value", "lower", "upper", "observed")
            }
            for one in conditions
            # A value from too few requests is not a baseline for another version.
            if verdicts[one.name].value is not None and verdicts[one.name].decided_by != "count"
        },
        "began": began,
    }


def _shown(condition: Condition, sample: Sample) -> dict[str, t.Any]:
    reading = sample.reading
    # Buckets are cumulative, so only the last one counts.
    whole = [v for key, v in reading.series.items() if condition.kind != "quantile" or 'le="+Inf"' in key]
    text = {"text": reading.text} if reading.text else {}
    return {"at": sample.at, "value": _plain(sum(whole)) if whole else None, **text}


def _numbers(values: t.Mapping[str, t.Any] | None) -> dict[str, float]:
    return {key: float(value) for key, value in (values or {}).items()}


def _finite(values: t.Mapping[str, float]) -> dict[str, float]:
    return {key: value for key, value in values.items() if math.isfinite(value)}


def _plain(value: t.Any) -> t.Any:
    """Replace infinite numbers and NaN by None, because JSON has neither."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
